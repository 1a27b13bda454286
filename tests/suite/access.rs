//! Every route × every role × own tenant, foreign tenant, all tenants; nobody without a token; and the document.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use switchhook::access::{Right, Role};
use switchhook::api::{self, ROUTES};
use switchhook::console::Route;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::support::TestApp;
use crate::support::app::TENANT;

pub const OTHER: Uuid = Uuid::from_u128(2);
/// Stands in whatever belongs to the default tenant.
pub const MARK: &str = "ours-alone";

/// A number of ours, of the default tenant.
pub const NUMBER: &str = "+15550100010";

/// The id of one of them.
pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x1000 + n)
}

/// One of everything, of the default tenant; another tenant has nothing but its name.
pub async fn one_of_everything() -> TestApp {
    one_of_everything_in(TestApp::spawn().await).await
}

/// The same, in an app of one's own.
pub async fn one_of_everything_in(mut app: TestApp) -> TestApp {
    app.allow_broken_rows();
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other');
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number,
                            transcript, summary, recording_url)
         values ('{call}', '{TENANT}', 'retell', '{MARK}-call', 'inbound', 'ended', now(), '+15550100123',
                 'hello from {MARK}', 'they said {MARK}', 'https://example.com/{MARK}');
         insert into leads (id, tenant_id, phone, name) values ('{lead}', '{TENANT}', '+15550100123', '{MARK}');
         insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, contact_number, body,
                               status, sent_at)
         values ('{message}', '{TENANT}', 'whatsapp', 'm', 'whatsapp', 'inbound', '+15550100123', '{MARK}', 'received',
                 now());
         insert into lead_analytics (id, tenant_id, kind, call_id, phone, source, summary, rank)
         values ('{analysis}', '{TENANT}', 'individual', '{call}', '+15550100123', 'openai', '{MARK}', '1');
         insert into campaigns (id, tenant_id, name) values ('{campaign}', '{TENANT}', '{MARK}');
         insert into charges (call_id, tenant_id, seconds, rate_per_minute, rounding_seconds, minimum_seconds, currency)
         values ('{call}', '{TENANT}', 61, 1, 60, 0, 'USD');
         insert into webhook_events (id, connection_id, event_type, external_event_id, payload, processed_at, outcome,
                                     last_error)
         values ('{event}', '{connection}', '{MARK}', '{MARK}', '{{\"of\": \"{MARK}\"}}', now(), 'dead', '{MARK}');
         insert into jobs (id, tenant_id, kind, key, due_at, settled_at, outcome)
         values ('{job}', '{TENANT}', 'start_outreach', '{MARK}', now(), now(), 'dead');
         insert into incidents (cause, subject, tenant_id, severity, summary, opened_at, last_seen_at, told_at)
         values ('dead_events', '{MARK}', '{TENANT}', 'warning', '{MARK}', now(), now(), now());
         insert into api_tokens (id, tenant_id, role, label, digest) values ('{token}', '{TENANT}', 'viewer', '{MARK}', 'd');
         insert into users (tenant_id, login, password_hash, role) values ('{TENANT}', '{MARK}', 'none', 'viewer')",
        call = id(1),
        lead = id(2),
        message = id(3),
        analysis = id(4),
        campaign = id(5),
        event = id(6),
        job = id(7),
        token = id(8),
        connection = app.connection_id("retell"),
    ))
    .await;
    app
}

