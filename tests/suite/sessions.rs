//! Logging in: cookies, forged requests, and how sessions end.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::{tokens, users};

use crate::support::{Answer, TestApp};

const PASSWORD: &str = "correct horse battery";

async fn with_user() -> TestApp {
    let app = TestApp::spawn().await;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    users::add(&app.pool, None, "dana", &hash, Role::Agent).await.unwrap().unwrap();
    app
}

async fn log_in(app: &TestApp, body: &Value) -> Answer {
    TestApp::answer(app.client.post(format!("{}/api/v1/session", app.base)).json(body)).await
}

/// The cookie, and the secret for changes.
async fn session(app: &TestApp) -> (String, String) {
    let answer = log_in(app, &json!({ "login": "Dana", "password": PASSWORD })).await;
    answer.assert_status(200);
    let set = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    let who: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((&who["role"], &who["kind"]), (&json!("agent"), &json!("user")));
    (set.split(';').next().unwrap().to_owned(), who["csrf_token"].as_str().unwrap().to_owned())
}

fn get(app: &TestApp, cookie: &str) -> reqwest::RequestBuilder {
    app.client.get(format!("{}/api/v1/calls", app.base)).header("cookie", cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_becomes_a_session_that_changes_nothing_without_its_secret() {
    let app = with_user().await;
    let (cookie, csrf) = session(&app).await;
    TestApp::answer(get(&app, &cookie)).await.assert_status(200);
    let post = |n: u8| {
        let body = json!({ "name": format!("c{n}") });
        app.client.post(format!("{}/api/v1/campaigns", app.base)).header("cookie", &cookie).json(&body)
    };
    TestApp::answer(post(1)).await.assert_status(403);
    TestApp::answer(post(1).header("x-csrf-token", "guessed")).await.assert_status(403);
    for (name, value) in [("origin", "https://evil.example.com"), ("sec-fetch-site", "cross-site"), ("origin", "null")]
    {
        TestApp::answer(post(1).header("x-csrf-token", &csrf).header(name, value)).await.assert_status(403);
    }
    TestApp::answer(post(2).header("x-csrf-token", &csrf).header("origin", &app.base)).await.assert_status(200);
    assert_eq!(app.value("select count(*) from campaigns").await, json!(1));
    let actor = app.value("select 'user ' || id from users").await;
    assert_eq!(app.value("select actor from operator_log where action = 'add_campaign'").await, actor);
    // The other one's secret does not fit.
    let (_, others) = session(&app).await;
    TestApp::answer(post(3).header("x-csrf-token", &others)).await.assert_status(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_nobody_but_the_browser_and_over_tls_for_nothing_else() {
    let app = with_user().await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None).await.unwrap().1;
    let answer = log_in(&app, &json!({ "token": token.expose() })).await;
    let set = answer.headers["set-cookie"].to_str().unwrap();
    assert!(set.starts_with("switchhook=") && set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    assert!(!set.contains("Secure"), "without TLS a browser would drop it");
    assert!(!answer.text.contains(token.expose()));
    let id = set.split(['=', ';']).nth(1).unwrap();
    let kept = app.value("select string_agg(to_jsonb(s)::text, '') from sessions s").await.to_string();
    assert!(!kept.contains(id), "the id itself is not kept");
    let settings = [("HTTP__PUBLIC_URL", "https://calls.example.com")];
    let app = TestApp::spawn_with(&settings, switchhook::providers::registry()).await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None).await.unwrap().1;
    let answer = log_in(&app, &json!({ "token": token.expose() })).await;
    let set = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-switchhook=") && set.contains("Secure") && set.contains("Path=/"), "{set}");
    let cookie = set.split(';').next().unwrap();
    TestApp::answer(get(&app, cookie)).await.assert_status(200);
    TestApp::answer(get(&app, &cookie.replace("__Host-", ""))).await.assert_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_by_time_by_logging_out_and_with_who_is_behind_it() {
    let app = with_user().await;
    for end in [
        "update sessions set expires_at = now() - interval '1 second'",
        "update sessions set last_used_at = now() - interval '8 hours 1 minute'",
        "delete from sessions",
    ] {
        let (cookie, _) = session(&app).await;
        TestApp::answer(get(&app, &cookie)).await.assert_status(200);
        app.execute(end).await;
        TestApp::answer(get(&app, &cookie)).await.assert_status(401);
    }
    let (cookie, csrf) = session(&app).await;
    app.execute("update sessions set last_used_at = now() - interval '7 hours'").await;
    TestApp::answer(get(&app, &cookie)).await.assert_status(200);
    let used = app.value("select bool_and(last_used_at > now() - interval '1 minute') from sessions").await;
    assert_eq!(used, json!(true), "using it keeps it");
    let out = app.client.delete(format!("{}/api/v1/session", app.base)).header("cookie", &cookie);
    let out = TestApp::answer(out.header("x-csrf-token", csrf)).await;
    assert!(out.status == 204 && out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    TestApp::answer(get(&app, &cookie)).await.assert_status(401);
    // A token that is revoked, a user who is taken away, a role that is taken down.
    let (cookie, _) = session(&app).await;
    app.execute("update users set role = 'viewer'").await;
    let who = app.client.get(format!("{}/api/v1/session", app.base)).header("cookie", &cookie);
    assert!(TestApp::answer(who).await.text.contains("\"viewer\""));
    users::remove(&app.pool, "dana", None).await.unwrap().unwrap();
    TestApp::answer(get(&app, &cookie)).await.assert_status(401);
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None).await.unwrap().1;
    let answer = log_in(&app, &json!({ "token": token.expose() })).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    TestApp::answer(get(&app, &cookie)).await.assert_status(200);
    app.execute("update api_tokens set expires_at = now()").await;
    TestApp::answer(get(&app, &cookie)).await.assert_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_ask_so_often_in_a_minute() {
    let settings = [("CONSOLE__REQUESTS_PER_MINUTE", "3")];
    let app = TestApp::spawn_with(&settings, switchhook::providers::registry()).await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None).await.unwrap().1;
    let other = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None).await.unwrap().1;
    let ask = |token: &Secret| app.client.get(format!("{}/api/v1/calls", app.base)).bearer_auth(token.expose());
    for _ in 0..3 {
        TestApp::answer(ask(&token)).await.assert_status(200);
    }
    let answer = TestApp::answer(ask(&token)).await;
    answer.assert_status(429);
    assert_eq!(answer.headers["retry-after"], "60");
    TestApp::answer(ask(&other)).await.assert_status(200);
    app.clock.advance(chrono::TimeDelta::seconds(60));
    TestApp::answer(ask(&token)).await.assert_status(200);
}
