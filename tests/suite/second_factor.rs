//! The second factor: set up, asked for, used once, slowed, lost and reset.

use base64::Engine;
use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::users;
use totp_rs::Builder;

use crate::access::OTHER;
use crate::operations::Person;
use crate::support::{Answer, TENANT, TestApp};

pub const PASSWORD: &str = "correct horse battery";
const SESSION: &str = "/api/v1/session";
const FACTOR: &str = "/api/v1/account/second-factor";

/// A user who may have an app for codes.
pub struct Holder {
    pub app: TestApp,
    pub secret: Option<String>,
}

/// The code of a secret in base 32 at a time.
pub fn code_at(secret: &str, seconds: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(seconds).unwrap()).to_string()
}

impl Holder {
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::spawn_with(settings, switchhook::providers::registry()).await;
        app.execute(&format!("insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other')")).await;
        let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
        users::add(&app.pool, Some(TENANT), "dana", &hash, Role::Agent).await.unwrap().unwrap();
        Self { app, secret: None }
    }

    /// With a second factor that is on; and its recovery codes.
    pub async fn with_factor(settings: &[(&str, &str)]) -> (Self, Vec<String>) {
        let mut holder = Self::new(settings).await;
        let (cookie, csrf) = session(&holder.sign_in(None).await);
        let setup = holder.send(FACTOR, &cookie, &csrf, json!({ "present": PASSWORD })).await;
        let setup: Value = serde_json::from_str(&setup.assert_status(200).text).unwrap();
        holder.secret = Some(setup["secret"].as_str().unwrap().to_owned());
        let body = json!({ "code": holder.code() });
        let codes = holder.send(&format!("{FACTOR}/confirm"), &cookie, &csrf, body).await;
        let codes: Value = serde_json::from_str(&codes.assert_status(200).text).unwrap();
        holder.app.clock.advance(TimeDelta::seconds(30));
        (holder, serde_json::from_value(codes["recovery_codes"].clone()).unwrap())
    }

    pub fn code(&self) -> String {
        code_at(self.secret.as_deref().unwrap(), self.app.clock.now().timestamp())
    }

    pub async fn sign_in(&self, code: Option<&str>) -> Answer {
        let body = json!({ "login": "dana", "password": PASSWORD, "code": code });
        TestApp::answer(self.app.client.post(format!("{}{SESSION}", self.app.base)).json(&body)).await
    }

    pub async fn send(&self, path: &str, cookie: &str, csrf: &str, body: Value) -> Answer {
        let request = self.app.client.post(format!("{}{path}", self.app.base)).header("cookie", cookie);
        TestApp::answer(request.header("x-csrf-token", csrf).json(&body)).await
    }

    /// Posts a form as a browser with these cookies.
    pub async fn form(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let client = crate::support::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        TestApp::answer(client.post(format!("{}{path}", self.app.base)).header("cookie", cookie).form(fields)).await
    }

    pub async fn page(&self, path: &str, cookie: &str) -> Answer {
        let client = crate::support::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        TestApp::answer(client.get(format!("{}{path}", self.app.base)).header("cookie", cookie)).await
    }
}

pub fn session(answer: &Answer) -> (String, String) {
    answer.assert_status(200);
    let who: Value = serde_json::from_str(&answer.text).unwrap();
    (cookie(answer, "switchhook="), who["csrf_token"].as_str().unwrap().to_owned())
}

/// The cookie that an answer sets.
pub fn cookie(answer: &Answer, name: &str) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let mut set = set.filter(|value| value.starts_with(name));
    set.next().unwrap_or_else(|| panic!("no {name}: {:?}", answer.headers)).split(';').next().unwrap().to_owned()
}

pub fn kind(answer: &Answer) -> Value {
    serde_json::from_str::<Value>(&answer.text).unwrap()["type"].clone()
}