/// What the setup holds, and what belongs to a call: whatever of it a request took away is there again.
pub async fn set_up(app: &TestApp) {
    app.execute(&format!(
        "update api_tokens set expires_at = null;
         insert into users (tenant_id, login, password_hash, role) values ('{TENANT}', '{MARK}', 'none', 'viewer')
         on conflict do nothing;
         insert into attributions (log_id, call_id) values ('{attribution}', '{call}') on conflict do nothing;
         insert into phone_numbers (number, tenant_id, label) values ('{NUMBER}', '{TENANT}', '{MARK}')
         on conflict do nothing;
         insert into agents (provider, provider_agent_id, tenant_id, name)
         values ('retell', '{MARK}', '{TENANT}', '{MARK}') on conflict do nothing;
         insert into campaigns (id, tenant_id, name) values ('{empty}', '{TENANT}', '{MARK}-empty')
         on conflict do nothing;
         insert into recordings (id, call_id, tenant_id, audio, audio_type)
         values ('{recording}', '{call}', '{TENANT}', '{MARK}', 'audio/mpeg') on conflict do nothing;
         insert into lead_notes (id, tenant_id, phone, kind, body, call_ref, at)
         values ('{note}', '{TENANT}', '+15550100123', 'note', 'they said {MARK}', '{MARK}-call', now())
         on conflict do nothing;
         insert into rejections (id, provider, connection, reason, status)
         select '{rejection}', provider, slug, '{MARK}', 401 from connections where id = '{connection}'
         on conflict do nothing;
         insert into kept_requests (id, source_id, provider, at, is_known, rank, reason, bytes, request)
         values ('{kept}', '{connection}', 'retell', now(), false, 1, '{MARK}', 1, 'v1.none.none')
         on conflict do nothing",
        attribution = id(9),
        call = id(1),
        recording = id(10),
        empty = id(11),
        note = id(12),
        rejection = id(13),
        kept = id(14),
        connection = app.connection_id("retell"),
    ))
    .await;
}

