//! The door: every answer it gives, what it writes down, and when.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::providers::{self, Outgoing, Provider};
use switchhook::redact::Secret;

use crate::support::{Answer, Binary, TestApp, database, drop_database, fixtures, url_of, url_token};

fn provider(name: &str) -> &'static dyn Provider {
    providers::find(name).unwrap()
}

const BODY: &str = r#"{"event":"call_started","call":{"call_id":"c1","start_timestamp":1788254100000}}"#;

fn json_body(body: &str) -> Outgoing {
    Outgoing { body: body.to_owned(), content_type: "application/json", headers: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_then_duplicate_in_header_and_body() {
    let app = TestApp::spawn().await;
    let first = app.post(provider("retell"), BODY).await;
    first.assert_outcome("accepted");
    app.clock.advance(TimeDelta::seconds(30));
    let second = app.post(provider("retell"), BODY).await;
    second.assert_outcome("duplicate");
    assert_eq!(first.event_id, second.event_id);
    let body: Value = serde_json::from_str(&second.text).unwrap();
    assert_eq!(body, json!({ "status": "duplicate", "event_id": second.event_id.unwrap() }));
    assert_eq!(app.value("select count(*) from webhook_events").await, 1);
    let changed = app.post(provider("retell"), &BODY.replace("100000", "100001")).await;
    changed.assert_outcome("accepted");
    assert_eq!(app.value("select count(*) from webhook_events").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_status_and_its_row() {
    let app = TestApp::spawn_with(&[("HTTP__BODY_BYTES_MAX__RETELL", "10000")], providers::registry()).await;
    app.execute(
        "insert into connections (provider, slug, tenant_id, allow_unsigned, allowed_addresses)
            select 'retell', 'far', id, true, '{192.0.2.0/24}' from tenants;
         insert into connections (provider, slug, tenant_id, allow_unsigned) select 'retell', 'open', id, true from tenants;
         insert into connections (provider, slug, tenant_id) select 'retell', 'closed', id from tenants",
    )
    .await;
    let client = &app.client;
    let url = |path: &str| format!("{}/webhooks/{path}", app.base);
    let post = |path: &str| client.post(url(path)).header("content-type", "application/json");
    let cases: Vec<(u16, reqwest::RequestBuilder)> = vec![
        (404, post("nobody").body("{}")),
        (404, post("retell/no-such-connection").body("{}")),
        (403, post("retell/far").body(BODY)),
        (405, client.put(url("retell")).body(BODY)),
        (405, client.delete(url("retell"))),
        (413, post("retell/open").body("x".repeat(10_001))),
        (415, client.post(url("retell/open")).header("content-type", "application/xml").body("<a/>")),
        (415, post("retell/open").header("content-encoding", "gzip").body(BODY)),
        (401, post("retell").body(BODY)),
        (401, post("retell").header("x-retell-signature", "v=1,d=00").body(BODY)),
        (401, post("retell/closed").body(BODY)),
        (400, post("retell/open").body("")),
        (400, post("retell/open").body("{\"event\":")),
        (400, post("retell/open").body(vec![0xff, 0xfe])),
    ];
    let count = cases.len();
    for (status, request) in cases {
        let answer = TestApp::answer(request).await;
        answer.assert_status(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(problem["status"], status);
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
    }
    app.eventually(&format!("select count(*) = {count} from rejections")).await;
    let rows = app.rows("select jsonb_build_array(status, count(*), bool_and(address = '127.0.0.1')) from rejections group by status order by status").await;
    assert_eq!(
        rows,
        [
            json!([400, 3, true]),
            json!([401, 3, true]),
            json!([403, 1, true]),
            json!([404, 2, true]),
            json!([405, 2, true]),
            json!([413, 1, true]),
            json!([415, 2, true])
        ]
    );
    assert_eq!(app.value("select count(*) from webhook_events").await, 0);
    assert_eq!(
        app.value("select count(*) from rejections where status = 401 and length(body_digest) = 64 and body_bytes > 0")
            .await,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn get_answers_a_status_and_writes_nothing() {
    let app = TestApp::spawn().await;
    for provider in providers::ALL {
        let answer = TestApp::answer(app.client.get(format!("{}/webhooks/{}", app.base, provider.name()))).await;
        answer.assert_status(200);
        assert_eq!(serde_json::from_str::<Value>(&answer.text).unwrap()["provider"], provider.name());
    }
    assert_eq!(app.value("select count(*) from webhook_events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_paths_that_existing_integrations_use_lead_to_the_default_connection() {
    let app = TestApp::spawn().await;
    let (voicenter, bolna) = (url_token("voicenter"), url_token("bolna"));
    let cdr = fixtures().into_iter().find(|fixture| fixture.name.starts_with("05_cdr")).unwrap();
    let answer = app.send(&format!("/webhooks/voicenter/cdr/{voicenter}"), json_body(cdr.body)).await;
    answer.assert_outcome("accepted");
    assert_eq!(serde_json::from_str::<Value>(&answer.text).unwrap(), json!({ "Err": 0, "Errdesc": "OK" }));
    app.send(&format!("/webhooks/bolna/lifecycle?token={bolna}"), json_body(r#"{"id":"x1","status":"queued"}"#))
        .await
        .assert_outcome("accepted");
    let popup = "phone=0722776772&ivrid=202010111sdsd3684752bcb3d&extenUser=SIPSIPl&did=0722776773&statusCall=Ringing";
    let request = app.client.get(format!("{}/webhooks/voicenter/{voicenter}?{popup}", app.base));
    TestApp::answer(request).await.assert_outcome("accepted");
    assert_eq!(app.run_until_idle().await.processed, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_secrets_and_a_static_header() {
    let app = TestApp::spawn().await;
    app.execute(
        "insert into connections (id, provider, slug, tenant_id, header_name, header_value)
            select '00000000-0000-0000-0000-0000000000bb', 'retell', 'two', id, 'X-Gate', 'open sesame' from tenants;
         insert into connection_secrets (connection_id, secret, expires_at) values
            ('00000000-0000-0000-0000-0000000000bb', 'old', null), ('00000000-0000-0000-0000-0000000000bb', 'new', null),
            ('00000000-0000-0000-0000-0000000000bb', 'gone', now() - interval '1 s')",
    )
    .await;
    let signed = |secret: &str, gate: Option<&str>| {
        let mut sent = provider("retell").sign(BODY, Some(&Secret::new(secret)), app.clock.now());
        sent.headers.extend(gate.map(|gate| ("X-Gate".to_owned(), gate.to_owned())));
        sent
    };
    for (status, sent) in [
        (200, signed("old", Some("open sesame"))),
        (200, signed("new", Some("open sesame"))),
        (401, signed("gone", Some("open sesame"))),
        (401, signed("new", None)),
        (401, signed("new", Some("open"))),
    ] {
        app.send("/webhooks/retell/two", sent).await.assert_status(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_counts_as_soon_as_it_is_there() {
    let app = TestApp::spawn().await;
    app.post(provider("retell"), BODY).await.assert_outcome("accepted");
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    let id = app.connection_id("retell");
    app.execute(&format!("insert into connection_secrets (connection_id, secret) values ('{id}', 'brand-new')")).await;
    let sent = provider("retell").sign(BODY, Some(&Secret::new("brand-new")), app.clock.now());
    app.send("/webhooks/retell", sent).await.assert_outcome("duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_signature_is_refused_once_its_window_is_over() {
    let app = TestApp::spawn().await;
    let sent = provider("retell").sign(BODY, app.secret(provider("retell")).as_ref(), app.clock.now());
    app.clock.advance(TimeDelta::milliseconds(300_000));
    app.send("/webhooks/retell", sent.clone()).await.assert_outcome("accepted");
    app.clock.advance(TimeDelta::milliseconds(1));
    app.send("/webhooks/retell", sent).await.assert_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_slowed_and_a_flood_of_them_fills_no_table_and_proven_senders_pass() {
    let settings = [("HTTP__UNPROVEN_PER_MINUTE", "5"), ("HTTP__REJECTIONS_PER_MINUTE", "7")];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    for n in 0..20 {
        let answer = app.send("/webhooks/retell", json_body(BODY)).await;
        answer.assert_status(if n < 5 { 401 } else { 429 });
        assert_eq!(answer.headers.contains_key("retry-after"), n >= 5);
    }
    app.post(provider("retell"), BODY).await.assert_outcome("accepted");
    app.clock.advance(TimeDelta::minutes(1));
    app.send("/webhooks/retell", json_body(BODY)).await.assert_status(401);
    app.eventually("select coalesce(sum(repeats), 0) = 21 from rejections").await;
    assert_eq!(app.value("select count(*) from rejections where repeats = 1").await, 8);
    assert_eq!(app.value("select repeats from rejections where repeats > 1").await, 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_share_commits() {
    let app = TestApp::spawn().await;
    let posts = (0..400).map(|n| {
        let (base, client) = (app.base.clone(), app.client.clone());
        let body = BODY.replace("c1", &format!("c{n}"));
        let sent = provider("retell").sign(&body, app.secret(provider("retell")).as_ref(), app.clock.now());
        tokio::spawn(async move {
            let mut request = client
                .post(format!("{base}/webhooks/retell"))
                .header("content-type", "application/json")
                .body(sent.body);
            for (name, value) in sent.headers {
                request = request.header(name, value);
            }
            TestApp::answer(request).await
        })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.unwrap().assert_outcome("accepted");
    }
    assert_eq!(app.value("select count(*) from webhook_events").await, 400);
    let commits = app.value("select count(distinct xmin::text) from webhook_events").await.as_i64().unwrap();
    assert!(commits <= 200, "{commits} commits for 400 webhooks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_200_is_given_only_once_the_row_is_there_for_others_to_see() {
    let app = TestApp::spawn().await;
    // Nobody can insert while this is held.
    let mut lock = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table webhook_events in exclusive mode").execute(&mut *lock).await.unwrap();
    let sent = provider("retell").sign(BODY, app.secret(provider("retell")).as_ref(), app.clock.now());
    let post = app.send("/webhooks/retell", sent);
    tokio::pin!(post);
    assert!(tokio::time::timeout(Duration::from_millis(400), &mut post).await.is_err(), "answered before the commit");
    lock.rollback().await.unwrap();
    post.await.assert_outcome("accepted");
    assert_eq!(app.value("select count(*) from webhook_events").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_durable_can_be_written_the_answer_is_503_with_retry_after() {
    let app = TestApp::spawn_with(&[("HTTP__ANSWER_TIMEOUT", "300ms")], providers::registry()).await;
    app.post(provider("retell"), BODY).await.assert_outcome("accepted");
    let mut lock = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table webhook_events in exclusive mode").execute(&mut *lock).await.unwrap();
    let answer: Answer = app.post(provider("retell"), &BODY.replace("c1", "c2")).await;
    answer.assert_status(503);
    assert_eq!(answer.headers["retry-after"], "1");
    lock.rollback().await.unwrap();
    app.eventually("select count(*) = 1 from rejections where status = 503").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_starts_and_says_503_while_the_database_is_away() {
    // Nobody listens on port 1.
    let mut command = Binary::command("postgres://nobody@127.0.0.1:1/none");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = command
        .args(["serve"])
        .env("SWITCHHOOK__HTTP__BIND", format!("127.0.0.1:{port}"))
        .env("SWITCHHOOK__DATABASE__ACQUIRE_TIMEOUT", "200ms")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let client = crate::support::client();
    let mut answers = None;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let health = client.get(format!("http://127.0.0.1:{port}/healthz")).send().await;
        if health.is_ok_and(|answer| answer.status() == 200) {
            let ready = client.get(format!("http://127.0.0.1:{port}/readyz")).send().await.unwrap().status();
            let hook = client.post(format!("http://127.0.0.1:{port}/webhooks/retell")).body(BODY).send().await.unwrap();
            answers = Some((ready.as_u16(), hook.status().as_u16(), hook.headers().contains_key("retry-after")));
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answers, Some((503, 503, true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics() {
    let app = TestApp::spawn_with(&[("CONSOLE__OPEN_METRICS", "true")], providers::registry()).await;
    let get = |path: &str| TestApp::answer(app.client.get(format!("{}{path}", app.base)));
    get("/healthz").await.assert_status(200);
    // The template was migrated by the program itself, so the schema is right.
    get("/readyz").await.assert_status(200);
    app.post(provider("retell"), BODY).await.assert_outcome("accepted");
    let metrics = get("/metrics").await;
    metrics.assert_status(200);
    for line in ["switchhook_events_pending 1", r#"switchhook_webhooks_total{provider="retell",outcome="accepted"} 1"#]
    {
        assert!(metrics.text.contains(line), "{line} is not in\n{}", metrics.text);
    }
    app.draining.begin();
    get("/readyz").await.assert_status(503);
    get("/nowhere").await.assert_status(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_is_in_flight() {
    let (name, pool) = database().await;
    let mut binary = Binary::serve(&url_of(&name), &["--setup"], &[]).await;
    let base = binary.base.clone();
    let slug = Binary::new_url_token(&url_of(&name), "voicenter");
    let mut lock = pool.begin().await.unwrap();
    sqlx::raw_sql("lock table webhook_events in exclusive mode").execute(&mut *lock).await.unwrap();
    let post = tokio::spawn(async move {
        let body = r#"{"ivruniqueid":"x1","type":"Incoming Call","status":"ANSWER","time":1788254100,"duration":5,"did":"","caller":"1"}"#;
        let client = crate::support::client();
        let url = format!("{base}/webhooks/voicenter/{slug}");
        client.post(url).header("content-type", "application/json").body(body).send().await.unwrap().status().as_u16()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ended = std::thread::spawn(move || (binary.terminate(), binary.log()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    lock.rollback().await.unwrap();
    assert_eq!(post.await.unwrap(), 200);
    let (status, log) = ended.join().unwrap();
    assert!(status.success(), "{log}");
    let stored: i64 = sqlx::query_scalar("select count(*) from webhook_events").fetch_one(&pool).await.unwrap();
    assert_eq!(stored, 1);
    pool.close().await;
    drop_database(&name).await;
}