/// The hidden field of a form.
pub fn csrf_of(page: &Answer) -> String {
    let after = page.text.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("{}", page.text));
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_asked_for_after_the_right_password_only_and_is_good_once() {
    let (holder, _) = Holder::with_factor(&[]).await;
    let wrong = json!({ "login": "dana", "password": "not this one at all", "code": holder.code() });
    let wrong = TestApp::answer(holder.app.client.post(format!("{}{SESSION}", holder.app.base)).json(&wrong)).await;
    assert_eq!((wrong.status, kind(&wrong)), (401, json!(null)), "strangers learn nothing of the second factor");
    let asked = holder.sign_in(None).await;
    assert_eq!((asked.status, kind(&asked)), (401, json!("urn:switchhook:code-needed")));
    assert!(!asked.headers.contains_key("set-cookie"));
    let code = holder.code();
    assert_eq!(kind(&holder.sign_in(Some("000000")).await), "urn:switchhook:wrong-code");
    holder.sign_in(Some(&code)).await.assert_status(200);
    assert_eq!(kind(&holder.sign_in(Some(&code)).await), "urn:switchhook:wrong-code", "used before");
    holder.app.clock.advance(TimeDelta::seconds(30));
    let now = holder.app.clock.now().timestamp();
    let secret = holder.secret.clone().unwrap();
    assert_eq!(holder.sign_in(Some(&code_at(&secret, now + 90))).await.status, 401, "too far ahead");
    let next = code_at(&secret, now + 30);
    holder.sign_in(Some(&format!("{} {}", &next[..3], &next[3..]))).await.assert_status(200);
    assert_eq!(holder.sign_in(Some(&code_at(&secret, now))).await.status, 401, "earlier than one that was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_is_good_once_and_neither_it_nor_the_secret_is_in_the_database() {
    let (holder, codes) = Holder::with_factor(&[]).await;
    assert_eq!(codes.len(), 10);
    holder.sign_in(Some(&codes[3].to_uppercase())).await.assert_status(200);
    holder.sign_in(Some(&codes[3])).await.assert_status(401);
    holder.sign_in(Some(&codes[4])).await.assert_status(200);
    let tables = ["second_factors", "recovery_codes", "pending_sign_ins", "operator_log", "idempotency_keys"];
    let secret = holder.secret.clone().unwrap();
    let bytes = totp_rs::Secret::try_from_base32(&secret).unwrap();
    let plain = base64::engine::general_purpose::STANDARD.encode(bytes.as_bytes());
    for table in tables {
        let kept = holder
            .app
            .value(&format!("select coalesce(string_agg(to_jsonb(t)::text, ''), '') from {table} t"))
            .await
            .to_string();
        let shown = [&secret, &plain].into_iter().chain(&codes).find(|secret| kept.contains(secret.as_str()));
        assert_eq!(shown, None, "{table}");
    }
    // New ones end the ones before.
    let (cookie, csrf) = session(&holder.sign_in(Some(&holder.code())).await);
    holder.app.clock.advance(TimeDelta::seconds(30));
    let body = json!({ "present": PASSWORD, "code": holder.code() });
    let new = holder.send(&format!("{FACTOR}/recovery-codes"), &cookie, &csrf, body).await;
    new.assert_status(200);
    holder.sign_in(Some(&codes[5])).await.assert_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_slowed_for_everybody_but_the_owners_browser() {
    let settings = [("CONSOLE__SIGN_IN_FREE_FAILURES", "3"), ("CONSOLE__SIGN_IN_FIRST_WAIT", "50s")];
    let (holder, _) = Holder::with_factor(&settings).await;
    let browser = cookie(&holder.sign_in(Some(&holder.code())).await, "switchhook-browser=");
    holder.app.clock.advance(TimeDelta::seconds(30));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(holder.sign_in(Some("000000")).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    holder.sign_in(Some(&holder.code())).await.assert_status(429);
    let body = json!({ "login": "dana", "password": PASSWORD, "code": holder.code() });
    let request = holder.app.client.post(format!("{}{SESSION}", holder.app.base)).header("cookie", &browser);
    TestApp::answer(request.json(&body)).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_wrong_codes_of_a_day_end_the_codes_of_unknown_browsers_and_somebody_is_told() {
    let (holder, codes) = Holder::with_factor(&[("CONSOLE__SIGN_IN_FREE_FAILURES", "500")]).await;
    let app = &holder.app;
    let browser = cookie(&holder.sign_in(Some(&holder.code())).await, "switchhook-browser=");
    app.clock.advance(TimeDelta::seconds(30));
    let counted = "select wrong_codes from second_factors";
    assert_eq!(app.value(counted).await, 0, "right ones do not count");
    app.execute("update second_factors set wrong_codes = 48, wrong_since = now() - interval '23 hours'").await;
    let statuses = async |code: &str| holder.sign_in(Some(code)).await.status;
    assert_eq!([statuses("000000").await, statuses(&holder.code()).await], [401, 200], "the owner is not shut out");
    app.clock.advance(TimeDelta::seconds(30));
    assert_eq!(app.value(counted).await, 49, "and clears nothing for somebody who guesses");
    assert_eq!([statuses("000000").await, statuses("000000").await], [401, 429]);
    let refused = holder.sign_in(Some(&holder.code())).await;
    let wait: u64 = refused.assert_status(429).headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "until the day is over: {wait}");
    holder.sign_in(Some(&codes[0])).await.assert_status(429);
    // Known browsers go on.
    let body = json!({ "login": "dana", "password": PASSWORD, "code": holder.code() });
    let request = app.client.post(format!("{}{SESSION}", app.base)).header("cookie", &browser);
    TestApp::answer(request.json(&body)).await.assert_status(200);
    crate::alerts::look(app).await;
    let incident = "select severity || ' ' || (summary like '50 wrong codes%') from incidents
                    where cause = 'guessed_code' and subject = (select id::text from users)";
    assert_eq!(app.value(incident).await, "critical true");
    app.execute("update second_factors set wrong_since = now() - interval '25 hours'").await;
    holder.sign_in(Some(&codes[0])).await.assert_status(200);
    // An admin takes it away, and the count with it.
    app.execute("update second_factors set wrong_codes = 50, wrong_since = now()").await;
    let admin = Person::of(app, Role::Admin, Some(TENANT)).await;
    admin.post(app, "/setup/users/second-factor", &[("login", "dana"), ("do", "reset")]).await.assert_status(303);
    holder.sign_in(None).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn between_password_and_code_nothing_is_open_and_the_state_is_of_one_browser_and_five_codes() {
    let (holder, _) = Holder::with_factor(&[("CONSOLE__SIGN_IN_FREE_FAILURES", "50")]).await;
    let fields = [("login", "dana"), ("password", PASSWORD), ("next", "/leads")];
    let asked = holder.form("/sign-in", "", &fields).await;
    assert_eq!((asked.status, asked.headers["location"].to_str().unwrap()), (303, "/sign-in/code?next=%2Fleads"));
    assert_eq!(holder.app.value("select count(*) from sessions").await, 1, "the one that set it up");
    let pending = cookie(&asked, "switchhook-pending=");
    let as_session = pending.replace("switchhook-pending", "switchhook");
    for cookie in [&pending, &as_session] {
        let request = holder.app.client.get(format!("{}/api/v1/calls", holder.app.base)).header("cookie", cookie);
        TestApp::answer(request).await.assert_status(401);
    }
    let page = holder.page("/sign-in/code", &pending).await;
    let csrf = csrf_of(page.assert_status(200));
    assert_eq!(
        holder.page("/sign-in/second-factor", &pending).await.status,
        303,
        "the secret is shown to nobody again"
    );
    holder.form("/sign-in/code", &pending, &[("code", &holder.code())]).await.assert_status(403);
    assert_eq!(holder.form("/sign-in/code", "", &[("code", &holder.code()), ("csrf", &csrf)]).await.status, 303);
    let done =
        holder.form("/sign-in/code", &pending, &[("code", &holder.code()), ("csrf", &csrf), ("next", "/leads")]).await;
    assert_eq!((done.status, done.headers["location"].to_str().unwrap()), (303, "/leads"));
    let session = cookie(&done, "switchhook=");
    let request = holder.app.client.get(format!("{}/api/v1/calls", holder.app.base)).header("cookie", &session);
    TestApp::answer(request).await.assert_status(200);
    assert_eq!(holder.page("/sign-in/code", &pending).await.status, 303, "it is over");
    // Five wrong codes, and the password is asked for again.
    holder.app.clock.advance(TimeDelta::seconds(30));
    let pending = cookie(&holder.form("/sign-in", "", &fields).await, "switchhook-pending=");
    let csrf = csrf_of(&holder.page("/sign-in/code", &pending).await);
    for _ in 0..5 {
        holder.form("/sign-in/code", &pending, &[("code", "000000"), ("csrf", &csrf)]).await.assert_status(401);
    }
    let late = holder.form("/sign-in/code", &pending, &[("code", &holder.code()), ("csrf", &csrf)]).await;
    assert_eq!(late.headers["location"], "/sign-in");
    let pending = cookie(&holder.form("/sign-in", "", &fields).await, "switchhook-pending=");
    holder.app.execute("update pending_sign_ins set expires_at = now()").await;
    assert_eq!(holder.page("/sign-in/code", &pending).await.status, 303, "it ends by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_have_one_comes_only_as_far_as_setting_it_up() {
    let holder = Holder::new(&[("CONSOLE__SECOND_FACTOR", "required")]).await;
    let refused = holder.sign_in(None).await;
    assert_eq!((refused.status, kind(&refused)), (403, json!("urn:switchhook:second-factor-needed")));
    let asked = holder.form("/sign-in", "", &[("login", "dana"), ("password", PASSWORD)]).await;
    assert_eq!(asked.headers["location"], "/sign-in/second-factor?next=%2F");
    let pending = cookie(&asked, "switchhook-pending=");
    let page = holder.page("/sign-in/second-factor", &pending).await;
    let secret = page.text.split("id=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(page.text.contains("<svg") && page.text.contains("otpauth://totp/Switchhook:dana?secret="));
    let csrf = csrf_of(&page);
    let wrong = holder.form("/sign-in/second-factor", &pending, &[("code", "000000"), ("csrf", &csrf)]).await;
    assert!(wrong.assert_status(401).text.contains(&secret), "the same secret again");
    let code = code_at(&secret, holder.app.clock.now().timestamp());
    let done = holder.form("/sign-in/second-factor", &pending, &[("code", &code), ("csrf", &csrf)]).await;
    assert!(done.assert_status(200).text.matches("<li><code>").count() == 10, "{}", done.text);
    let session = cookie(&done, "switchhook=");
    let request = holder.app.client.get(format!("{}/api/v1/calls", holder.app.base)).header("cookie", &session);
    TestApp::answer(request).await.assert_status(200);
    assert_eq!(kind(&holder.sign_in(None).await), "urn:switchhook:code-needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_obliges_and_resets_and_the_log_says_so() {
    let (holder, codes) = Holder::with_factor(&[]).await;
    let app = &holder.app;
    let admin = Person::of(app, Role::Admin, Some(TENANT)).await;
    let foreign = Person::of(app, Role::Admin, Some(OTHER)).await;
    let path = "/setup/users/second-factor";
    for deed in ["reset", "require"] {
        foreign.post(app, path, &[("login", "dana"), ("do", deed)]).await.assert_status(404);
    }
    admin.post(app, path, &[("login", "dana"), ("do", "require")]).await.assert_status(303);
    let (cookie, csrf) = session(&holder.sign_in(Some(&codes[0])).await);
    let off = format!("{FACTOR}/off");
    let body = json!({ "present": PASSWORD, "code": codes[1] });
    let refused = holder.send(&off, &cookie, &csrf, body).await;
    assert!(refused.assert_status(422).text.contains("must have a second factor"), "{}", refused.text);
    admin.post(app, path, &[("login", "dana"), ("do", "release")]).await.assert_status(303);
    let body = json!({ "present": PASSWORD, "code": codes[2] });
    holder.send(&off, &cookie, &csrf, body).await.assert_status(200);
    holder.sign_in(None).await.assert_status(200);
    admin.post(app, path, &[("login", "dana"), ("do", "reset")]).await.assert_status(303);
    let logged = app
        .rows(
            "select to_jsonb(action) from operator_log where action like '%second_factor' or action = 'sign_in_failed'
             order by at, id",
        )
        .await;
    let wanted = [
        "turn_on_second_factor",
        "require_second_factor",
        "require_second_factor",
        "turn_off_second_factor",
        "reset_second_factor",
    ];
    assert_eq!(logged, wanted);
}