/// What is sent to a route: the path with ids of the default tenant, and a body. A route without an entry fails.
pub fn sample(app: &TestApp, route: &Route, turn: usize) -> (String, Option<Value>) {
    let ids = |n: u128| Some(json!({ "ids": [id(n)] }));
    let path = route.path.trim_start_matches("/api/v1/");
    let (last, body) = match (route.method.as_str(), path) {
        ("POST", "session") => (String::new(), Some(json!({ "token": "none" }))),
        ("GET" | "DELETE", "session" | "sessions")
        | (
            "GET",
            "openapi.json" | "docs" | "calls" | "leads" | "messages" | "analytics" | "campaigns" | "stats"
            | "incidents",
        )
        | ("GET", "balance" | "charges" | "events" | "dead" | "jobs" | "stats/operations" | "connections" | "tokens")
        | (
            "GET",
            "users"
            | "audit"
            | "overview"
            | "campaigns/stats"
            | "unattributed/numbers"
            | "numbers"
            | "agents"
            | "tenants",
        )
        | ("GET", "dead/jobs" | "rejections" | "rejections/reasons" | "rejections/kept" | "stats/pulse") => {
            (String::new(), None)
        }
        (_, path) if ["numbers", "agents", "tenants"].iter().any(|room| path.starts_with(room)) => {
            return of_setup(route, turn);
        }
        ("GET", "docs/{file}") => ("start.js".to_owned(), None),
        ("POST", "calls/attribute") => (String::new(), Some(json!({ "ids": [id(1)], "campaign_id": null }))),
        ("GET", "calls/count") => ("?unattributed=true".to_owned(), None),
        ("POST", "calls/attribute-matching") => {
            let body = json!({ "filter": { "tenant": "default", "status": "ended" }, "campaign_id": id(5) });
            (String::new(), Some(body))
        }
        ("POST", "attributions/{id}/undo") => (id(9).to_string(), None),
        ("GET", "calls/{id}" | "calls/{id}/events" | "calls/{id}/edits" | "calls/{id}/notes")
        | ("GET", "calls/{id}/recordings/{recording}") => (id(1).to_string(), None),
        ("POST", "calls/{id}/notes") => (id(1).to_string(), Some(json!({ "body": "called back" }))),
        ("POST", "unattributed/rule") => {
            let body = json!({ "tenant": "default", "our_number": NUMBER, "campaign_id": id(5) });
            (String::new(), Some(body))
        }
        ("PATCH", "calls/{id}") => (id(1).to_string(), Some(json!({ "converted": true }))),
        ("GET", "leads/{id}" | "leads/{id}/timeline") => (id(2).to_string(), None),
        ("PATCH", "leads/{id}") => (id(2).to_string(), Some(json!({ "tags": ["vip"] }))),
        ("POST", "campaigns") => (String::new(), Some(json!({ "tenant": "default", "name": format!("c{turn}") }))),
        ("GET", "campaigns/{id}" | "campaigns/{id}/stats") => (id(5).to_string(), None),
        ("DELETE", "campaigns/{id}") => (id(11).to_string(), None),
        ("POST", "dead/jobs/retry") => (String::new(), Some(json!({ "kind": "start_outreach", "dry_run": true }))),
        ("POST", "events/replay" | "events/redrive" | "events/discard" | "events/skip") => {
            (String::new(), Some(json!({ "ids": [id(6)], "dry_run": true })))
        }
        ("GET", "rejections/kept/{id}") => (id(14).to_string(), None),
        ("POST", "rejections/reverify") => (String::new(), Some(json!({ "id": id(14), "dry_run": true }))),
        ("GET", "events/{id}" | "events/{id}/payload") => (id(6).to_string(), None),
        ("POST", "jobs/retry" | "jobs/cancel") => (String::new(), ids(7)),
        ("GET", "jobs/{id}" | "jobs/{id}/payload") => (id(7).to_string(), None),
        ("POST", "job-kinds/{kind}/pause" | "job-kinds/{kind}/resume") => {
            ("start_outreach".to_owned(), Some(json!({})))
        }
        ("POST", "connections") => {
            let slug = format!("s{turn}");
            (String::new(), Some(json!({ "tenant": "default", "provider": "dialpad", "slug": slug })))
        }
        ("GET", "connections/{id}/secrets")
        | ("POST", "connections/{id}/disable" | "connections/{id}/enable" | "connections/{id}/test") => {
            (app.connection_id("retell").to_string(), None)
        }
        ("POST", "connections/{id}/rotate") => {
            (app.connection_id("retell").to_string(), Some(json!({ "secret": format!("key_{turn:012}") })))
        }
        ("POST", "connections/{id}/url") => {
            (app.connection_id("bolna").to_string(), Some(json!({ "overlap_hours": 0 })))
        }
        ("POST", "tokens") => (String::new(), Some(json!({ "tenant": "default", "role": "viewer" }))),
        ("DELETE", "tokens/{id}") => (id(8).to_string(), None),
        ("POST", "users") => {
            let login = format!("user{turn}");
            let password = "correct horse battery";
            let body = json!({ "tenant": "default", "login": login, "password": password, "role": "viewer" });
            (String::new(), Some(body))
        }
        ("DELETE", "sessions/{id}") => (id(14).to_string(), None),
        ("POST", "account/password") => {
            let body = json!({ "present": "correct horse battery", "password": "another horse battery" });
            (String::new(), Some(body))
        }
        ("POST", "account/second-factor") => (String::new(), Some(json!({ "present": "x" }))),
        ("POST", "account/second-factor/confirm") => (String::new(), Some(json!({ "code": "000000" }))),
        ("POST", "account/second-factor/off" | "account/second-factor/recovery-codes") => {
            (String::new(), Some(json!({ "present": "x", "code": "000000" })))
        }
        ("POST", "users/{login}/second-factor") => (MARK.to_owned(), Some(json!({ "required": true }))),
        ("DELETE", "users/{login}/sessions" | "users/{login}/second-factor") => (MARK.to_owned(), None),
        ("DELETE", "users/{login}") => (MARK.to_owned(), None),
        ("POST", "users/{login}/password") => (MARK.to_owned(), Some(json!({ "password": "correct horse battery" }))),
        (method, path) => panic!("{method} {path} is a new route: say here what is sent to it"),
    };
    let path = path.replace("{recording}", &id(10).to_string());
    (["{id}", "{kind}", "{login}", "{file}"].iter().fold(path, |path, place| path.replace(place, &last)), body)
}

