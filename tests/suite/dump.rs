//! Somebody with a dump of the database: it holds none of the secrets, and no id or digest out of which a number follows.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::crypto::purpose;
use switchhook::domain::lead_id;
use switchhook::providers;
use switchhook::redact::Secret;
use switchhook::store::{tokens, users};
use uuid::Uuid;

use crate::oidc::Office;
use crate::operations::Person;
use crate::second_factor::{PASSWORD, code_at};
use crate::support::digests::{OLD_NAMESPACE, digests_within, hex, plain_digests, sha1};
use crate::support::keys::{self, MASTER_KEY};
use crate::support::leaks::{dump, encodings, leaked};
use crate::support::vendors::ZohoStub;
use crate::support::{Answer, Binary, IdentityProvider, TENANT, TestApp, live_token, url_of, url_token};

/// The caller whose rows are in the dump, and one who asked to be forgotten.
const CALLER: &str = "+15550100123";
const FORGOTTEN: &str = "+15550100188";
const OURS: &str = "+15550100199";
const SESSION: &str = "/api/v1/session";
const FACTOR: &str = "/api/v1/account/second-factor";

/// The secrets that were used, each with what it is.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, what: &str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= 8, "{what} can be told from nothing");
        self.0.push((what.to_owned(), secret.clone()));
        secret
    }

    /// What of them stands in a text, in whatever encoding.
    fn within(&self, place: &str, text: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(_, secret)| encodings(secret).iter().any(|form| text.contains(form)));
        found.map(|(what, _)| format!("{place} holds {what}")).collect()
    }
}

async fn office(zoho: &ZohoStub) -> Office {
    Office::open_with(&[
        ("APPOINTMENTS__HOURS", "mon-sun 09:00-14:00"),
        ("LIVE__FUNCTION_TIMEOUT", "30s"),
        ("INTEGRATIONS__ZOHO__ACCOUNTS_URL", &zoho.base_url),
        ("INTEGRATIONS__ZOHO__API_URL", &zoho.base_url),
        ("INTEGRATIONS__ZOHO__CLIENT_ID", ZohoStub::CLIENT_ID),
        ("INTEGRATIONS__ZOHO__CLIENT_SECRET", ZohoStub::CLIENT_SECRET),
        ("INTEGRATIONS__ZOHO__REFRESH_TOKEN", ZohoStub::REFRESH_TOKEN),
    ])
    .await
}

/// A call of somebody, as Retell tells of it.
async fn call(app: &TestApp, from: &str, status: &str) {
    let retell = providers::find("retell").unwrap();
    let now = app.clock.now().timestamp_millis();
    let body = json!({ "event": "call_ended", "call": { "call_id": format!("{status}-{}", &from[8..]),
        "direction": "inbound", "from_number": from, "to_number": OURS, "call_status": status,
        "start_timestamp": now - 20_000, "end_timestamp": now, "transcript": "User: call me back at that number" } });
    app.post(retell, &body.to_string()).await.assert_outcome("accepted");
}

/// Calls, messages, live answers and tools: the caller's number in every table that takes one.
async fn events(app: &TestApp) {
    for (from, status) in [(CALLER, "ended"), (CALLER, "not_connected"), (FORGOTTEN, "ended")] {
        call(app, from, status).await;
    }
    let message = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages",
        "value": { "messaging_product": "whatsapp", "metadata": { "display_phone_number": &OURS[1..],
            "phone_number_id": "106540352242922" }, "contacts": [{ "profile": { "name": "Sam" }, "wa_id": &CALLER[1..] }],
            "messages": [{ "from": &CALLER[1..], "id": "wamid.1", "timestamp": "1793534000", "type": "text",
                "text": { "body": "yes please" } }] } }] }] });
    app.post(providers::find("whatsapp").unwrap(), &message.to_string()).await.assert_status(200);
    // A token in the query of a webhook that is all query.
    let cdr = format!(
        "{}/webhooks/voicenter?token={}&caller={}&target={}&ivruniqueid=v1&status=ANSWER&type=Incoming+Call",
        app.base,
        url_token("voicenter"),
        &CALLER[1..],
        &OURS[1..]
    );
    TestApp::answer(app.client.get(cdr)).await.assert_status(200);
    app.run_until_idle().await;
    let who = format!("{}/webhooks/bolna/default/inbound?contact_number={CALLER}&execution_id=x1", app.base);
    TestApp::answer(app.client.get(who).bearer_auth(live_token("bolna"))).await.assert_status(200);
    let retell = providers::find("retell").unwrap();
    for (name, args) in [
        ("lookup_customer", json!({})),
        ("book_appointment", json!({ "date": "2026-11-03", "time": "10:30", "name": "Sam" })),
        ("save_note", json!({ "note": "wants two" })),
        ("request_callback", json!({ "reason": "about the gate" })),
        ("opt_out", json!({})),
    ] {
        let around = json!({ "call_id": "f1", "from_number": CALLER, "to_number": OURS, "direction": "inbound" });
        let body = json!({ "name": name, "args": args, "call": around }).to_string();
        let sent = retell.sign(&body, app.secret(retell).as_ref(), app.clock.now());
        app.send("/webhooks/retell/default/function", sent).await.assert_status(200);
    }
    let analysis = json!({ "event": "call_analyzed", "phone": CALLER, "source": "openai", "qualified_score": 70,
        "call": { "provider": "retell", "provider_call_id": format!("ended-{}", &CALLER[8..]) },
        "analysis": { "lead_score": 90, "summary": "Wants two.", "name": "Sam" } });
    app.execute(&format!(
        "insert into webhook_events (connection_id, tenant_id, event_type, external_event_id, payload)
         select id, '{TENANT}', 'call_analyzed', 'a1', '{analysis}' from connections where provider = 'switchhook'"
    ))
    .await;
    // A right secret at a wrong place.
    for path in
        [format!("/webhooks/voicenter/{}", url_token("bolna")), format!("/webhooks/nobody/{}", url_token("bolna"))]
    {
        TestApp::answer(app.client.post(format!("{}{path}", app.base)).json(&json!({}))).await.assert_status(404);
    }
    app.run_everything().await;
    app.run_everything().await;
}

