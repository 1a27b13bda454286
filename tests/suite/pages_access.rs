//! Every page and form × every role × own tenant, foreign tenant, all tenants; and what guards forms.

use serde_json::json;
use switchhook::access::Role;
use switchhook::console::Route;
use switchhook::dashboard::ROUTES;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::access::{MARK, OTHER, id, one_of_everything};
use crate::support::TestApp;
use crate::support::app::TENANT;

/// All that a stranger could have changed.
const ROWS: &str = "select jsonb_build_array((select jsonb_agg(to_jsonb(c)) from calls c),
    (select jsonb_agg(to_jsonb(l)) from leads l), (select jsonb_agg(to_jsonb(e)) from webhook_events e),
    (select jsonb_agg(to_jsonb(j)) from jobs j), (select jsonb_agg(to_jsonb(c)) from campaigns c where tenant_id = '00000000-0000-0000-0000-000000000001'))";

/// What is sent to a route: its path with ids of the default tenant, and the fields of its form. A route without an
/// entry fails.
pub fn sample(route: &Route) -> (String, Vec<(&'static str, String)>) {
    let of = |n: u128| vec![("id", id(n).to_string())];
    let (last, form): (String, Vec<(&'static str, String)>) = match (route.method.as_str(), route.path) {
        ("GET", "/" | "/sign-in" | "/calls" | "/calls.csv" | "/unattributed") => (String::new(), vec![]),
        ("GET", "/overview" | "/campaigns" | "/leads" | "/leads.csv") => (String::new(), vec![]),
        ("GET", "/campaigns/{id}") => (id(5).to_string(), vec![]),
        ("GET", "/leads/{id}") => (id(2).to_string(), vec![]),
        ("POST", "/leads/{id}/edit") => (id(2).to_string(), vec![("stage", "won".to_owned())]),
        ("POST", "/leads/{id}/do-not-contact") => (id(2).to_string(), vec![("choice", "on".to_owned())]),
        ("POST", "/sign-in") => (String::new(), vec![("token", "none".to_owned())]),
        // Without a provider there are none.
        ("GET", "/sign-in/oidc" | "/sign-in/oidc/callback") => (String::new(), vec![]),
        ("POST", "/sign-out") => (String::new(), vec![]),
        ("GET", "/sign-in/code" | "/sign-in/second-factor") => (String::new(), vec![]),
        ("POST", "/sign-in/code" | "/sign-in/second-factor") => (String::new(), vec![("code", "000000".to_owned())]),
        ("GET", "/account") | ("POST", "/account/sessions/end-others") => (String::new(), vec![]),
        ("POST", "/account/sessions/{id}/end") => (id(14).to_string(), vec![]),
        ("POST", path) if path.starts_with("/account/") => {
            (String::new(), vec![("present", "correct horse battery".to_owned())])
        }
        ("GET", "/calls/{id}" | "/calls/{id}/recordings/{recording}") => (id(1).to_string(), vec![]),
        ("POST", "/calls/{id}/conversion") => (id(1).to_string(), vec![("converted", "1".to_owned())]),
        ("POST", "/calls/{id}/campaign") => (id(1).to_string(), vec![("to", "none".to_owned())]),
        ("POST", "/calls/{id}/notes") => (id(1).to_string(), vec![("note", "called back".to_owned())]),
        ("POST", "/unattributed/selected") => (String::new(), [of(1), vec![("to", "none".to_owned())]].concat()),
        ("POST", "/unattributed/all") => (
            String::new(),
            vec![
                ("to", id(5).to_string()),
                ("tenant", "default".to_owned()),
                ("counted", "2126-11-01T12:00:00Z".to_owned()),
            ],
        ),
        ("POST", "/unattributed/undo") => (String::new(), vec![("undo", id(9).to_string())]),
        ("POST", "/unattributed/rule") => {
            let fields = vec![("to", id(5).to_string()), ("our_number", "+15550100010".to_owned())];
            (String::new(), [fields, vec![("tenant", "default".to_owned())]].concat())
        }
        _ if route.path.starts_with("/operations") || route.path.starts_with("/setup") => {
            return operators(route);
        }
        (method, path) => panic!("{method} {path} is a new page: say here what is sent to it"),
    };
    (route.path.replace("{id}", &last).replace("{recording}", &id(10).to_string()), form)
}

/// What is sent to the pages of operators and admins.
fn operators(route: &Route) -> (String, Vec<(&'static str, String)>) {
    let words = |pairs: &[(&'static str, &str)]| {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>()
    };
    let (last, form) = match (route.method.as_str(), route.path.trim_start_matches('/')) {
        ("GET", "operations/events/{id}") => (id(6).to_string(), vec![]),
        ("GET", "operations/jobs/{id}") => (id(7).to_string(), vec![]),
        ("POST", "operations/run") => {
            let (before, last) = (Uuid::nil().to_string(), id(6).to_string());
            let due = "1970-01-01T00:00:00Z";
            let place = [("lane", "0"), ("due", due), ("place", &*before), ("last", &*last), ("id", &*last)];
            (String::new(), [words(&[("do", "discard")]), words(&place)].concat())
        }
        ("POST", "operations/jobs/run") => {
            let (before, last) = (Uuid::nil().to_string(), id(7).to_string());
            (String::new(), words(&[("kind", "start_outreach"), ("place", &before), ("last", &last)]))
        }
        ("POST", "operations/jobs/retry" | "operations/jobs/cancel") => {
            (String::new(), vec![("id", id(7).to_string())])
        }
        ("POST", "operations/rejections/reverify") => (String::new(), vec![]),
        ("POST", "operations/kinds/{kind}/pause" | "operations/kinds/{kind}/resume") => {
            ("start_outreach".to_owned(), vec![])
        }
        ("POST", "setup/connections") => {
            (String::new(), words(&[("provider", "dialpad"), ("slug", &Uuid::now_v7().to_string())]))
        }
        // The connections of Bolna and of Retell in every test.
        ("POST", "setup/connections/{id}/url") => (Uuid::from_u128(100).to_string(), words(&[("overlap_hours", "0")])),
        ("POST", "setup/connections/{id}/rotate") => {
            (Uuid::from_u128(103).to_string(), words(&[("secret", "key_of_the_platform")]))
        }
        ("POST", path) if path.starts_with("setup/connections/{id}/") => (Uuid::from_u128(103).to_string(), vec![]),
        ("POST", "setup/numbers" | "setup/numbers/assign" | "setup/numbers/remove") => {
            (String::new(), words(&[("number", "+15550100010"), ("label", "x")]))
        }
        ("POST", "setup/agents" | "setup/agents/assign" | "setup/agents/remove") => {
            (String::new(), words(&[("provider", "retell"), ("agent_id", "agent_1")]))
        }
        ("POST", "setup/campaigns") => (String::new(), words(&[("name", &Uuid::now_v7().to_string())])),
        ("POST", "setup/campaigns/{id}/remove") => (id(5).to_string(), vec![]),
        ("POST", "setup/tenants") => (String::new(), words(&[("slug", &Uuid::now_v7().to_string())])),
        ("POST", "setup/tokens") => (String::new(), words(&[("role", "viewer")])),
        ("POST", "setup/tokens/{id}/revoke") => (id(8).to_string(), vec![]),
        ("POST", "setup/users/second-factor") => (String::new(), words(&[("login", MARK), ("do", "require")])),
        ("POST", "setup/users") => {
            let login = Uuid::now_v7().to_string();
            (String::new(), words(&[("login", &login), ("password", "correct horse battery"), ("role", "viewer")]))
        }
        ("POST", "setup/users/password" | "setup/users/remove" | "setup/users/sessions") => {
            (String::new(), words(&[("login", MARK), ("password", "correct horse battery")]))
        }
        ("GET", "operations/confirm") => return ("/operations/confirm?do=redrive".to_owned(), vec![]),
        ("GET", path) if !path.contains('{') => (String::new(), vec![]),
        (method, path) => panic!("{method} {path} is a new page: say here what is sent to it"),
    };
    (route.path.replace("{id}", &last).replace("{kind}", &last), form)
}

/// What the pages of operators and admins say to who may: a form may show what is shown once, or be refused because the
/// turn before has left nothing to do.
fn operators_hear(route: &Route, is_foreign: bool) -> &'static [u16] {
    match (route.method.as_str(), route.path) {
        ("GET", path) if path.contains('{') && is_foreign => &[404],
        ("GET", _) => &[200],
        // A pause and a tenant are for who sees all.
        (_, path) if path.contains("{kind}") || path == "/setup/tenants" => &[303, 403],
        (_, path) if path.contains('{') && is_foreign => &[404],
        (_, "/setup/connections" | "/setup/tokens" | "/setup/connections/{id}/url") => &[200],
        // What another tenant has is claimed by nobody but an administrator of all.
        (_, "/setup/numbers" | "/setup/agents") => &[303, 403, 404, 422],
        (_, path) if path.starts_with("/setup") => &[303, 404, 422],
        _ => &[303],
    }
}

/// The statuses that a role may hear: of the default tenant, of another (`foreign`).
fn expected(route: &Route, role: Role, is_foreign: bool) -> &'static [u16] {
    // Without an identity provider.
    if route.path.starts_with("/sign-in/oidc") {
        return &[404];
    }
    // Without a password nobody comes to the second step.
    if route.path.starts_with("/sign-in/") {
        return &[303];
    }
    let Some(right) = route.right else { return if route.method == "GET" { &[200] } else { &[401] } };
    let names_one = route.path.contains('{') || ["all", "undo", "rule"].iter().any(|end| route.path.ends_with(end));
    match () {
        () if !role.may(right) => &[403],
        () if route.path.starts_with("/operations") || route.path.starts_with("/setup") => {
            operators_hear(route, is_foreign)
        }
        // A token has no account, and no session of this id.
        () if route.path == "/account/sessions/{id}/end" => &[404],
        () if route.path.starts_with("/account/") && !route.path.ends_with("others") => &[403],
        // What is not theirs is not there, or is passed over.
        () if is_foreign && names_one => &[404, 422],
        () if ["/", "/sign-out"].contains(&route.path) || route.method == "POST" => &[303],
        () => &[200],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_for_every_role_of_every_tenant() {
    let app = one_of_everything().await;
    app.execute(&format!(
        "insert into phone_numbers (number, tenant_id) values ('+15550100010', '{TENANT}');
         insert into recordings (id, call_id, audio, audio_type)
         values ('{}', '{}', '{MARK}', 'audio/mpeg')",
        id(10),
        id(1)
    ))
    .await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for role in Role::ALL {
        for (tenant_id, is_foreign) in [(Some(TENANT), false), (Some(OTHER), true), (None, false)] {
            let token =
                tokens::add(&app.pool, app.keys.digests().unwrap(), tenant_id, role, "test", None).await.unwrap().1;
            for route in ROUTES.iter() {
                app.execute(&format!(
                    "insert into attributions (log_id, call_id) select '{}', '{}' on conflict do nothing;
                     insert into phone_numbers (number, tenant_id) values ('+15550100010', '{TENANT}')
                     on conflict do nothing",
                    id(9),
                    id(1)
                ))
                .await;
                let before = app.value(ROWS).await;
                let (path, form) = sample(route);
                let request = client.request(route.method.as_str().parse().unwrap(), format!("{}{path}", app.base));
                let request = request.bearer_auth(token.expose());
                let answer = TestApp::answer(if form.is_empty() { request } else { request.form(&form) }).await;
                let what = format!("{} {path} as {role:?} of {tenant_id:?}: {:.900}", route.method, answer.text);
                assert!(expected(route, role, is_foreign).contains(&answer.status), "{} {what}", answer.status);
                let policy = answer.headers["content-security-policy"].to_str().unwrap();
                assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{what}");
                if is_foreign {
                    assert!(!answer.text.contains(MARK), "{what}");
                    assert_eq!(app.value(ROWS).await, before, "{what}");
                }
                if role == Role::Viewer && answer.status == 200 {
                    let seen = ["+15550100123", "hello from", "they said ours", "https://example.com/ours"];
                    let shown = seen.iter().find(|part| answer.text.contains(**part));
                    assert_eq!(shown, None, "{what}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_signed_in_is_taken_to_where_one_signs_in() {
    let app = TestApp::spawn().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for route in ROUTES.iter().filter(|route| route.right.is_some()) {
        let (path, form) = sample(route);
        let request = client.request(route.method.as_str().parse().unwrap(), format!("{}{path}", app.base));
        let answer = TestApp::answer(request.form(&form)).await;
        answer.assert_status(303);
        assert!(answer.headers["location"].to_str().unwrap().starts_with("/sign-in"), "{path}");
    }
    // What is no page at all stays as the door answers it, but for browsers.
    let nothing = app.client.get(format!("{}/nothing/here", app.base));
    let answer = TestApp::answer(nothing).await;
    assert!(answer.assert_status(404).text.contains("nothing is here"), "{answer:?}");
    let nothing = app.client.get(format!("{}/nothing/here", app.base)).header("accept", "text/html");
    assert!(TestApp::answer(nothing).await.assert_status(404).text.contains("There is nothing here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_the_sessions_secret_changes_nothing() {
    let app = one_of_everything().await;
    let token =
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), Role::Admin, "test", None).await.unwrap().1;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sign_in =
        client.post(format!("{}/sign-in", app.base)).form(&[("token", token.expose()), ("next", "//example.com")]);
    let answer = TestApp::answer(sign_in).await;
    answer.assert_status(303);
    assert_eq!(answer.headers["location"], "/");
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let who = client.get(format!("{}/api/v1/session", app.base)).header("cookie", &cookie).send().await.unwrap();
    let who: serde_json::Value = serde_json::from_str(&who.text().await.unwrap()).unwrap();
    let csrf = who["csrf_token"].as_str().unwrap().to_owned();
    let path = format!("{}/calls/{}/conversion", app.base, id(1));
    let converted = "select coalesce(to_jsonb(converted_by_hand), 'null') from calls";
    for (fields, origin, status) in [
        (vec![("converted", "1")], None, 403),
        (vec![("converted", "1"), ("csrf", "guessed")], None, 403),
        (vec![("converted", "1"), ("csrf", csrf.as_str())], Some("https://example.com"), 403),
        (vec![("converted", "1"), ("csrf", csrf.as_str())], None, 303),
    ] {
        assert_eq!(app.value(converted).await, json!(null));
        let mut request = client.post(&path).header("cookie", &cookie).form(&fields);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        TestApp::answer(request).await.assert_status(status);
    }
    assert_eq!(app.value(converted).await, json!(true));
    assert_eq!(Uuid::from_u128(0x1001), id(1));
}