/// What is sent to numbers, agents and tenants.
fn of_setup(route: &Route, turn: usize) -> (String, Option<Value>) {
    let path = route.path.trim_start_matches("/api/v1/");
    let body = match (route.method.as_str(), path) {
        ("POST", "numbers") => {
            Some(json!({ "tenant": "default", "number": format!("+1555015{turn:04}"), "campaign_id": id(5) }))
        }
        ("PATCH", "numbers/{number}") => Some(json!({ "label": MARK })),
        ("POST", "agents") => {
            Some(json!({ "tenant": "default", "provider": "retell", "agent_id": format!("agent_{turn}") }))
        }
        ("PATCH", "agents/{provider}/{agent}") => Some(json!({ "name": MARK })),
        ("POST", "tenants") => Some(json!({ "slug": format!("tenant-{turn}") })),
        ("DELETE", "numbers/{number}" | "agents/{provider}/{agent}") | ("GET", "tenants/{slug}") => None,
        (method, path) => panic!("{method} {path} is a new route: say here what is sent to it"),
    };
    let places = [("{number}", NUMBER), ("{provider}", "retell"), ("{agent}", MARK), ("{slug}", "default")];
    (places.iter().fold(path.to_owned(), |path, (place, value)| path.replace(place, value)), body)
}

async fn call(app: &TestApp, route: &Route, token: Option<&str>, turn: usize) -> (u16, String) {
    let (path, body) = sample(app, route, turn);
    let mut request = app.client.request(route.method.as_str().parse().unwrap(), format!("{}/api/v1/{path}", app.base));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = TestApp::answer(request).await;
    assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"), "{path}");
    (answer.status, answer.text)
}

/// What a role of the default tenant hears, or (`foreign`) of another, or (`wide`) of all.
fn expected(route: &Route, role: Role, is_foreign: bool, is_wide: bool) -> u16 {
    let Some(right) = route.right else { return 401 };
    let adds_tenant = route.method == "POST" && route.path.ends_with("/tenants");
    let is_global = route.path.contains("job-kinds") || route.path.ends_with("stats/operations") || adds_tenant;
    // With several tenants one who sees them all must name one; the lists of people want it.
    let wants_tenant = route.method == "GET"
        && [
            "calls",
            "leads",
            "messages",
            "analytics",
            "stats",
            "charges",
            "overview",
            "campaigns/stats",
            "calls/count",
            "unattributed/numbers",
        ]
        .iter()
        .any(|name| route.path == format!("/api/v1/{name}"));
    match () {
        () if !role.may(right) => 403,
        () if is_global && !is_wide => 403,
        () if is_wide && wants_tenant => 400,
        // A token has no account, and no session of this id.
        () if route.path.contains("/account") => 403,
        () if route.path.ends_with("/sessions/{id}") => 404,
        // A cookie that is not there is taken away all the same.
        () if route.method == "DELETE" && route.path.ends_with("/session") => 204,
        () if is_foreign && names_one(route) => 404,
        // Beside another tenant, a tenant's own administrator claims nothing.
        () if route.method == "POST"
            && ["/numbers", "/agents"].iter().any(|end| route.path.ends_with(end))
            && !is_wide =>
        {
            403
        }
        () => 200,
    }
}

