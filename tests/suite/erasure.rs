//! Erasing one person: the whole database is searched for them afterwards, and after everything that could bring them
//! back.

use serde_json::{Value, json};
use switchhook::access::Actor;
use switchhook::providers::{self, Provider};
use switchhook::redact::Phone;
use switchhook::retention::{self, Person};

use crate::support::{Binary, TestApp, fixtures, url_of};

const NUMBER: &str = "+15550100177";
/// What must be found nowhere: the number in two spellings, what they said, what they are called.
const TRACES: &[&str] = &["5550100177", "555-010-0177", "Zebulon", "zeb@example.com", "purple elephants"];

fn provider(name: &str) -> &'static dyn Provider {
    providers::find(name).unwrap()
}

/// A call of the person. `at_s`: seconds after the beginning of the story.
fn call(event: &str, call_id: &str, from: Option<&str>, at_s: i64, said: &str) -> String {
    let started_at = 1_788_254_100_000_i64 + at_s * 1_000;
    let mut call = json!({ "call_id": call_id, "direction": "inbound", "call_status": "ended",
        "to_number": "+15550100199", "start_timestamp": started_at, "end_timestamp": started_at + 60_000,
        "duration_ms": 60_000, "transcript": format!("User: {said}"), "recording_url": "https://example.com/rec/77.wav",
        "disconnection_reason": "user_hangup",
        "call_analysis": { "call_summary": format!("Zebulon spoke of {said}"), "custom_analysis_data": { "name": "Zebulon" } },
        "retell_llm_dynamic_variables": { "customer_name": "Zebulon", "email": "zeb@example.com" } });
    if let Some(from) = from {
        call["from_number"] = from.into();
    }
    json!({ "event": event, "call": call }).to_string()
}

/// The person's story, among all the samples.
async fn story() -> TestApp {
    let app = TestApp::spawn().await;
    app.set_rate("1", 1, 0).await;
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    for body in bodies() {
        app.post(provider("retell"), &body).await.assert_outcome("accepted");
    }
    let sms = json!({ "id": 77, "direction": "inbound", "from_number": NUMBER, "to_number": ["+15550100199"],
        "text": "purple elephants", "created_date": 1_788_254_100_000_i64, "contact": { "name": "Zebulon" } });
    app.post(provider("dialpad"), &sms.to_string()).await.assert_outcome("accepted");
    // Somebody else is told the number, spelled another way, and one event cannot be read.
    let told = call("call_ended", "other-call", Some("+15550100155"), 5, "my neighbour is (555) 010-0177, do call");
    app.post(provider("retell"), &told.replace("Zebulon", "Yolanda").replace("zeb@", "yo@"))
        .await
        .assert_outcome("accepted");
    let unreadable = json!({ "event": "call_ended", "call": { "from_number": "1 555 010 0177" } });
    app.post(provider("retell"), &unreadable.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
    app.execute(
        "insert into lead_analytics (tenant_id, kind, phone, rank, summary)
         select tenant_id, 'complete', phone, '2', 'purple elephants' from leads where phone = '+15550100177'",
    )
    .await;
    app
}

fn bodies() -> Vec<String> {
    vec![
        call("call_ended", "call-of-them-1", Some(NUMBER), 0, "purple elephants"),
        // No number, but the same call.
        call("call_analyzed", "call-of-them-1", None, 0, "purple elephants again"),
        call("call_ended", "call-of-them-2", Some("(555) 010-0177"), 3_600, "more purple elephants"),
    ]
}

async fn assert_no_trace(app: &TestApp, when: &str) {
    let tables = app
        .rows("select to_jsonb(table_name::text) from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'")
        .await;
    assert!(tables.len() > 15);
    for table in tables.iter().map(|table| table.as_str().unwrap()) {
        for trace in TRACES {
            let found =
                app.rows(&format!("select to_jsonb(t) from {table} t where to_jsonb(t)::text ilike '%{trace}%'")).await;
            assert!(found.is_empty(), "{when}: {trace} is found in {table}: {found:?}");
        }
    }
}

/// What reports are made of.
async fn counts(app: &TestApp) -> Value {
    app.value(
        "select jsonb_build_object(
            'calls', (select jsonb_agg(jsonb_build_object('status', status, 'n', n, 'ms', ms, 'started', started))
                      from (select status, count(*) as n, sum(duration_ms) as ms, min(started_at) as started
                            from calls group by status order by status) c),
            'campaign', (select count(our_number) from calls),
            'messages', (select count(*) from messages),
            'charged', (select sum(amount) from charges),
            'events', (select count(*) from webhook_events))",
    )
    .await
}

