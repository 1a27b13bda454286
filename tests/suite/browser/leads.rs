//! A lead in a real browser: found in the list, opened over it, changed, and the same on the page of its own; and a bar
//! that leads to its calls.

use serde_json::json;
use switchhook::access::Role;

use super::{Browser, desk};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_found_opened_over_the_list_and_changed() {
    let app = desk::with_work().await;
    let Some(browser) = Browser::start_as(&app, Role::Agent).await else { return };
    browser.open("/leads").await;
    browser.fill("input[type=search]", "0001").await;
    browser.press("\u{e007}").await;
    browser.wait_until("return location.search.includes('search=0001')", json!([])).await;
    browser.click("table a[data-dialog]").await;
    browser.wait_for("dialog[open] .timeline li").await;
    assert_eq!(browser.path().await, format!("/leads/{}", desk::LEAD));
    browser.click_text("Change name, e-mail, stage or tags").await;
    browser.fill("dialog input[name=name]", "Dana Levi-Stone").await;
    browser.click("dialog .edit button.main").await;
    browser
        .wait_until("return document.querySelector('dialog [role=status]')?.innerText === 'Saved.'", json!([]))
        .await;
    browser.click_text("Never write to them").await;
    browser.wait_until("return document.querySelector('dialog .marks .tag.bad') !== null", json!([])).await;
    let set =
        format!("select jsonb_build_array(name_by_hand, opted_out_by_hand) from leads where id = '{}'", desk::LEAD);
    assert_eq!(app.value(&set).await, json!(["Dana Levi-Stone", true]));
    // A page of its own says the same.
    browser.open(&format!("/leads/{}", desk::LEAD)).await;
    let seen = browser.text("main").await;
    assert!(seen.contains("Dana Levi-Stone") && seen.contains("Set by hand: never to be written to"), "{seen}");
    browser.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_is_a_link_to_its_calls() {
    let app = desk::with_work().await;
    let Some(browser) = Browser::start_as(&app, Role::Viewer).await else { return };
    browser.open("/overview?range=30").await;
    let script = "return [...document.querySelectorAll('svg a[href*=\"missed=1\"]')].pop().getAttribute('href')";
    let href = browser.script(script, json!([])).await;
    assert!(href.as_str().unwrap().starts_with("/calls?from="), "{href}");
    let bars = browser.count("svg.chart rect").await;
    assert!(bars > 30, "{bars}");
    assert_eq!(browser.count("svg.chart a:not([href^='/calls?'])").await, 0);
}
