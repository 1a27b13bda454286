//! Rotations: only what the platform itself sends says that it has the new credential. Samples of ours do not.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::config::Config;
use switchhook::jobs::Watcher;
use switchhook::providers;
use switchhook::redact::Secret;

use crate::operations::Person;
use crate::support::{Binary, TENANT, TestApp, live_token, url_of};

/// The sources whose credentials are rotated, and how.
const ROTATED: &[(&str, &str)] = &[
    ("dialpad", "secret --secret-file"),
    ("retell", "secret --secret-file"),
    ("bolna", "url"),
    ("voicenter", "url"),
    ("bolna", "url --live"),
];

struct Rotation {
    app: TestApp,
    url: String,
    binary: Binary,
}

impl Rotation {
    /// Every source worked with its old credential, and has a new one that its platform has not sent yet.
    async fn begin(more: &str) -> Self {
        let app = TestApp::spawn().await;
        let now: DateTime<Utc> = app.value("now()").await.as_str().unwrap().parse().unwrap();
        app.clock.advance(now - app.clock.now());
        let url = url_of(app.pool.connect_options().get_database().unwrap());
        app.execute(
            "update connection_secrets set created_at = now() - interval '9 days', last_used_at = now();
             update source_tokens set created_at = now() - interval '9 days', last_verified_at = now()",
        )
        .await;
        let rotation = Self { binary: Binary::serve(&url, &["--only", "ingest"], &[]).await, app, url };
        for (provider, how) in ROTATED {
            let file = rotation.secret_file(provider);
            let what = how.replace("--secret-file", &format!("--secret-file {}", file.path().display()));
            rotation.run(&format!("connection {what} --provider {provider} --slug default --expire-others 20h {more}"));
        }
        // An hour is time to paste it.
        rotation
            .app
            .execute(
                "update connection_secrets set created_at = now() - interval '2 hours' where last_used_at is null;
                 update source_tokens set created_at = now() - interval '2 hours' where last_verified_at is null",
            )
            .await;
        rotation
    }

    fn secret(provider: &str) -> Secret {
        Secret::new(format!("new-secret-of-{provider}-0123456789abcdef"))
    }

