//! The viewer of the API's document.

use serde_json::json;
use switchhook::access::Role;

use super::{Browser, axe};
use crate::support::TestApp;

/// What Swagger UI does not keep: its colours, and a button within what folds.
pub const THEIRS: [&str; 2] = ["color-contrast", "nested-interactive"];

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_read_and_tried_in_the_viewer() {
    let app = TestApp::spawn().await;
    let Some(browser) = Browser::start_as(&app, Role::Agent).await else { return };
    browser.open("/api/v1/docs").await;
    browser.wait_for("#operations-calls-list_calls").await;
    browser.wait_for_text("Switchhook").await;
    axe::assert_usable_but_for(&browser, "the viewer", &THEIRS).await;
    browser.screenshot("docs/light").await;
    // Reads as the session that one has, and changes with its secret.
    for (operation, body) in [("session-show_session", None), ("campaigns-create_campaigns", Some("Spring"))] {
        let operation = format!("#operations-{operation}");
        browser.click(&format!("{operation} .opblock-summary-control")).await;
        browser.wait_for(&format!("{operation} .execute")).await;
        if let Some(name) = body {
            let body = json!({ "name": name }).to_string();
            browser.fill(&format!("{operation} textarea.body-param__text"), &body).await;
        }
        browser.click(&format!("{operation} .execute")).await;
        let answered = "return document.querySelector(arguments[0])?.innerText.trim() === '200'";
        let status = format!("{operation} .live-responses-table tbody td.response-col_status");
        browser.wait_until(answered, json!([status])).await;
    }
    assert_eq!(app.value("select name from campaigns").await, "Spring");
    browser.set_dark(true).await;
    browser.open("/api/v1/docs").await;
    browser.wait_for("#operations-calls-list_calls").await;
    assert_eq!(browser.count("html.dark-mode").await, 1);
    axe::assert_usable_but_for(&browser, "the viewer, dark", &THEIRS).await;
    browser.screenshot("docs/dark").await;
    browser.set_script(false).await;
    browser.open("/api/v1/docs").await;
    browser.wait_for_text("/api/v1/openapi.json").await;
}