fn person() -> Person {
    Person { number: Phone::new(NUMBER), tenant_id: None }
}

async fn forget(app: &TestApp) -> retention::ForgetReport {
    let report = retention::forget(&app.pool, &app.keys, &person(), Actor::program("test")).await.unwrap();
    assert_eq!(report.left, []);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_and_nothing_brings_them_back() {
    let app = story().await;
    let before = counts(&app).await;
    let others = app.rows("select to_jsonb(l) from leads l where phone <> '+15550100177' order by id").await;
    let preview = retention::preview(&app.pool, &app.keys, &person()).await.unwrap();
    assert_eq!(counts(&app).await, before);
    assert_eq!(
        app.value("select count(*) from leads where phone = '+15550100177'").await,
        1,
        "a dry run changes nothing"
    );
    let report = forget(&app).await;
    assert_eq!(report.erased, preview.erased);
    assert_eq!(
        report.erased.iter().map(|place| place.rows).collect::<Vec<_>>(),
        [1, 2, 1, 3, 2, 0, 0, 2, 6, 0, 2],
        "{:?}",
        report.erased
    );
    assert_no_trace(&app, "after forgetting").await;
    assert_eq!(counts(&app).await, before);
    assert_eq!(app.rows("select to_jsonb(l) from leads l where phone <> '+15550100177' order by id").await, others);
    assert_eq!(app.value("select summary is not null and transcript like '%[forgotten], do call' from calls where contact_number = '+15550100155'").await, true);
    let after = app.dump().await;

    app.execute("update webhook_events set processed_at = null").await;
    app.run_until_idle().await;
    assert_no_trace(&app, "after replaying everything").await;
    assert_eq!(app.dump().await, after, "a replay changes nothing");
    for body in bodies() {
        app.post(provider("retell"), &body).await.assert_outcome("duplicate");
    }
    app.run_until_idle().await;
    assert_eq!(app.dump().await, after);

    // Reports that are late: of a known call without and with the number, of a call nobody knew of, of the contact.
    let contact = json!({ "event": "Updated", "event_timestamp": 1_788_254_100_000_i64,
        "contact": { "id": 7, "name": "Zebulon", "phones": [NUMBER], "primary_phone": NUMBER } });
    app.post(provider("dialpad"), &contact.to_string()).await.assert_outcome("accepted");
    for body in [
        call("call_analyzed", "call-of-them-2", None, 3_600, "late purple elephants"),
        call("call_analyzed", "call-of-them-1", Some(NUMBER), 0, "later purple elephants"),
        call("call_ended", "call-of-them-3", Some(NUMBER), 7_200, "purple elephants nobody knew of"),
        call("call_analyzed", "call-of-them-3", None, 7_200, "purple elephants nobody knew of either"),
    ] {
        app.post(provider("retell"), &body).await.assert_outcome("accepted");
        app.run_until_idle().await;
    }
    assert_no_trace(&app, "after late reports").await;
    assert_eq!(
        app.value("select count(*) from calls where forgotten_at is not null").await,
        3,
        "the unknown call counts"
    );
    assert_eq!(
        app.value(
            "select count(*) from charges where call_id in (select id from calls where forgotten_at is not null)"
        )
        .await,
        3
    );
    assert_eq!(app.value("select count(*) from jobs where settled_at is null and key in (select id::text from calls where forgotten_at is not null)").await, 0);
    let log =
        "select jsonb_build_object('tenants', max(details->>'tenants'), 'actor', max(actor), 'rows', sum(row_count))
               from operator_log where action = 'forget' group by coalesce(operation_id, id)";
    let log = app.rows(log).await;
    assert_eq!(log, [json!({ "tenants": "1", "actor": "test", "rows": 19 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_again_is_a_new_lead_and_the_past_stays_away() {
    let app = story().await;
    forget(&app).await;
    let soon = chrono::DateTime::parse_from_rfc3339("2099-01-01T00:00:00Z").unwrap().timestamp() - 1_788_254_100;
    app.post(provider("retell"), &call("call_ended", "new-call", Some(NUMBER), soon, "green giraffes")).await;
    app.run_until_idle().await;
    let lead = "select row(l.phone, l.name, f.calls)::text from leads l join lead_facts f using (id) where l.phone = '+15550100177'";
    assert_eq!(app.value(lead).await, "(+15550100177,Zebulon,1)");
    // What is reported of the past does not touch it.
    let old = call("call_ended", "old-call", Some(NUMBER), 60, "purple elephants").replace("Zebulon", "Old Name");
    app.post(provider("retell"), &old).await.assert_outcome("accepted");
    app.run_until_idle().await;
    assert_eq!(app.value(lead).await, "(+15550100177,Zebulon,1)");
    forget(&app).await;
    assert_no_trace(&app, "forgotten once more").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_forgets_for_itself_alone() {
    let app = story().await;
    app.execute(
        "insert into tenants (id, slug, name) values ('00000000-0000-0000-0000-000000000002', 'other', 'Other');
         insert into connections (provider, slug, allow_unsigned, tenant_id)
         values ('retell', 'other', true, '00000000-0000-0000-0000-000000000002')",
    )
    .await;
    let body = call("call_ended", "call-of-them-1", Some(NUMBER), 0, "purple elephants");
    let sent = provider("retell").sign(&body, None, app.clock.now());
    app.send("/webhooks/retell/other", sent).await.assert_status(200);
    app.run_until_idle().await;
    let others = "select jsonb_agg(to_jsonb(c)) from calls c where tenant_id = '00000000-0000-0000-0000-000000000002'";
    let before = app.value(others).await;
    let database = app.value("current_database()").await;
    let url = url_of(database.as_str().unwrap());
    let run = |arguments: &[&str]| {
        let output = Binary::run(&url, arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    };
    let (code, text) = run(&["leads", "forget", "(555) 010-0177", "--tenant", "default", "--region", "US", "--yes"]);
    assert!(code == 0 && text.contains("webhook_events"), "{code} {text}");
    assert_eq!(app.value(others).await, before);
    assert_eq!(
        app.rows("select to_jsonb(tenant_id) from leads where phone = '+15550100177'").await,
        ["00000000-0000-0000-0000-000000000002"]
    );
    assert_eq!(app.value("select count(*) from forgotten").await, 1);
    for (code, arguments) in [
        (2, &["leads", "forget", "nonsense"][..]),
        (1, &["leads", "forget", NUMBER]),
        (0, &["leads", "forget", NUMBER, "--dry-run"]),
        (1, &["leads", "forget", NUMBER, "--tenant", "nobody", "--yes"]),
    ] {
        let (found, text) = run(arguments);
        assert!(found == code && !text.contains("5550100177"), "{arguments:?}: {found} {text}");
    }
    // What is not ours is not changed, and the answer says where it is.
    app.execute(
        "create schema crm; create table crm.notes (note text); insert into crm.notes values ('call 1-555-010-0177');
         grant usage on schema crm to public; grant select on crm.notes to public",
    )
    .await;
    let (code, text) = run(&["leads", "forget", NUMBER, "--yes"]);
    assert!(code == 1 && text.contains("crm.notes.note"), "{code} {text}");
    app.execute("insert into phone_numbers (number, tenant_id) select '+15550100199', id from tenants limit 1").await;
    let (code, text) = run(&["leads", "forget", "+15550100199", "--yes"]);
    assert!(code == 1 && text.contains("one of our own numbers"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_waits_for_the_batch_in_hand() {
    let app = TestApp::spawn().await;
    let mut batch = app.pool.begin().await.unwrap();
    switchhook::store::forgotten::hold_off_erasure(&mut batch).await.unwrap();
    let (pool, keys) = (app.pool.clone(), app.keys.clone());
    let erasure =
        tokio::spawn(async move { retention::forget(&pool, &keys, &person(), Actor::program("test")).await.unwrap() });
    app.eventually("select count(*) > 0 from pg_locks where locktype = 'advisory' and not granted").await;
    assert!(!erasure.is_finished());
    batch.commit().await.unwrap();
    assert_eq!(erasure.await.unwrap().rows(), 0);
    assert_eq!(app.value("select octet_length(phone_digest) from forgotten").await, 32);
    // The digest is keyed: neither the number nor the tenant and the number give it away.
    for guess in ["'+15550100177'", "decode(replace(tenant_id::text, '-', ''), 'hex') || '+15550100177'::bytea"] {
        assert_eq!(app.value(&format!("select count(*) from forgotten where phone_digest = sha256({guess})")).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audio_that_comes_late_is_not_kept() {
    let app = TestApp::spawn().await;
    let elevenlabs = provider("elevenlabs");
    let ended = json!({ "event": "conversation.ended", "conversation_id": "conv_of_them", "caller_phone": NUMBER,
        "phone_number": "+15550100199", "duration_seconds": 20 });
    app.post(elevenlabs, &ended.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
    assert_eq!(app.value("select contact_number from calls").await, NUMBER);
    forget(&app).await;
    let audio = json!({ "type": "post_call_audio", "event_timestamp": 1_788_254_100,
        "data": { "agent_id": "a", "conversation_id": "conv_of_them", "full_audio": "//uQxAAAAAAAAAAAAAAAAAAAAAAASW5mbw==" } });
    app.post(elevenlabs, &audio.to_string()).await.assert_outcome("accepted");
    assert_eq!(app.value("select count(*) from recordings where audio is not null").await, 1, "the door keeps it");
    app.run_until_idle().await;
    assert_eq!(app.value("select count(*) from recordings").await, 0);
    app.post(elevenlabs, &audio.to_string()).await.assert_outcome("duplicate");
    assert_eq!(app.value("select count(*) from recordings").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_found_however_it_is_spelled_and_no_other_is() {
    let app = TestApp::spawn().await;
    for (number, spellings, others) in [
        (
            "+15550100177",
            &[
                "+15550100177",
                "1 (555) 010-0177",
                "tel:555.010.0177,",
                "0015550100177",
                "011 1 555 010 0177",
                "\"555 0100177\"",
            ][..],
            &["15550100178", "555010017", "25550100177", "55501001770", "555:010:0177"][..],
        ),
        (
            "+972501234567",
            &["0501234567", "050-123-4567", "+972-50-1234567", "972 (0)50 1234567", "00972501234567"],
            &["0511234567", "1501234567", "5012345670"],
        ),
        // So short a number would be found in anything: only with its country code.
        ("+2905550", &["+290 5550", "2905550"], &["5550", "05550"]),
    ] {
        let pattern = switchhook::domain::phone::pattern(&Phone::new(number)).unwrap();
        for (texts, expected) in [(spellings, true), (others, false)] {
            for text in texts {
                let found = app.value(&format!("'x {text} y' ~ '{}'", pattern.expose())).await;
                assert_eq!(found, expected, "{number} in {text}");
                let bare = app.value(&format!("'{text}' ~ '{}'", pattern.expose())).await;
                assert_eq!(bare, expected, "{number} in {text} alone");
            }
        }
    }
    assert_eq!(switchhook::domain::phone::pattern(&Phone::new("12345")), None);
}
