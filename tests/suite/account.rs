//! People's own accounts: sessions listed and ended, the password changed, and what admins do for them.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::{tokens, users};

use crate::access::OTHER;
use crate::operations::Person;
use crate::support::{Answer, TENANT, TestApp};

const PASSWORD: &str = "correct horse battery";
const OTHER_PASSWORD: &str = "another horse battery";

/// Somebody who is signed in.
struct Signed {
    cookie: String,
    csrf: String,
}

impl Signed {
    async fn in_as(app: &TestApp, password: &str) -> Self {
        let request = app.client.post(format!("{}/api/v1/session", app.base)).header("user-agent", FIREFOX);
        let answer = TestApp::answer(request.json(&json!({ "login": "dana", "password": password }))).await;
        answer.assert_status(200);
        let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let who: Value = serde_json::from_str(&answer.text).unwrap();
        Self { cookie, csrf: who["csrf_token"].as_str().unwrap().to_owned() }
    }

    async fn send(&self, app: &TestApp, method: &str, path: &str, body: Value) -> Answer {
        let request = app.client.request(method.parse().unwrap(), format!("{}{path}", app.base));
        let request = request.header("cookie", &self.cookie).header("x-csrf-token", &self.csrf);
        TestApp::answer(if body.is_null() { request } else { request.json(&body) }).await
    }

    async fn form(&self, app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
        let client = crate::support::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let request = client.post(format!("{}{path}", app.base)).header("cookie", &self.cookie);
        TestApp::answer(request.form(fields)).await
    }

    async fn is_in(&self, app: &TestApp) -> bool {
        self.send(app, "GET", "/api/v1/session", Value::Null).await.status == 200
    }

