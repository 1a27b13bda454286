//! Signing in with an identity provider: who comes in, as what, and everything that must not.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::users;

use crate::support::identity_provider::{Signing, claims};
use crate::support::{Answer, IdentityProvider, TENANT, TestApp};

/// When all of it happens: the clock of a test.
const NOW: i64 = 1_793_534_400;
const PASSWORD: &str = "correct horse battery";

/// A program and its provider: `sales` are agents of the tenant `default`, `support` operators of all.
pub(super) struct Office {
    pub app: TestApp,
    pub provider: IdentityProvider,
    pub browser: reqwest::Client,
}

impl Office {
    pub(super) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub(super) async fn open_with(settings: &[(&str, &str)]) -> Self {
        let provider = IdentityProvider::start(NOW).await;
        let shipped = [
            ("OIDC__ISSUER", provider.issuer.as_str()),
            ("OIDC__CLIENT_ID", IdentityProvider::CLIENT_ID),
            ("OIDC__CLIENT_SECRET", IdentityProvider::CLIENT_SECRET),
            ("OIDC__ALLOWED_DOMAINS", "example.com"),
            ("OIDC__ROLES__SALES", "agent@default"),
            ("OIDC__ROLES__SUPPORT", "operator"),
            ("OIDC__ROLES__NOWHERE", "viewer@no-such-tenant"),
        ];
        let app = TestApp::spawn_with(&[&shipped[..], settings].concat(), switchhook::providers::registry()).await;
        assert_eq!(app.clock.now().timestamp(), NOW);
        let browser = crate::support::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, provider, browser }
    }

    /// The path of a page of ours, as a browser with these cookies.
    pub(super) async fn get(&self, path: &str, cookie: &str) -> Answer {
        TestApp::answer(self.browser.get(format!("{}{path}", self.app.base)).header("cookie", cookie)).await
    }

    /// Presses the button: the cookie that this leaves, and where it leads.
    pub(super) async fn begin(&self, next: &str) -> (String, String) {
        let begun = self.get(&format!("/sign-in/oidc{next}"), "").await;
        begun.assert_status(303);
        (cookie(&begun.headers, "switchhook-oidc").unwrap(), location(&begun).to_owned())
    }

    /// Signs in at the provider: the path that it sends the browser back to.
    pub(super) async fn visit(&self, provider_url: &str) -> String {
        let shown = TestApp::answer(self.browser.get(provider_url)).await;
        shown.assert_status(302);
        location(&shown).strip_prefix("http://127.0.0.1:8080").unwrap().to_owned()
    }

    /// All of it.
    pub(super) async fn sign_in(&self) -> Answer {
        let (attempt, url) = self.begin("").await;
        let back = self.visit(&url).await;
        self.get(&back, &attempt).await
    }

    /// All of it, for somebody who comes in: the cookie of the session.
    pub(super) async fn session(&self) -> String {
        let answer = self.sign_in().await;
        answer.assert_status(303);
        cookie(&answer.headers, "switchhook").unwrap()
    }

    /// Who a session is.
    pub(super) async fn who(&self, cookie: &str) -> Option<Value> {
        let answer = self.get("/api/v1/session", cookie).await;
        (answer.status == 200).then(|| serde_json::from_str(&answer.text).unwrap())
    }

    /// Nobody comes in; returns what the operator log says why.
    #[track_caller]
    pub(super) fn refused(&self, answer: &Answer, what: &str) -> impl Future<Output = String> {
        assert!([401, 503].contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
        assert_eq!(cookie(&answer.headers, "switchhook"), None, "{what}");
        let reference = answer.text.split("(Reference: ").nth(1).expect(what).split(')').next().unwrap().to_owned();
        async move {
            let reason = format!(
                "select to_jsonb(details ->> 'reason') from operator_log
                 where action = 'sign_in_failed' and details ->> 'reference' = '{reference}'"
            );
            self.app.value(&reason).await.as_str().unwrap().to_owned()
        }
    }
}

/// The value that a cookie gets, with its name; `None`: it gets none, or is taken away.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let set = headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let pairs = set.map(|text| text.split(';').next().unwrap());
    pairs
        .filter(|pair| pair.split_once('=').is_some_and(|(n, value)| n == name && !value.is_empty()))
        .map(str::to_owned)
        .next_back()
}

fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_gets_the_role_of_their_group_and_the_page_that_they_asked_for() {
    let office = Office::open().await;
    for signing in [Signing::Rs256, Signing::Es256] {
        office.provider.told().signing = signing;
        let (attempt, url) = office.begin("?next=/calls%3Ffrom%3D2026-10-01").await;
        let back = office.visit(&url).await;
        let answer = office.get(&back, &attempt).await;
        assert_eq!((answer.status, location(&answer)), (303, "/calls?from=2026-10-01"), "{signing:?}");
        assert_eq!(cookie(&answer.headers, "switchhook-oidc"), None, "the attempt is over");
        let session = cookie(&answer.headers, "switchhook").unwrap();
        let who = office.who(&session).await.unwrap();
        assert_eq!((&who["kind"], &who["role"], &who["tenant_id"]), (&json!("user"), &json!("agent"), &json!(TENANT)));
        assert_eq!(office.get("/calls", &session).await.status, 200);
    }
    let app = &office.app;
    let users =
        app.rows("select jsonb_build_array(login, role, oidc_issuer, oidc_subject, password_hash) from users").await;
    let issuer = &office.provider.issuer;
    assert_eq!(users, [json!(["dana@example.com", "agent", issuer, IdentityProvider::SUBJECT, null])]);
    assert_eq!(app.value("select count(*) from operator_log where action = 'add_user'").await, json!(1));
    assert_eq!(app.value("select count(*) from oidc_sign_ins").await, json!(0));
    let log = app.value("select string_agg(to_jsonb(o)::text, '') from operator_log o").await.to_string();
    assert!(!log.contains("example.com") && !log.contains(IdentityProvider::SUBJECT), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_is_sent_is_what_the_standard_says() {
    let office = Office::open().await;
    let (attempt, url) = office.begin("").await;
    let set = office.get("/sign-in/oidc", "").await;
    let set = set.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Max-Age=900"), "{set}");
    // Neither what proves the attempt nor the secret travels by the browser's address bar.
    let value = attempt.split('=').nth(1).unwrap();
    assert!(!url.contains(value) && !url.contains("code_verifier") && !url.contains("secret"), "{url}");
    let kept = office.app.value("select string_agg(to_jsonb(o)::text, '') from oidc_sign_ins o").await.to_string();
    assert!(!kept.contains(value), "{kept}");
    let back = office.visit(&url).await;
    office.get(&back, &attempt).await.assert_status(303);
    // The stand-in has checked the client, the verifier, and where the code was for.
    assert_eq!(office.provider.requests("/token").len(), 1);
    assert_eq!(office.provider.requests("/.well-known/openid-configuration").len(), 1, "it is asked once in a while");

    let office = Office::open().await;
    office.provider.told().takes_header = false;
    office.session().await;
    // By the standard the claims of a scope come with the user info, unless the provider puts them into the token.
    for (of_token, of_user_info) in [
        (
            json!({ "email": null, "email_verified": null }),
            json!({ "email": "dana@example.com", "email_verified": true }),
        ),
        (json!({ "groups": null }), json!({ "groups": ["sales"] })),
    ] {
        let office = Office::open().await;
        office.provider.set_claims(of_token);
        office.provider.told().user_info = Some(claims(of_user_info.clone()));
        office.session().await;
        let mut of_somebody_else = claims(of_user_info);
        of_somebody_else.insert("sub".to_owned(), json!("somebody-else"));
        office.provider.told().user_info = Some(of_somebody_else);
        let reason = office.refused(&office.sign_in().await, "another's user info").await;
        assert!(reason.contains("user info"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_verified_address_a_domain_or_a_group_stays_outside() {
    let office = Office::open().await;
    let default = json!({ "email": "Dana@Example.com", "email_verified": true, "groups": ["sales"] });
    for (claims, why) in [
        (json!({ "email_verified": false }), "email_verified"),
        (json!({ "email_verified": null }), "email_verified"),
        (json!({ "email": null }), "email_verified"),
        (json!({ "email": "dana@example.com@evil.example" }), "email_verified"),
        (json!({ "email": "dana@evil.example" }), "allowed_domains"),
        (json!({ "email": "dana@example.com.evil.example" }), "allowed_domains"),
        (json!({ "email": "dana@sub.example.com" }), "allowed_domains"),
        (json!({ "groups": [] }), "oidc.roles"),
        (json!({ "groups": null }), "oidc.roles"),
        (json!({ "groups": { "sales": true } }), "oidc.roles"),
        (json!({ "groups": ["Sales", "sales ", "marketing"] }), "oidc.roles"),
        (json!({ "groups": ["nowhere"] }), "a tenant that does not exist"),
    ] {
        office.provider.set_claims(default.clone());
        office.provider.set_claims(claims.clone());
        let reason = office.refused(&office.sign_in().await, &claims.to_string()).await;
        assert!(reason.contains(why), "{claims}: {reason}");
    }
    assert_eq!(office.app.value("select count(*) from users").await, json!(0));
    office.provider.set_claims(default);
    office.provider.set_claims(json!({ "groups": "support" }));
    let who = office.who(&office.session().await).await.unwrap();
    assert_eq!((&who["role"], &who["tenant_id"]), (&json!("operator"), &json!(null)), "one group may be a text");
    let office = Office::open_with(&[("OIDC__DEFAULT_ROLE", "viewer@default")]).await;
    office.provider.set_claims(json!({ "groups": null }));
    assert_eq!(office.who(&office.session().await).await.unwrap()["role"], json!("viewer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_becomes_a_user_by_having_the_same_address() {
    let office = Office::open().await;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    users::add(&office.app.pool, None, "dana@example.com", &hash, Role::Admin).await.unwrap().unwrap();
    let reason = office.refused(&office.sign_in().await, "an admin of the same address").await;
    assert!(reason.contains("login name"), "{reason}");
    assert_eq!(office.app.value("select coalesce(oidc_subject, 'none') from users").await, json!("none"));
    users::remove(&office.app.pool, "dana@example.com", None).await.unwrap().unwrap();
    let first = office.session().await;
    // Another person with the address that Dana had is somebody else; Dana is Dana under whatever address.
    office.provider.set_claims(json!({ "sub": "another" }));
    let reason = office.refused(&office.sign_in().await, "the address went to another person").await;
    assert!(reason.contains("login name"), "{reason}");
    office.provider.set_claims(json!({ "sub": IdentityProvider::SUBJECT, "email": "d.o'hara@example.com" }));
    let second = office.session().await;
    let who = (office.who(&first).await.unwrap(), office.who(&second).await.unwrap());
    assert_eq!(who.0["id"], who.1["id"]);
    assert_eq!(office.app.rows("select to_jsonb(login) from users").await, [json!("d.o'hara@example.com")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_changes_and_ends_with_the_group_at_the_next_sign_in() {
    let office = Office::open().await;
    let first = office.session().await;
    office.provider.set_claims(json!({ "groups": ["sales", "support"] }));
    let second = office.session().await;
    for session in [&first, &second] {
        let who = office.who(session).await.unwrap();
        assert_eq!((&who["role"], &who["tenant_id"]), (&json!("operator"), &json!(null)));
    }
    let changes = "select count(*) from operator_log where action = 'change_role'";
    assert_eq!(office.app.value(changes).await, json!(1));
    office.provider.set_claims(json!({ "groups": ["sales"] }));
    assert_eq!(office.who(&office.session().await).await.unwrap()["role"], json!("agent"));
    office.provider.set_claims(json!({ "groups": ["marketing"] }));
    office.refused(&office.sign_in().await, "out of all groups").await;
    for session in [&first, &second] {
        assert_eq!(office.who(session).await, None, "what was begun before has ended");
    }
    assert_eq!(office.app.value("select count(*) from operator_log where action = 'end_sessions'").await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_provider_has_no_password_and_comes_back_by_the_provider_alone() {
    let office = Office::open().await;
    office.provider.set_claims(json!({ "groups": ["support"] }));
    let session = office.session().await;
    let app = &office.app;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    assert_eq!(users::set_password(&app.pool, "dana@example.com", &hash, None).await.unwrap(), None);
    let by_password = json!({ "login": "dana@example.com", "password": PASSWORD });
    let post = || app.client.post(format!("{}/api/v1/session", app.base)).json(&by_password);
    TestApp::answer(post()).await.assert_status(401);
    let kept = "update users set password_hash = 'x' where login = 'dana@example.com'";
    assert!(sqlx::raw_sql(kept).execute(&app.pool).await.is_err(), "the table itself refuses both");
    let listed = users::list(&app.pool, None).await.unwrap();
    assert_eq!(listed[0].signs_in_with, "oidc");
    users::remove(&app.pool, "dana@example.com", None).await.unwrap().unwrap();
    assert_eq!(office.who(&session).await, None);
    TestApp::answer(post()).await.assert_status(401);
    assert!(office.who(&office.session().await).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_can_be_switched_off_beside_a_provider_and_tokens_cannot() {
    let office = Office::open_with(&[("OIDC__PASSWORDS", "false"), ("OIDC__BUTTON", "Sign in with <Acme>")]).await;
    let app = &office.app;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    users::add(&app.pool, None, "dana", &hash, Role::Admin).await.unwrap().unwrap();
    let page = office.get("/sign-in?next=/leads", "").await;
    assert!(page.text.contains("Sign in with &#60;Acme&#62;"), "{}", page.text);
    assert!(page.text.contains("/sign-in/oidc?next=%2Fleads") && !page.text.contains("name=\"password\""));
    let login = json!({ "login": "dana", "password": PASSWORD });
    TestApp::answer(app.client.post(format!("{}/api/v1/session", app.base)).json(&login)).await.assert_status(401);
    let form = app.client.post(format!("{}/sign-in", app.base)).form(&[("login", "dana"), ("password", PASSWORD)]);
    assert!(TestApp::answer(form).await.assert_status(401).text.contains("Passwords do not count here"));
    let token = switchhook::store::tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None)
        .await
        .unwrap()
        .1;
    let body = json!({ "token": token.expose() });
    TestApp::answer(app.client.post(format!("{}/api/v1/session", app.base)).json(&body)).await.assert_status(200);
    // Without a provider there is neither the button nor what it leads to.
    let app = TestApp::spawn().await;
    let page = TestApp::answer(app.client.get(format!("{}/sign-in", app.base))).await;
    assert!(page.text.contains("name=\"password\"") && !page.text.contains("/sign-in/oidc"));
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback?code=x&state=y"] {
        TestApp::answer(app.client.get(format!("{}{path}", app.base))).await.assert_status(404);
    }
}
