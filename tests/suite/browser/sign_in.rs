//! Signing in as people do: with a name and a password, with a token, wrongly, and out again.

use serde_json::json;
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::{tokens, users};

use super::{Browser, axe};
use crate::support::TestApp;

const PASSWORD: &str = "correct horse battery";

async fn with_user() -> TestApp {
    let app = TestApp::spawn().await;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    users::add(&app.pool, None, "dana", &hash, Role::Agent).await.unwrap().unwrap();
    app
}

/// Whether the browser has a session.
async fn is_in(browser: &Browser) -> bool {
    browser.open("/api/v1/docs").await;
    browser.count("#viewer").await == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_by_name_goes_where_one_wanted_and_signs_out() {
    let app = with_user().await;
    let Some(browser) = Browser::start(&app.base).await else { return };
    browser.expect_error("401 (Unauthorized)");
    // Who is not signed in is taken to where one does.
    browser.open("/api/v1/docs").await;
    assert_eq!(browser.path().await, "/sign-in?next=%2Fapi%2Fv1%2Fdocs");
    axe::assert_usable(&browser, "/sign-in").await;
    for (name, password) in [("dana", "guessed"), ("nobody", PASSWORD)] {
        browser.fill("[name=login]", name).await;
        browser.fill("[name=password]", password).await;
        browser.click("main form button").await;
        browser.wait_for("[role=alert]").await;
        assert_eq!(browser.path().await, "/sign-in");
        let filled =
            "return document.querySelector('[name=login]').value + document.querySelector('[name=password]').value";
        assert_eq!(browser.script(filled, json!([])).await, name, "the name stays, the password does not");
    }
    axe::assert_usable(&browser, "/sign-in, refused").await;
    browser.fill("[name=login]", "Dana").await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.press("\u{e007}").await;
    browser.wait_for("#viewer").await;
    assert_eq!(browser.path().await, "/api/v1/docs");
    let cookies = browser.script("return document.cookie", json!([])).await;
    assert_eq!(cookies, "", "script does not see the session");
    assert_eq!(app.value("select count(*) from sessions").await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_by_token_without_script_and_no_link_leads_away() {
    let app = with_user().await;
    let token =
        tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "laptop", None).await.unwrap().1;
    let Some(browser) = Browser::start(&app.base).await else { return };
    browser.expect_error("401 (Unauthorized)");
    browser.expect_error("404 (Not Found)");
    browser.set_script(false).await;
    browser.open("/sign-in?next=https://example.com/").await;
    browser.click_text("Sign in with a token instead").await;
    browser.fill("[name=token]", "shk_guessed").await;
    browser.click("main form button").await;
    browser.wait_for("[role=alert]").await;
    browser.click_text("Sign in with a token instead").await;
    browser.fill("[name=token]", token.expose()).await;
    browser.click("main form button").await;
    browser.wait_until("return location.pathname !== '/sign-in'", json!([])).await;
    browser.set_script(true).await;
    assert!(is_in(&browser).await);
}
