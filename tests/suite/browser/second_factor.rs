//! A second factor, from setting it up to signing in with it, as people do it.

use serde_json::json;
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::users;

use super::{Browser, axe};
use crate::second_factor::{PASSWORD, code_at};
use crate::support::{TENANT, TestApp};

async fn sign_in(browser: &Browser) {
    browser.open("/sign-in").await;
    browser.fill("[name=login]", "dana").await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.click("main form button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sets_up_a_second_factor_and_signs_in_with_it() {
    let app = TestApp::spawn().await;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    users::add(&app.pool, Some(TENANT), "dana", &hash, Role::Agent).await.unwrap().unwrap();
    let Some(browser) = Browser::start(&app.base).await else { return };
    browser.expect_error("401 (Unauthorized)");
    sign_in(&browser).await;
    browser.wait_until("return location.pathname !== '/sign-in'", json!([])).await;
    browser.click_text("Account").await;
    browser.wait_for("#second-factor").await;
    axe::assert_usable(&browser, "/account").await;
    browser.fill("#second-factor [name=present]", PASSWORD).await;
    browser.click("#second-factor button").await;
    browser.wait_for("svg.qr").await;
    axe::assert_usable(&browser, "/account/second-factor").await;
    let secret = browser.text("#secret").await;
    let code = || code_at(&secret, app.clock.now().timestamp());
    browser.fill("[name=code]", &code()).await;
    browser.click("main form button").await;
    browser.wait_for("#recovery-codes").await;
    axe::assert_usable(&browser, "recovery codes").await;
    let codes = browser.texts("#recovery-codes code").await;
    assert_eq!(codes.len(), 10);
    app.clock.advance(chrono::TimeDelta::seconds(30));
    // Out, and in again with a code.
    browser.click(".who form button").await;
    browser.wait_until("return location.pathname === '/sign-in'", json!([])).await;
    sign_in(&browser).await;
    browser.wait_for("[name=code]").await;
    axe::assert_usable(&browser, "/sign-in/code").await;
    browser.fill("[name=code]", "000000").await;
    browser.click("main form button").await;
    browser.wait_for("[role=alert]").await;
    axe::assert_usable(&browser, "/sign-in/code, refused").await;
    browser.fill("[name=code]", &code()).await;
    browser.click("main form button").await;
    browser.wait_until("return !location.pathname.startsWith('/sign-in')", json!([])).await;
    assert_eq!(app.value("select count(*) from sessions").await, json!(1));
}