/// Whether the request names something of the default tenant, or it.
fn names_one(route: &Route) -> bool {
    let is_bulk =
        ["calls/attribute", "/events/", "/jobs/retry", "/jobs/cancel"].iter().any(|at| route.path.contains(at));
    let names_tenant = route.path.ends_with("attribute-matching");
    let is_everybodys = ["job-kinds", "docs/"].iter().any(|at| route.path.contains(at));
    route.path.contains('{') && !is_everybodys || route.method == "POST" && !is_bulk || names_tenant
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_for_every_role_of_every_tenant() {
    let app = one_of_everything().await;
    let mut turn = 0;
    for role in Role::ALL {
        for (tenant_id, is_foreign) in [(Some(TENANT), false), (Some(OTHER), true), (None, false)] {
            let token =
                tokens::add(&app.pool, app.keys.digests().unwrap(), tenant_id, role, "test", None).await.unwrap().1;
            for route in ROUTES.iter() {
                turn += 1;
                set_up(&app).await;
                let (status, text) = call(&app, route, Some(token.expose()), turn).await;
                let wanted = expected(route, role, is_foreign, tenant_id.is_none());
                let what = format!("{} {} as {role:?} of {tenant_id:?}: {text:.600}", route.method, route.path);
                assert_eq!(status, wanted, "{what}");
                if is_foreign && !route.path.ends_with("openapi.json") {
                    assert!(!text.contains(MARK), "{what}");
                    let is_changed = text.contains("\"changed\":") && !text.contains("\"changed\":0");
                    assert!(!is_changed && !text.contains("\"matched\":1"), "{what}");
                }
                if role == Role::Viewer && status == 200 && route.path != "/api/v1/openapi.json" {
                    let seen = ["+15550100123", "hello from", "they said", "https://example.com/"];
                    assert!(seen.iter().all(|part| !text.contains(part)), "{what}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_token_gets_in_anywhere() {
    let app = TestApp::spawn().await;
    for route in ROUTES.iter() {
        let (status, text) = call(&app, route, None, 0).await;
        assert_eq!(status, 401, "{} {}: {text}", route.method, route.path);
    }
    // What is not there is not told to strangers, and known paths know their methods.
    let get = |path: &str| app.client.get(format!("{}{path}", app.base));
    TestApp::answer(get("/api/v1/nothing")).await.assert_status(401);
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "test", None).await.unwrap().1;
    TestApp::answer(get("/api/v1/nothing").bearer_auth(token.expose())).await.assert_status(404);
    let put = app.client.put(format!("{}/api/v1/calls", app.base)).bearer_auth(token.expose());
    let answer = TestApp::answer(put).await;
    answer.assert_status(405);
    assert_eq!(answer.headers["allow"], "GET");
    for path in ["/healthz", "/readyz"] {
        TestApp::answer(get(path)).await.assert_status(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_operators() {
    let app = TestApp::spawn().await;
    let get = || app.client.get(format!("{}/metrics", app.base));
    TestApp::answer(get()).await.assert_status(401);
    for (role, status) in [(Role::Agent, 401), (Role::Operator, 200)] {
        let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, role, "test", None).await.unwrap().1;
        TestApp::answer(get().bearer_auth(token.expose())).await.assert_status(status);
    }
}

#[test]
fn the_document_says_what_the_server_does() {
    let document = serde_json::to_value(api::document()).unwrap();
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = ["get", "post", "patch", "delete", "put", "head", "options", "trace"];
            methods
                .into_iter()
                .filter(|method| item.get(method).is_some())
                .map(move |method| format!("{method} {path}"))
        })
        .collect();
    let served: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method.as_str().to_lowercase(), route.path)).collect();
    assert_eq!(documented, served);
    assert_eq!(served.len(), ROUTES.len(), "a route stands twice");
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let (mut names, mut count) = (BTreeSet::new(), 0);
    for operation in operations {
        names.insert(operation["operationId"].as_str().unwrap());
        count += 1;
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.values().all(|response| response["description"].is_string()), "{operation}");
    }
    assert_eq!(names.len(), count, "an operation's id stands twice");
    let is_open = |path: &str, method: &str| document["paths"][path][method].get("security").is_none();
    for route in ROUTES.iter() {
        let method = route.method.as_str().to_lowercase();
        assert_eq!(is_open(route.path, &method), route.right.is_none(), "{method} {}", route.path);
        let needs = route.right.map(|right| json!({ "right": right, "role": right.needs() }));
        assert_eq!(document["paths"][route.path][method]["x-needs"], needs.unwrap_or_default());
    }
    assert!(Right::ALL.iter().any(|right| ROUTES.iter().any(|route| route.right == Some(*right))));
}
