//! What people come for, done in a real browser from the first click to the last row: a call found and heard, decided
//! and taken back; fifty given to a campaign; dead events redriven; rows carried away; a secret changed.

use std::time::Duration;

use serde_json::json;
use switchhook::access::Role;
use switchhook::providers;
use switchhook::redact::Secret;
use switchhook::store::connections::touch_secrets;
use uuid::Uuid;

use super::page::downloaded;
use super::{Browser, desk};
use crate::support::{TENANT, TestApp};

/// Enter.
const ENTER: &str = "\u{e007}";
/// Escape.
const ESCAPE: &str = "\u{e00c}";
/// Dead events; what one step takes (`admin::operations::EVENTS_AT_ONCE`) is less than half of them.
const DEAD: u32 = 12_000;
const STEP: u32 = 5_000;

/// Ten seconds of silence: 8,000 samples of a byte each second, as WAV.
fn silence() -> Vec<u8> {
    const SAMPLES: u32 = 80_000;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + SAMPLES).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(b"\x01\0\x08\0data");
    wav.extend(SAMPLES.to_le_bytes());
    wav.resize(wav.len() + SAMPLES as usize, 0x80);
    wav
}

async fn keep_recording(app: &TestApp) {
    let hex: String = silence().iter().map(|byte| format!("{byte:02x}")).collect();
    app.execute(&format!(
        "insert into recordings (id, call_id, audio, audio_type)
         values (gen_random_uuid(), '{}', decode('{hex}', 'hex'), 'audio/wav')",
        desk::CALL
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_found_opened_over_the_list_and_heard() {
    let app = desk::with_work().await;
    keep_recording(&app).await;
    let Some(browser) = Browser::start_as(&app, Role::Agent).await else { return };
    browser.open("/calls").await;
    // A slash goes to the search; the words were said in this call alone.
    browser.press("/").await;
    let has_focus = "return document.activeElement.name";
    assert_eq!(browser.script(has_focus, json!([])).await, "search");
    browser.fill("input[type=search]", "\"quotation for call 1\"").await;
    browser.press(ENTER).await;
    browser.wait_until("return location.search.includes('quotation')", json!([])).await;
    assert_eq!(browser.count("tbody [data-id]").await, 1);
    let list = browser.path().await;
    let is_back =
        "return !document.querySelector('dialog').open && location.pathname + location.search === arguments[0]";
    browser.click("table a[data-dialog]").await;
    browser.wait_for("dialog[open] #words").await;
    assert_eq!(browser.path().await, format!("/calls/{}", desk::CALL));
    // A line of the transcript leads to where it is said, at the speed that one likes.
    browser.click("dialog [data-speed] option[value='2']").await;
    browser.click("dialog [data-seek-ms='4200']").await;
    let plays = "const audio = document.querySelector('dialog audio');
                 return audio.currentTime > 4.2 && !audio.paused && audio.playbackRate === 2";
    browser.wait_until(plays, json!([])).await;
    browser.wait_until("return document.querySelectorAll('dialog .playing').length === 1", json!([])).await;
    browser.fill("dialog [data-find]", "quotation").await;
    browser.wait_until("return document.querySelector('[data-found]').innerText === '1 found'", json!([])).await;
    // Escape clears what is looked for, and then goes back to the list as it was; the way back in is the browser's own.
    browser.press(ESCAPE).await;
    browser.wait_until("return document.querySelector('dialog [data-find]').value === ''", json!([])).await;
    browser.press(ESCAPE).await;
    browser.wait_until(is_back, json!([list])).await;
    let is_on_link = "return document.activeElement.matches('table a[data-dialog]')";
    browser.wait_until(is_on_link, json!([])).await;
    browser.back().await;
    browser.wait_for("dialog[open] #words").await;
    browser.press(ESCAPE).await;
    browser.wait_until(is_back, json!([list])).await;
    // Loaded anew as a page, it has no list behind it: the way back loads the list.
    browser.back().await;
    browser.wait_for("dialog[open] #words").await;
    let page = browser.path().await;
    browser.script("location.reload()", json!([])).await;
    browser.wait_for("main #words").await;
    browser.back().await;
    browser.wait_for("tbody [data-id]").await;
    assert_eq!((page, browser.path().await), (format!("/calls/{}", desk::CALL), list));
    // The same URL is a page of its own, to be sent to somebody.
    browser.open(&format!("/calls/{}", desk::CALL)).await;
    assert_eq!(browser.count("dialog[open]").await, 0);
    assert!(browser.text("#words").await.contains("quotation for call 1"));
    browser.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_marked_converted_over_the_list_and_it_is_undone() {
    let app = desk::with_work().await;
    let Some(browser) = Browser::start_as(&app, Role::Agent).await else { return };
    let by_hand = format!("select coalesce(converted_by_hand::text, 'nobody') from calls where id = '{}'", desk::CALL);
    browser.open("/calls").await;
    browser.click(&format!("a[data-dialog][href='/calls/{}']", desk::CALL)).await;
    browser.wait_for("dialog[open] #detail").await;
    browser.click_text("Mark converted").await;
    browser.wait_for("dialog [role=status] button").await;
    assert_eq!(app.value(&by_hand).await, "true");
    assert!(browser.text("dialog .timeline").await.contains("token browser"), "who decided it");
    browser.click_text("Undo").await;
    browser
        .wait_until("return document.querySelector('dialog').innerText.includes('Nobody has decided')", json!([]))
        .await;
    assert_eq!(app.value(&by_hand).await, "nobody");
    let log = "select count(*) from operator_log where action = 'edit_call'";
    assert_eq!(app.value(log).await, 2);
    // What cannot be is said where one is, and what was typed stays.
    browser.expect_error("422 (Unprocessable");
    browser.fill("dialog textarea", " ").await;
    browser.click_text("Keep").await;
    assert!(browser.text("dialog .refused").await.starts_with("That cannot be: "));
    // Whoever clicks twice says it once.
    browser.fill("dialog textarea", "Wants two").await;
    let twice =
        "const form = document.querySelector('dialog textarea').form; form.requestSubmit(); form.requestSubmit()";
    browser.script(twice, json!([])).await;
    browser.wait_until("return document.querySelector('dialog').innerText.includes('Wants two')", json!([])).await;
    assert_eq!(app.value("select count(*) from lead_notes where body = 'Wants two'").await, 1);
    // Decided once more, it stands in the list as soon as one is back.
    browser.click_text("Mark converted").await;
    browser.wait_for("dialog [role=status] button").await;
    browser.press(ESCAPE).await;
    let row =
        format!("return document.querySelector('tr[data-id=\"{}\"]').innerText.includes('Converted')", desk::CALL);
    browser.wait_until(&row, json!([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_stays_fresh_and_keeps_nobody_signed_in() {
    let app = desk::with_work().await;
    let Some(browser) = Browser::start_as(&app, Role::Viewer).await else { return };
    browser.open("/calls").await;
    app.execute("update sessions set last_used_at = now() - interval '7 hours'").await;
    let made = Uuid::from_u128(0xca11_ffff);
    app.execute(&format!(
        "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at)
         values ('{made}', '{TENANT}', 'retell', 'fresh', 'inbound', 'ringing', now())"
    ))
    .await;
    browser.wait_for(&format!("tr.new[data-id='{made}']")).await;
    let kept = "select bool_and(last_used_at < now() - interval '6 hours') from sessions";
    assert_eq!(app.value(kept).await, true);
    // Who is signed out meanwhile is told so, and does not look at old rows.
    app.execute("delete from sessions").await;
    browser.wait_until("return location.pathname === '/sign-in'", json!([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_are_given_to_a_campaign_at_once_and_it_is_undone() {
    let app = desk::with_work().await;
    let Some(browser) = Browser::start_as(&app, Role::Agent).await else { return };
    let given = "select count(*) from calls c join campaigns p on p.id = c.campaign_id_by_hand where p.name = 'Spring'";
    let before = app.value(given).await.as_i64().unwrap();
    browser.open("/unattributed").await;
    let rows = browser.count("tbody [data-id]").await;
    assert_eq!(rows, 50);
    browser.click("[data-select-all]").await;
    assert_eq!(browser.text("[data-selected]").await, "50");
    browser.click("form[action='/unattributed/selected'] select[name=to] option:last-of-type").await;
    browser.click("form[action='/unattributed/selected'] button.main").await;
    browser.wait_for_text("50 calls given to the campaign.").await;
    assert_eq!(app.value(given).await, before + 50);
    browser.click_text("Undo").await;
    browser.wait_for_text("Undone: 50 calls are as they were.").await;
    assert_eq!(app.value(given).await, before);
    assert_eq!(browser.count("tbody [data-id]").await, 50);
    // All that fit: how many is said before.
    let all = app.value("select count(*) from calls where campaign_id_by_hand is null and campaign_id is null").await;
    browser.click_text("All that fit…").await;
    browser.wait_until("return document.querySelector('h1').innerText.endsWith('?')", json!([])).await;
    assert!(browser.text("h1").await.starts_with(&format!("Give {all} calls to ")), "{all}");
    browser.click("main form button.main").await;
    browser.wait_for_text(&format!("{all} calls given to the campaign.")).await;
    browser.wait_for_text("Every call has a campaign").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_events_are_redriven_and_a_bar_shows_how_far_it_came() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        "insert into webhook_events (id, connection_id, event_type, external_event_id, payload, processed_at, outcome,
                                     last_error, attempts, received_at)
         select gen_random_uuid(), '{}', 'call_ended', 'dead-' || n,
                jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object('call_id', 'dead-' || n)),
                now(), 'dead', 'the region of the tenant is missing', 8, now() - n * interval '1 second'
         from generate_series(1, {DEAD}) as n",
        app.connection_id("retell")
    ))
    .await;
    let Some(browser) = Browser::start_as(&app, Role::Operator).await else { return };
    browser.open("/operations").await;
    browser.click("#dead ~ .scroll a.button[href*=redrive]").await;
    browser.wait_for_text("Redrive 12,000 events?").await;
    // Without script each step waits for a click, so the bar holds still.
    browser.set_script(false).await;
    browser.click("main form button.main").await;
    browser.wait_for("progress").await;
    let bar = "const bar = document.querySelector('progress'); return [bar.value, bar.max]";
    assert_eq!(browser.script(bar, json!([])).await, json!([STEP, DEAD]));
    let left = "select count(*) from webhook_events where outcome = 'dead'";
    assert_eq!(app.value(left).await, DEAD - STEP);
    // With script it goes on by itself to the end.
    browser.set_script(true).await;
    browser.click_text("Go on").await;
    browser.wait_until("return location.pathname === '/operations'", json!([])).await;
    browser.wait_for_text("12,000 events").await;
    assert_eq!(app.value(left).await, 0);
    let logged = "select jsonb_agg(distinct action) || to_jsonb(sum(row_count)) from operator_log
                  where action not like 'sign_in%'";
    assert_eq!(app.value(logged).await, json!(["redrive", DEAD]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_typed_and_enter_does_nothing_with_the_chosen_jobs() {
    let app = desk::with_work().await;
    let pending = "update jobs set settled_at = null, outcome = null, due_at = now() + interval '1 hour'";
    app.execute(&format!("{pending} where id = '{}'", desk::JOB)).await;
    let Some(browser) = Browser::start_as(&app, Role::Operator).await else { return };
    browser.open("/operations/jobs").await;
    let state = format!("select concat_ws(' ', outcome, attempts, note) from jobs where id = '{}'", desk::JOB);
    let before = app.value(&state).await;
    browser.click(&format!("input[name=id][value='{}']", desk::JOB)).await;
    browser.fill("input[name=reason]", "a wrong number").await;
    browser.press(ENTER).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(browser.path().await, "/operations/jobs");
    assert_eq!(app.value(&state).await, before);
    assert_eq!(app.value("select count(*) from operator_log where action like '%job%'").await, 0);
    browser.click_text("Call off the chosen ones").await;
    browser.wait_until("return location.search.includes('said=cancel')", json!([])).await;
    assert_eq!(app.value(&state).await, "cancelled 3 a wrong number");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_filter_are_carried_away() {
    let app = desk::with_work().await;
    let Some(browser) = Browser::start_as(&app, Role::Agent).await else { return };
    let folder = tempfile::tempdir().unwrap();
    browser.download_into(folder.path()).await;
    browser.open("/calls?direction=inbound").await;
    browser.click_text("Missed").await;
    browser.wait_until("return location.search.includes('missed=1')", json!([])).await;
    browser.click_text("Export CSV").await;
    let csv = downloaded(&folder.path().join("calls.csv")).await;
    let mut ids: Vec<&str> = csv.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    let shown = "return [...document.querySelectorAll('tbody [data-id]')].map(row => row.dataset.id)";
    let shown: Vec<String> = serde_json::from_value(browser.script(shown, json!([])).await).unwrap();
    assert_eq!(ids, shown, "the rows that one sees, in their order");
    ids.sort_unstable();
    let wanted =
        app.value("select jsonb_agg(id order by id) from call_items where direction = 'inbound' and is_missed").await;
    assert_eq!(json!(ids), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_and_the_old_one_holds_for_a_while() {
    let app = TestApp::spawn().await;
    let Some(browser) = Browser::start_as(&app, Role::Admin).await else { return };
    // A platform that takes our secret: others sign with a key of their own.
    let dialpad = providers::find("dialpad").unwrap();
    let send = async |secret: &Secret, call: &str| {
        let body = json!({ "call_id": call, "state": "ringing" }).to_string();
        app.send("/webhooks/dialpad/desk", dialpad.sign(&body, Some(secret), app.clock.now())).await.status
    };
    browser.open("/setup/connections").await;
    browser.click("select[name=provider] option[value=dialpad]").await;
    browser.fill("input[name=slug]", "desk").await;
    browser.click_text("Add").await;
    let old = Secret::new(browser.text("#secret").await);
    assert!(browser.text("#url").await.ends_with("/webhooks/dialpad/desk"));
    assert_eq!(send(&old, "a").await, 200);
    let card = "section[aria-label='Dialpad desk']";
    // What the service notes every second, by the same function.
    let used = async |lines: usize| {
        let ids = app.value(
            "select jsonb_agg(s.id) from connection_secrets s join connections c on c.id = s.connection_id
                             where c.slug = 'desk'",
        );
        let ids: Vec<Uuid> = serde_json::from_value(ids.await).unwrap();
        touch_secrets(&app.pool, &ids).await.unwrap();
        browser.open("/setup/connections").await;
        let facts = browser.text(card).await;
        assert!(facts.matches("last used").count() == lines && !facts.contains("never used"), "{facts}");
    };
    used(1).await;
    assert_eq!(browser.count("#secret").await, 0, "it was shown once");
    browser.click(&format!("{card} summary")).await;
    // The browser asks which source is meant.
    browser.script("window.confirm = (text) => text.includes('Dialpad desk'); return true", json!([])).await;
    browser.click(&format!("{card} details button")).await;
    browser.wait_for_text("Dialpad desk has a new secret").await;
    let new = Secret::new(browser.text("#secret").await);
    assert_ne!(old.expose(), new.expose());
    let facts = browser.text(card).await;
    assert!(facts.contains("Old secret") && facts.contains("last used") && facts.contains("never used"), "{facts}");
    // The door follows within a second.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!((send(&old, "b").await, send(&new, "c").await), (200, 200));
    used(2).await;
}