    fn secret_file(&self, provider: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), Self::secret(provider).expose()).unwrap();
        file
    }

    fn run(&self, line: &str) -> String {
        let output = Binary::run(&self.url, &line.split_whitespace().collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{line}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// How many sources doctor, the monitor and the page warn of.
    async fn warnings(&self) -> (usize, usize, usize) {
        // What verified something is noted every second.
        tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
        let doctor = self.run("doctor --quick").matches("that has never verified anything").count();
        let settings = Config::from_parts(None, &Default::default()).unwrap().alerts;
        self.app.clock.advance(TimeDelta::minutes(1));
        Watcher::new(self.app.desk.clone(), settings).look().await.unwrap();
        let open =
            "select count(distinct subject) from incidents where cause = 'unused_secret' and resolved_at is null";
        let open = self.app.value(open).await.as_u64().unwrap();
        let admin = Person::of(&self.app, Role::Admin, Some(TENANT)).await;
        let page = admin.get(&self.app, "/setup/connections").await.text;
        (doctor, usize::try_from(open).unwrap(), page.matches("The newest has never verified anything").count())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_no_proof_that_the_platform_has_the_new_secret() {
    let rotation = Rotation::begin("").await;
    let app = &rotation.app;
    assert_eq!(rotation.warnings().await, (4, 4, 4));
    let admin = Person::of(app, Role::Admin, Some(TENANT)).await;
    for provider in ["dialpad", "retell", "bolna", "voicenter"] {
        let event = providers::find(provider).unwrap().samples().first().unwrap().name;
        let sent = rotation.run(&format!("--json trigger {provider} {event} --url {}", rotation.binary.base));
        assert_eq!(serde_json::from_str::<Value>(&sent).unwrap()["status"], 200, "{sent}");
        let id = app.connection_id(provider);
        admin.post(app, &format!("/setup/connections/{id}/test"), &[]).await.assert_status(303);
    }
    assert_eq!(rotation.warnings().await, (4, 4, 4), "what we send ourselves says nothing of the platform");
    let verified = "select count(*) from source_credentials where created_at > now() - interval '1 day'
                    and last_verified_at is not null";
    assert_eq!(app.value(verified).await, 0);
    assert_eq!(app.value("select count(*) from source_credentials where is_temporary").await, 0, "taken away again");

    // The platform itself.
    let retell = providers::find("retell").unwrap();
    let body = json!({ "event": "call_started", "call": { "call_id": "by-the-platform" } }).to_string();
    let sent = retell.sign(&body, Some(&Rotation::secret("retell")), Utc::now());
    let mut request = app.client.post(format!("{}/webhooks/retell", rotation.binary.base)).body(sent.body);
    for (name, value) in sent.headers {
        request = request.header(name, value);
    }
    assert_eq!(TestApp::answer(request.header("content-type", sent.content_type)).await.status, 200);
    assert_eq!(rotation.warnings().await, (3, 3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_does_not_break_the_silence_of_a_platform() {
    let app = TestApp::spawn().await;
    let now: DateTime<Utc> = app.value("now()").await.as_str().unwrap().parse().unwrap();
    app.clock.advance(now - app.clock.now());
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    let id = app.connection_id("retell");
    admin.post(&app, &format!("/setup/connections/{id}/test"), &[]).await.assert_status(303);
    crate::alerts::look(&app).await;
    assert_eq!(app.value("select count(*) from connection_hours").await, 0);
    app.post(providers::find("retell").unwrap(), r#"{"event":"call_started","call":{"call_id":"c1"}}"#)
        .await
        .assert_status(200);
    crate::alerts::look(&app).await;
    assert_eq!(app.value("select count(*) from connection_hours").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_say_whether_the_one_that_works_is_kept() {
    for (more, says, keeps) in [
        ("", "is kept beyond that until the new", "is kept beyond that until the newest works"),
        ("--even-unreplaced", "whether the new one works or not", "whether the newest works by then or not"),
    ] {
        let rotation = Rotation::begin(more).await;
        assert_eq!(rotation.warnings().await, (4, 4, 4));
        assert_eq!(rotation.run("doctor --quick").matches(says).count(), 4);
        let summaries = "select string_agg(summary, E'\\n') from incidents where cause = 'unused_secret'";
        let summaries = rotation.app.value(summaries).await;
        assert_eq!(summaries.as_str().unwrap().matches(says).count(), 4, "{summaries}");
        let admin = Person::of(&rotation.app, Role::Admin, Some(TENANT)).await;
        let page = admin.get(&rotation.app, "/setup/connections").await.text;
        assert_eq!(page.matches(keeps).count(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_go_on_when_the_one_that_worked_has_ended() {
    let rotation = Rotation::begin("--even-unreplaced").await;
    for table in ["connection_secrets", "source_tokens"] {
        let ends = "expires_at = now() - interval '1 minute'";
        rotation
            .app
            .execute(&format!("update {table} set {ends} where expires_at is not null and not is_temporary"))
            .await;
    }
    assert_eq!(rotation.warnings().await, (4, 4, 4));
    let says = "and what it verified is refused";
    assert_eq!(rotation.run("doctor --quick").matches(says).count(), 4);
    let admin = Person::of(&rotation.app, Role::Admin, Some(TENANT)).await;
    assert_eq!(admin.get(&rotation.app, "/setup/connections").await.text.matches(says).count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_end_are_counted_among_those_that_a_source_may_have() {
    let rotation = Rotation::begin("--even-unreplaced").await;
    let url = "connection url --provider bolna --slug default --expire-others 20h --even-unreplaced";
    rotation.run(url);
    rotation.run(url);
    let refused = Binary::run(&rotation.url, &url.split_whitespace().collect::<Vec<_>>());
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("has 4 tokens of this kind already"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_leaves_the_same_line_and_keeps_the_same_rules_wherever_it_is_asked_for() {
    let rotation = Rotation::begin("").await;
    let app = &rotation.app;
    app.execute("delete from operator_log; delete from source_tokens").await;
    let dialpad = app.connection_id("dialpad");
    let bolna = app.connection_id("bolna");
    // Somebody who sees all tenants: the line is the tenant's all the same.
    let admin = Person::of(app, Role::Admin, None).await;
    let api = async |path: String, body: Value| admin.post_json(app, &path, &body).await;
    let secret = Rotation::secret("dialpad");
    let file = rotation.secret_file("dialpad");
    let path = file.path().display();
    for (provider, id, what, form) in [
        (
            "dialpad",
            dialpad,
            format!("secret --secret-file {path}"),
            [("secret", secret.expose()), ("overlap_hours", "2")],
        ),
        ("bolna", bolna, "url".to_owned(), [("live", ""), ("overlap_hours", "2")]),
    ] {
        let deed = if provider == "dialpad" { "rotate" } else { "url" };
        rotation.run(&format!("connection {what} --provider {provider} --slug default --expire-others 2h"));
        let page = format!("/setup/connections/{id}/{deed}?tenant=default");
        let status = admin.post(app, &page, &form).await.status;
        assert!([200, 303].contains(&status), "{status}");
        let body = match deed {
            "rotate" => json!({ "secret": secret.expose(), "overlap_hours": 2 }),
            _ => json!({ "overlap_hours": 2 }),
        };
        api(format!("/api/v1/connections/{id}/{deed}"), body).await.assert_status(200);
    }
    let lines = app
        .rows(
            "select jsonb_build_array(action, tenant_id, details - 'ending' - 'os_user') from operator_log order by at",
        )
        .await;
    let secret_line = json!(["rotate_secret", TENANT,
        { "connection_id": dialpad, "overlap_seconds": 7200, "even_unreplaced": false }]);
    let url_line = json!(["add_source_token", TENANT,
        { "connection_id": bolna, "usage": "webhook", "overlap_seconds": 7200, "even_unreplaced": false }]);
    assert_eq!(lines, [vec![secret_line; 3], vec![url_line; 3]].concat());
    // The rules are the same, too.
    let long = Binary::run(
        &rotation.url,
        &["connection", "url", "--provider", "bolna", "--slug", "default", "--expire-others", "32d"],
    );
    assert!(String::from_utf8_lossy(&long.stderr).contains("the hours of overlap must be 0 to 744"));
    api(format!("/api/v1/connections/{bolna}/url"), json!({ "overlap_hours": 745 })).await.assert_status(422);
    std::fs::write(file.path(), "short").unwrap();
    for refused in [
        format!("secret --secret-file {path} --slug default"),
        format!("add --secret-file {path} --slug another --tenant default"),
    ] {
        let line = format!("connection {refused} --provider dialpad");
        let output = Binary::run(&rotation.url, &line.split_whitespace().collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && text.contains("the secret does not do: it has 5"), "{text}");
    }
    for (path, body) in [
        (format!("/api/v1/connections/{dialpad}/rotate"), json!({ "secret": "short" })),
        (
            "/api/v1/connections".to_owned(),
            json!({ "tenant": "default", "provider": "dialpad", "slug": "another", "secret": "short" }),
        ),
    ] {
        let refused = api(path, body).await;
        assert!(refused.assert_status(422).text.contains("the secret does not do: it has 5"), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_tokens_are_switched_off_at_once() {
    let app = TestApp::spawn().await;
    let url = url_of(app.pool.connect_options().get_database().unwrap());
    // Which sources there are is looked at every second by a whole service alone.
    let service = Binary::serve(&url, &["--only", "ingest"], &[]).await;
    let ask = async || {
        let path = "/webhooks/bolna/default/inbound?contact_number=+15550100123&execution_id=x1";
        let url = format!("{}{path}", service.base);
        TestApp::answer(app.client.get(url).bearer_auth(live_token("bolna"))).await.status
    };
    assert_eq!(ask().await, 200);
    let output = Binary::run(&url, &["connection", "live-off", "--provider", "bolna", "--slug", "default"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.trim_end(), "bolna/default: 1 live token ended; its live requests are refused");
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(ask().await, 401);
    let body = r#"{"id":"x1","status":"completed"}"#;
    app.post(providers::find("bolna").unwrap(), body).await.assert_status(200);
    let output = Binary::run(&url, &["connection", "live-off", "--provider", "retell", "--slug", "default"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && text.contains("signs its live requests, or sends none"), "{text}");
    let line =
        "select jsonb_build_array(tenant_id, details->'ended') from operator_log where action = 'end_live_tokens'";
    assert_eq!(app.rows(line).await, [json!([TENANT, 1])]);
}