/// Every kind of secret that a source and a tenant have, as the command line sets them.
async fn sources_and_settings(app: &TestApp, secrets: &mut Secrets) {
    let url = url_of(app.pool.connect_options().get_database().unwrap());
    let run = |line: &str| {
        let output = Binary::run(&url, &line.split_whitespace().collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{line}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    for provider in providers::ALL {
        match app.secret(*provider) {
            Some(secret) => secrets.add("a source's secret", secret.expose()),
            None => secrets.add("a URL's token", url_token(provider.name())),
        };
    }
    secrets.add("a live token", live_token("bolna"));
    let folder = tempfile::tempdir().unwrap();
    let mut file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, secrets.add(name, format!("dump-secret-of-{name}"))).unwrap();
        path.display().to_string()
    };
    let (signing, verify, header) = (file("signing"), file("verify-token"), file("header"));
    let add = "connection add --tenant default";
    run(&format!("{add} --provider whatsapp --slug wa --secret-file {signing} --verify-token-file {verify}"));
    let mut line: Vec<String> = format!("{add} --provider retell --slug named --allow-unsigned --header")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    line.push(format!("X-Key: @{header}"));
    assert!(Binary::run(&url, &line.iter().map(String::as_str).collect::<Vec<_>>()).status.success());
    for (what, more) in [("a URL's token, made here", ""), ("a live token, made here", "--live")] {
        let made: Value =
            serde_json::from_str(&run(&format!("--json connection url --provider bolna --slug default {more}")))
                .unwrap();
        secrets.add(what, made["token"].as_str().unwrap());
    }
    for key in purpose::SETTINGS {
        let secret = secrets.add(key, format!("dump-secret-of-{}", key.replace(['.', '_'], "-")));
        let value = match key.rsplit('.').next().unwrap() {
            "webhook_url" => format!("https://hooks.example.com/{secret}"),
            "smtp_url" => format!("smtps://me:{secret}@mail.example.com"),
            _ => secret,
        };
        // Zoho's are the stand-in's, which are sealed below as an OAuth token.
        run(&format!("tenant set default {key} {value}"));
    }
    let made: Value = serde_json::from_str(&run("--json token add --role viewer --label dump")).unwrap();
    secrets.add("an API token", made["token"].as_str().unwrap());
    run(&format!("leads forget {FORGOTTEN} --yes"));
    run(&format!("leads do-not-contact {CALLER} --tenant default"));
}

async fn send(office: &Office, path: &str, cookie: &str, csrf: &str, body: Value) -> Value {
    let request = office.app.client.post(format!("{}{path}", office.app.base)).header("cookie", cookie);
    let answer = TestApp::answer(request.header("x-csrf-token", csrf).json(&body)).await;
    serde_json::from_str(&answer.assert_status(200).text).unwrap()
}