    async fn sessions(&self, app: &TestApp) -> Vec<Value> {
        let answer = self.send(app, "GET", "/api/v1/sessions", Value::Null).await;
        let list: Value = serde_json::from_str(&answer.assert_status(200).text).unwrap();
        list["items"].as_array().unwrap().clone()
    }
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

async fn with_user() -> TestApp {
    let app = TestApp::spawn().await;
    app.execute(&format!("insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other')")).await;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    users::add(&app.pool, Some(TENANT), "dana", &hash, Role::Agent).await.unwrap().unwrap();
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_own_sessions_and_ends_one_or_all_others() {
    let app = with_user().await;
    let here = Signed::in_as(&app, PASSWORD).await;
    let (there, elsewhere) = (Signed::in_as(&app, PASSWORD).await, Signed::in_as(&app, PASSWORD).await);
    let token =
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), Role::Admin, "t", None).await.unwrap().1;
    let seen = here.sessions(&app).await;
    assert_eq!(seen.len(), 3);
    assert_eq!(seen.iter().filter(|session| session["is_current"] == true).count(), 1);
    let words = [&seen[0]["browser"], &seen[0]["method"], &seen[0]["address"]];
    assert_eq!(words, ["Firefox on Linux", "password", "127.0.0.1"]);
    let id = there.sessions(&app).await.iter().find(|one| one["is_current"] == true).unwrap()["id"].clone();
    let path = format!("/api/v1/sessions/{}", id.as_str().unwrap());
    // Another person's, even an admin's, id opens nothing.
    let foreign = app.client.delete(format!("{}{path}", app.base)).bearer_auth(token.expose());
    TestApp::answer(foreign).await.assert_status(404);
    here.send(&app, "DELETE", &path, Value::Null).await.assert_status(200);
    assert_eq!((here.is_in(&app).await, there.is_in(&app).await, elsewhere.is_in(&app).await), (true, false, true));
    here.send(&app, "DELETE", "/api/v1/sessions", Value::Null).await.assert_status(200);
    assert_eq!((here.is_in(&app).await, elsewhere.is_in(&app).await), (true, false));
    let page = here.send(&app, "GET", "/account", Value::Null).await;
    assert!(page.text.contains("Firefox on Linux") && page.text.contains("(this one)"), "{}", page.text);
    let other = Signed::in_as(&app, PASSWORD).await;
    here.form(&app, "/account/sessions/end-others", &[("csrf", "guessed")]).await.assert_status(403);
    here.form(&app, "/account/sessions/end-others", &[("csrf", &here.csrf)]).await.assert_status(303);
    assert!(!other.is_in(&app).await);
    let logged = "select jsonb_agg(row_count order by at) from operator_log where action = 'end_sessions'";
    assert_eq!(app.value(logged).await, json!([1, 1, 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changes_ones_own_password_with_the_present_one_and_other_sessions_end() {
    let app = with_user().await;
    let (here, there) = (Signed::in_as(&app, PASSWORD).await, Signed::in_as(&app, PASSWORD).await);
    let change = |present: &str, password: &str| json!({ "present": present, "password": password });
    let path = "/api/v1/account/password";
    for (present, password, wanted) in [
        ("not this one at all", OTHER_PASSWORD, "the present password is not right"),
        (PASSWORD, "password1234", "easy to guess"),
        (PASSWORD, "danadanadana", "easy to guess"),
        (PASSWORD, "short", "12 characters"),
    ] {
        let answer = here.send(&app, "POST", path, change(present, password)).await;
        assert!(answer.assert_status(422).text.contains(wanted), "{wanted}: {}", answer.text);
    }
    assert!(there.is_in(&app).await);
    here.send(&app, "POST", path, change(PASSWORD, OTHER_PASSWORD)).await.assert_status(200);
    assert_eq!((here.is_in(&app).await, there.is_in(&app).await), (true, false));
    let sign_in = Signed::in_as(&app, OTHER_PASSWORD).await;
    let fields = [("csrf", sign_in.csrf.as_str()), ("present", OTHER_PASSWORD), ("password", PASSWORD)];
    let unequal = [&fields[..], &[("again", "something else")]].concat();
    sign_in.form(&app, "/account/password", &unequal).await.assert_status(422);
    let equal = [&fields[..], &[("again", PASSWORD)]].concat();
    sign_in.form(&app, "/account/password", &equal[1..]).await.assert_status(403);
    sign_in.form(&app, "/account/password", &equal).await.assert_status(303);
    Signed::in_as(&app, PASSWORD).await;
    let logged = "select jsonb_agg(action order by at) from operator_log
                  where action in ('change_password', 'sign_in_failed')";
    assert_eq!(app.value(logged).await, json!(["sign_in_failed", "change_password", "change_password"]));
    let kept = app.value("select string_agg(details::text, ' ') from operator_log").await.to_string();
    assert!(!kept.contains("horse"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_the_present_password_is_slowed_as_well() {
    let app = with_user().await;
    let here = Signed::in_as(&app, PASSWORD).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let body = json!({ "present": "not this one at all", "password": OTHER_PASSWORD });
        statuses.push(here.send(&app, "POST", "/api/v1/account/password", body).await.status);
        app.execute("update sign_in_attempts set free_at = now() + interval '50 s' where failures >= 5").await;
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_ends_the_sessions_of_a_user_of_theirs_alone() {
    let app = with_user().await;
    let dana = Signed::in_as(&app, PASSWORD).await;
    let form = [("login", "dana")];
    let foreign = Person::of(&app, Role::Admin, Some(OTHER)).await;
    foreign.post(&app, "/setup/users/sessions", &form).await.assert_status(404);
    Person::of(&app, Role::Operator, Some(TENANT))
        .await
        .post(&app, "/setup/users/sessions", &form)
        .await
        .assert_status(403);
    assert!(dana.is_in(&app).await);
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    admin.post(&app, "/setup/users/sessions", &form).await.assert_status(303);
    assert!(!dana.is_in(&app).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_unless_somebody_says_never_and_take_their_sessions_along() {
    let app = with_user().await;
    let admin =
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), Role::Admin, "t", None).await.unwrap().1;
    let add = |body: Value| {
        let request = app.client.post(format!("{}/api/v1/tokens", app.base)).bearer_auth(admin.expose());
        TestApp::answer(request.json(&body))
    };
    let made = add(json!({ "role": "viewer" })).await;
    let made: Value = serde_json::from_str(&made.assert_status(200).text).unwrap();
    let days = format!("extract(epoch from '{}'::timestamptz - now()) / 86400", made["expires_at"].as_str().unwrap());
    let days = app.value(&days).await.as_f64().unwrap();
    assert!((89.9..=90.0).contains(&days), "{days} days by the clock that says whether it has ended");
    let never = add(json!({ "role": "viewer", "never_expires": true })).await;
    assert!(never.assert_status(200).text.contains("\"expires_at\":null"), "{}", never.text);
    add(json!({ "role": "viewer", "never_expires": true, "expires_in_days": 3 })).await.assert_status(422);
    // A session that a token began ends with it.
    app.execute("update api_tokens set expires_at = now() + interval '1 hour' where label = 't'").await;
    let request = app.client.post(format!("{}/api/v1/session", app.base)).json(&json!({ "token": admin.expose() }));
    TestApp::answer(request).await.assert_status(200);
    let ends = "select bool_and(s.expires_at = t.expires_at) from sessions s join api_tokens t on t.id = s.token_id";
    assert_eq!(app.value(ends).await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_password_signs_in_by_no_password() {
    let app = with_user().await;
    app.execute("update users set password_hash = null").await;
    for password in ["", "none", PASSWORD] {
        let request = app.client.post(format!("{}/api/v1/session", app.base));
        let answer = TestApp::answer(request.json(&json!({ "login": "dana", "password": password }))).await;
        answer.assert_status(401);
    }
}