fn cookies(answer: &Answer) -> Vec<(String, String)> {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let pairs = set.filter_map(|text| text.split(';').next()?.split_once('='));
    pairs.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Everything that people come in with.
async fn people(office: &Office, secrets: &mut Secrets) {
    let app = &office.app;
    secrets.add("a password", PASSWORD);
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    users::add(&app.pool, Some(TENANT), "robin", &hash, Role::Agent).await.unwrap().unwrap();
    let sign_in = async |login: &str, password: &str| {
        let body = json!({ "login": login, "password": password });
        TestApp::answer(app.client.post(format!("{}{SESSION}", app.base)).json(&body)).await
    };
    // A password in the place of the name, as it happens.
    let typed = secrets.add("a password that was typed as a name", "dump-secret-typed-as-a-name");
    sign_in(&typed, PASSWORD).await.assert_status(401);
    sign_in("robin", &secrets.add("a wrong password", "dump-secret-wrong-password")).await.assert_status(401);
    let signed_in = sign_in("robin", PASSWORD).await;
    let who: Value = serde_json::from_str(&signed_in.assert_status(200).text).unwrap();
    let csrf = secrets.add("a CSRF token", who["csrf_token"].as_str().unwrap());
    let mut session = String::new();
    for (name, value) in cookies(&signed_in) {
        if name == "switchhook" {
            session = format!("{name}={value}");
        }
        secrets.add(&format!("the cookie {name}"), value);
    }
    let begun = send(office, FACTOR, &session, &csrf, json!({ "present": PASSWORD })).await;
    let seed = secrets.add("the seed of a second factor", begun["secret"].as_str().unwrap());
    let code = code_at(&seed, app.clock.now().timestamp());
    let codes = send(office, &format!("{FACTOR}/confirm"), &session, &csrf, json!({ "code": code })).await;
    for code in codes["recovery_codes"].as_array().unwrap() {
        secrets.add("a recovery code", code.as_str().unwrap());
    }
    let form = [("login", "robin"), ("password", PASSWORD)];
    let pending = TestApp::answer(office.browser.post(format!("{}/sign-in", app.base)).form(&form)).await;
    assert!(cookies(&pending).iter().any(|(name, _)| name == "switchhook-pending"), "{:?}", pending.headers);
    for (name, value) in cookies(&pending) {
        secrets.add(&format!("the cookie {name}"), value);
    }

    secrets.add("the secret of the identity provider", IdentityProvider::CLIENT_SECRET);
    for (name, value) in cookies(&office.sign_in().await) {
        secrets.add(&format!("the cookie {name} of the identity provider's"), value);
    }
    let (attempt, url) = office.begin("").await;
    secrets.add("an attempt to sign in", attempt.split_once('=').unwrap().1);
    for (name, value) in Url::parse(&url).unwrap().query_pairs() {
        if ["state", "nonce"].contains(&&*name) {
            secrets.add(&name, value.into_owned());
        }
    }

    let key = app.keys.digests().unwrap();
    let token = tokens::add(&app.pool, key, Some(TENANT), Role::Agent, "t", None).await.unwrap().1;
    secrets.add("an API token", token.expose());
    let lead = lead_id(&keys::digest_key(), TENANT, CALLER);
    let request = app.client.patch(format!("{}/api/v1/leads/{lead}", app.base)).bearer_auth(token.expose());
    let once = secrets.add("an Idempotency-Key", "dump-secret-of-idempotency");
    TestApp::answer(request.header("Idempotency-Key", once).json(&json!({ "stage": "qualified" })))
        .await
        .assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_holds_no_secret_and_no_id_out_of_which_a_number_follows() {
    let zoho = ZohoStub::start().await;
    let office = office(&zoho).await;
    let app = &office.app;
    // The CRM's feed begins.
    app.runner.drain().await.unwrap();
    let mut secrets = Secrets::default();
    events(app).await;
    assert!(zoho.tokens_made() > 0);
    secrets.add("an OAuth token", "1000.EXAMPLE.1");
    secrets.add("the refresh token of the configuration", ZohoStub::REFRESH_TOKEN);
    people(&office, &mut secrets).await;
    sources_and_settings(app, &mut secrets).await;
    secrets.add("the master key", MASTER_KEY);
    secrets.add("the key of digests", "a key of ids, for the tests only");

    let url = url_of(app.pool.connect_options().get_database().unwrap());
    let dump = dump(&url).await;
    let empty: Vec<&str> = [
        "connection_secrets",
        "source_tokens",
        "api_tokens",
        "sessions",
        "second_factors",
        "recovery_codes",
        "pending_sign_ins",
        "oidc_sign_ins",
        "oauth_tokens",
        "idempotency_keys",
        "users",
        "secrets",
        "forgotten",
    ]
    .into_iter()
    .filter(|table| dump.get(*table).is_none_or(String::is_empty))
    .collect();
    assert!(empty.is_empty(), "nothing to find there: {empty:?}; there are {:?}", dump.keys());
    for table in ["appointments", "calls", "lead_analytics", "lead_notes", "leads", "messages", "webhook_events"] {
        assert!(dump[table].contains(&CALLER[1..]), "the caller's number is not in {table}");
    }

    let leaks: Vec<String> = dump.iter().flat_map(|(table, rows)| secrets.within(table, rows)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    for number in [CALLER, FORGOTTEN] {
        let digests = plain_digests(app, number).await;
        for (table, rows) in &dump {
            assert_eq!(digests_within(rows, &digests), [""; 0], "{table}, {number}");
        }
    }
    for (table, rows) in &dump {
        assert!(!rows.contains(&FORGOTTEN[1..]), "{table} holds a number that was forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_no_id_out_of_which_a_number_follows() {
    let app = TestApp::spawn_with(
        &[("APPOINTMENTS__HOURS", "mon-sun 09:00-14:00"), ("LIVE__FUNCTION_TIMEOUT", "30s")],
        providers::registry(),
    )
    .await;
    events(&app).await;
    let lead = lead_id(&keys::digest_key(), TENANT, CALLER);
    let call = app.value("select id from calls order by id limit 1").await;
    let call = call.as_str().unwrap().to_owned();
    let viewer = Person::of(&app, Role::Viewer, Some(TENANT)).await;
    let digests = plain_digests(&app, CALLER).await;
    for path in [
        "/api/v1/calls".to_owned(),
        format!("/api/v1/calls/{call}"),
        format!("/api/v1/calls/{call}/events"),
        format!("/api/v1/calls/{call}/notes"),
        "/api/v1/leads".to_owned(),
        format!("/api/v1/leads/{lead}"),
        format!("/api/v1/leads/{lead}/timeline"),
        "/api/v1/messages".to_owned(),
        "/api/v1/analytics".to_owned(),
        "/api/v1/overview".to_owned(),
        "/calls".to_owned(),
        format!("/calls/{call}"),
        "/leads".to_owned(),
        format!("/leads/{lead}"),
        "/".to_owned(),
    ] {
        let answer = viewer.get(&app, &path).await;
        assert!([200, 303].contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text.contains(&CALLER[5..]), "{path} shows the number: {}", answer.text);
        assert_eq!(digests_within(&answer.text, &digests), [""; 0], "{path}");
    }
    let listed = viewer.get(&app, "/api/v1/leads").await.text;
    assert!(listed.contains(&lead.to_string()), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_in_a_dump_would_be_found() {
    assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    let secret = "p@ss word/+é-0123";
    let secrets = Secrets(vec![("it".to_owned(), secret.to_owned())]);
    for before in ["", "u", "us", "use", "user:"] {
        let basic = format!("{before}{secret}xyz");
        for planted in [basic.clone(), STANDARD.encode(&basic), URL_SAFE_NO_PAD.encode(&basic), hex(basic.as_bytes())] {
            assert_eq!(secrets.within("t", &format!("1,\"{planted}\"")), ["t holds it"], "{planted}");
        }
    }
    assert_eq!(secrets.within("t", "p%40ss%20word%2F%2B%C3%A9-0123"), ["t holds it"]);
    assert_eq!(secrets.within("t", "p@ss word"), [""; 0]);
    let app = TestApp::spawn().await;
    // What looks through the database after every test.
    let url = url_of(app.pool.connect_options().get_database().unwrap());
    let own = ["secret of a setting".to_owned()];
    assert_eq!(leaked(&url, &own).await, [""; 0]);
    for planted in [
        own[0].as_str(),
        "\\x746573742d7365637265742d6f662d",
        "url-token-of-bolna",
        "whsec_abcdefghijkmnpqrstuvwxyz23456789",
    ] {
        app.execute(&format!(
            "insert into operator_log (actor, action, row_count, details)
                              values ('psql', 'x', 1, jsonb_build_object('x', '{planted}'))"
        ))
        .await;
        let found = leaked(&url, &own).await;
        assert!(found.len() == 1 && found[0].starts_with("operator_log: "), "{planted}: {found:?}");
        app.execute("delete from operator_log").await;
    }
    let digests = plain_digests(&app, CALLER).await;
    let old = sha1(&[OLD_NAMESPACE.as_bytes(), format!("lead\x1f{TENANT}\x1f{CALLER}").as_bytes()].concat());
    let mut id: [u8; 16] = old[..16].try_into().unwrap();
    (id[6], id[8]) = (id[6] & 0x0f | 0x50, id[8] & 0x3f | 0x80);
    let alone = Sha256::digest(CALLER);
    for planted in [Uuid::from_bytes(id).to_string(), format!("\\x{}", hex(&alone)), STANDARD.encode(alone)] {
        assert_eq!(digests_within(&format!("a,{planted},b"), &digests).len(), 1, "{planted}");
    }
}
