//! What strangers send costs little: memory, sockets, descriptors, look-ups and statements have limits that none of them
//! can take from verified senders.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use switchhook::access::{Actor, ActorKind, Role};
use switchhook::providers::{self, Outgoing, Provider};
use switchhook::store::{sessions, tokens};

use crate::support::raw::{Raw, network, post};
use crate::support::{Answer, Binary, TestApp, database, database_url, drop_database, url_of};

const BODY: &str = r#"{"event":"call_started","call":{"call_id":"c1","start_timestamp":1788254100000}}"#;
const LONG: &str = "content-length: 33554432\r\n";

fn retell() -> &'static dyn Provider {
    providers::find("retell").unwrap()
}

async fn spawn(settings: &[(&str, &str)]) -> TestApp {
    TestApp::spawn_with(settings, providers::registry()).await
}

async fn ask(app: &TestApp, call_id: &str) -> Answer {
    let body = json!({ "event": "call_inbound", "call_inbound": { "call_id": call_id, "agent_id": "agent_1",
                       "from_number": "+15550100199", "to_number": "+15550109999" } });
    let sent = retell().sign(&body.to_string(), app.secret(retell()).as_ref(), app.clock.now());
    app.send("/webhooks/retell/default/inbound", sent).await
}

/// Closes when it is dropped.
async fn open(app: &TestApp, from: Ipv4Addr, text: &str) -> Raw {
    let mut raw = Raw::connect(&app.base, from).await.unwrap();
    raw.say(text).await.unwrap();
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn announced_lengths_take_nothing_from_webhooks_and_live_requests() {
    let app = spawn(&[]).await;
    let mut idle = Vec::new();
    for number in 0..40 {
        let path = if number % 2 == 0 { "/webhooks/elevenlabs/default" } else { "/webhooks/retell/default/function" };
        let length = if number % 2 == 0 { LONG } else { "content-length: 2000000\r\n" };
        idle.push(open(&app, network(number % 4), &(post(path, length) + "{")).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    // What waits for an answer on the line is short.
    let mut long =
        open(&app, network(9), &post("/webhooks/retell/default/function", "content-length: 1048577\r\n")).await;
    assert_eq!(long.status().await, 413);
    for number in 0..10 {
        app.post(retell(), &BODY.replace("c1", &format!("c{number}"))).await.assert_outcome("accepted");
        let answer = ask(&app, &format!("q{number}")).await;
        answer.assert_status(200);
        assert_eq!(answer.headers["switchhook-answer"], "database");
    }
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_a_length_are_counted_and_a_network_has_its_share() {
    let (name, pool) = database().await;
    let binary = Binary::serve(&url_of(&name), &["--setup"], &[]).await;
    let piece = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    let floods = (0..20).map(|number| {
        let (base, piece) = (binary.base.clone(), piece.clone());
        tokio::spawn(async move {
            let mut raw = Raw::connect(&base, network(number % 2)).await.unwrap();
            raw.say(post("/webhooks/elevenlabs/default", "transfer-encoding: chunked\r\n")).await.unwrap();
            // 30 MiB, unless the other side hangs up.
            for _ in 0..480 {
                if raw.say(&piece).await.is_err() {
                    break;
                }
            }
            raw
        })
    });
    let mut held = Vec::new();
    for flood in floods.collect::<Vec<_>>() {
        held.push(flood.await.unwrap());
    }
    let client = crate::support::client();
    let health = client.get(format!("{}/readyz", binary.base)).send().await.unwrap();
    assert_eq!(health.status(), 200);
    let megabytes = binary.memory_max() / 1_000_000;
    assert!(megabytes < 200, "{megabytes} MB");
    drop((held, binary));
    pool.close().await;
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pages_and_the_api_are_sent_is_counted_as_well() {
    let app = spawn(&[("HTTP__BODY_TIMEOUT", "5s")]).await;
    for path in ["/api/v1/session", "/sign-in"] {
        let part = post(path, "content-length: 250000\r\n") + &"x".repeat(200_000);
        let mut held = Vec::new();
        for _ in 0..20 {
            let mut raw = Raw::connect(&app.base, network(5)).await.unwrap();
            // The other side may have answered before it has read all.
            raw.say(&part).await.ok();
            held.push(raw);
        }
        let mut refused = 0;
        for raw in &mut held {
            // Not 413: the same may be sent again.
            refused += usize::from(raw.status().await == 503);
        }
        assert!(refused >= 10, "{path}: {refused} of 20 were refused while others were held");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_first_body_of_a_new_network_is_verified_all_the_same() {
    let app = spawn(&[]).await;
    let elevenlabs = providers::find("elevenlabs").unwrap();
    let audio = "A".repeat(20 * 1024 * 1024);
    let body = json!({ "type": "post_call_audio", "event_timestamp": 1_793_534_400,
                       "data": { "agent_id": "a", "conversation_id": "conv_1", "full_audio": audio } });
    let sent = elevenlabs.sign(&body.to_string(), app.secret(elevenlabs).as_ref(), app.clock.now());
    app.send("/webhooks/elevenlabs", sent).await.assert_outcome("accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_sources_and_slow_requests_count_like_wrong_signatures() {
    let settings = [("HTTP__UNPROVEN_PER_MINUTE", "5"), ("HTTP__HEADER_TIMEOUT", "1s"), ("HTTP__BODY_TIMEOUT", "1s")];
    let app = spawn(&settings).await;
    let wrong = || Outgoing { body: BODY.to_owned(), content_type: "application/json", headers: Vec::new() };
    let get = |path: &str| TestApp::answer(app.client.get(format!("{}{path}", app.base)));
    get("/nowhere").await.assert_status(404);
    app.send("/webhooks/retell/none", wrong()).await.assert_status(404);
    app.send("/webhooks/nobody", wrong()).await.assert_status(404);
    get("/webhooks/retell/none/functions").await.assert_status(404);
    app.send("/webhooks/retell", wrong()).await.assert_status(401);
    for path in ["/webhooks/retell", "/webhooks/retell/none", "/webhooks/nobody"] {
        let answer = app.send(path, wrong()).await;
        answer.assert_status(429);
        assert!(answer.headers.contains_key("retry-after"));
    }
    get("/nowhere").await.assert_status(429);
    app.post(retell(), BODY).await.assert_outcome("accepted");
    app.send("/webhooks/retell", wrong()).await.assert_status(429);
    get("/healthz").await.assert_status(200);
    // A network whose heads and bodies do not come is over its limit as well.
    let mut slow = Vec::new();
    for number in 0..6 {
        let head = post("/webhooks/retell", "content-length: 100\r\n");
        slow.push(open(&app, network(1), if number < 3 { "POST /webhooks/re" } else { &head }).await);
    }
    for raw in &mut slow {
        // The last ones are over the limit themselves.
        assert!([0, 408, 429].contains(&raw.status().await));
    }
    // An answer is heard before its socket is gone, with which a head counts.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut next = open(&app, network(1), &post("/webhooks/nobody", "content-length: 0\r\n")).await;
    assert_eq!(next.status().await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_over_its_limit_is_still_verified_and_is_never_refused_for_load() {
    let app = spawn(&[("HTTP__UNPROVEN_PER_MINUTE", "2")]).await;
    let from = network(7);
    for status in [404, 404, 429] {
        let mut raw = open(&app, from, &post("/webhooks/nobody", "content-length: 0\r\n")).await;
        assert_eq!(raw.status().await, status);
    }
    let signed = |call: &str| {
        let body = BODY.replace("c1", call);
        let sent = retell().sign(&body, app.secret(retell()).as_ref(), app.clock.now());
        let lines: String = sent.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        post("/webhooks/retell", &format!("{lines}content-length: {}\r\n", sent.body.len())) + &sent.body
    };
    assert_eq!(open(&app, from, &signed("c1")).await.status().await, 200);
    // Now it is known, and not suspect any more; another source has not seen it.
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(open(&app, from, &(post("/webhooks/elevenlabs", LONG) + "{")).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut ninth = open(&app, from, &(post("/webhooks/elevenlabs", LONG) + "{")).await;
    let answer = ninth.hear().await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.to_lowercase().contains("retry-after: 1"), "{answer}");
    assert_eq!(open(&app, from, &signed("c2")).await.status().await, 200);
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_socket_stays_open_with_half_a_request() {
    let app = spawn(&[("HTTP__HEADER_TIMEOUT", "1s"), ("HTTP__KEEP_ALIVE", "1s"), ("HTTP__BODY_TIMEOUT", "1s")]).await;
    let healthz = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (first, second) in [
        ("", "GET /healthz HTTP/1.1\r\nhost"),
        (healthz, "GET /healthz HTTP/1.1\r\nhost"),
        (healthz, ""),
        (healthz, &post("/sign-in", "content-length: 100\r\n")),
        (healthz, &post("/webhooks/retell", "content-length: 100\r\n")),
        (healthz, &post("/nowhere", "transfer-encoding: chunked\r\n")),
    ] {
        let mut raw = open(&app, network(1), first).await;
        if !first.is_empty() {
            assert_eq!(raw.status().await, 200);
        }
        raw.say(second).await.unwrap();
        while !raw.hear().await.is_empty() {}
    }
    let mut endless = open(&app, network(1), "GET /healthz HTTP/1.1\r\n").await;
    let line = format!("x-filler: {}\r\n", "x".repeat(8_000));
    while endless.say(&line).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_sockets_keep_nobody_out() {
    switchhook::http::Descriptors::raise();
    let (name, pool) = database().await;
    let binary = Binary::serve_with_descriptors(400, &url_of(&name), &[]).await;
    let mut silent = Vec::new();
    for number in 0..1_400 {
        silent.push(Raw::connect(&binary.base, network(number % 14)).await.unwrap());
    }
    for _ in 0..10 {
        // A client of its own, so a socket of its own.
        let request = crate::support::client().get(format!("{}/webhooks/retell", binary.base));
        let answer = tokio::time::timeout(Duration::from_secs(30), request.send()).await.unwrap().unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert!(binary.log().contains("descriptors"), "{}", binary.log());
    drop((silent, binary));
    pool.close().await;
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_has_no_more_sockets_than_its_share_and_the_newest_get_in() {
    let app = spawn(&[("HTTP__SOCKETS_PER_NETWORK", "20")]).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(Raw::connect(&app.base, network(3)).await.unwrap());
    }
    let mut statuses = Vec::new();
    while statuses.last() != Some(&200) {
        let mut newest = open(&app, network(3), "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        statuses.push(newest.status().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(statuses.len() < 100 && statuses.iter().all(|status| [0, 200, 503].contains(status)), "{statuses:?}");
    let mut closed = 0;
    for raw in &mut silent {
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(&mut raw.0, &mut byte);
        closed += usize::from(tokio::time::timeout(Duration::from_millis(50), read).await.is_ok());
    }
    assert!(closed >= 80, "{closed} of 100 were closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_cost_one_statement_however_many_ask() {
    let app = spawn(&[]).await;
    let get = |path: &str| app.client.get(format!("{}{path}", app.base));
    TestApp::answer(get("/metrics")).await.assert_status(401);
    let token =
        tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Operator, "prometheus", None).await.unwrap().1;
    let mut lock = app.pool.begin().await.unwrap();
    // Whoever counts jobs waits.
    sqlx::raw_sql("lock table jobs in access exclusive mode").execute(&mut *lock).await.unwrap();
    let asking: Vec<_> =
        (0..48).map(|_| tokio::spawn(TestApp::answer(get("/metrics").bearer_auth(token.expose())))).collect();
    app.eventually(
        "select count(*) = 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and state = 'active'",
    )
    .await;
    app.post(retell(), BODY).await.assert_outcome("accepted");
    TestApp::answer(get("/healthz")).await.assert_status(200);
    let waiting = app
        .value(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and state = 'active'",
        )
        .await;
    assert!(waiting.as_i64().unwrap() <= 1, "{waiting} statements wait");
    lock.rollback().await.unwrap();
    for answer in asking {
        answer.await.unwrap().assert_status(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_tokens_cost_no_look_up_once_there_were_too_many_and_good_ones_get_in() {
    let app = spawn(&[]).await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "test", None).await.unwrap().1;
    let get = |token: &str| app.client.get(format!("{}/api/v1/calls", app.base)).bearer_auth(token);
    TestApp::answer(get(token.expose())).await.assert_status(200);
    for number in 0..120 {
        TestApp::answer(get(&format!("guess-{number}"))).await.assert_status(401);
    }
    let mut lock = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table api_tokens in access exclusive mode").execute(&mut *lock).await.unwrap();
    let answer = TestApp::answer(get("guess-x")).await;
    answer.assert_status(429);
    assert!(answer.headers.contains_key("retry-after"));
    // Neither is one of the right shape.
    let made_up = format!("shk_{}", "x".repeat(token.expose().len() - 4));
    TestApp::answer(get(&made_up)).await.assert_status(429);
    let sign_in = |token: &str| {
        let request = app.client.post(format!("{}/api/v1/session", app.base)).json(&json!({ "token": token }));
        TestApp::answer(request)
    };
    lock.rollback().await.unwrap();
    sign_in(&made_up).await.assert_status(429);
    TestApp::answer(get(token.expose())).await.assert_status(200);
    // What was issued is let in, also what this process has never seen.
    let add =
        async || tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "new", None).await.unwrap();
    let (id, unseen, _) = add().await;
    TestApp::answer(get(unseen.expose())).await.assert_status(200);
    sign_in(add().await.1.expose()).await.assert_status(200);
    let new = sessions::NewSession {
        actor: Actor { kind: ActorKind::Token, id },
        method: sessions::Method::Token,
        longest: std::time::Duration::from_secs(60),
        address: None,
        browser: None,
    };
    let session = sessions::open(&app.pool, app.keys.digests().unwrap(), &new).await.unwrap().id;
    let with_cookie = |id: &str| {
        let request = app.client.get(format!("{}/api/v1/calls", app.base));
        TestApp::answer(request.header("cookie", format!("switchhook={id}")))
    };
    with_cookie(session.expose()).await.assert_status(200);
    with_cookie(&made_up[4..]).await.assert_status(429);
    // One that has ended is no key to the database either.
    app.execute("update api_tokens set expires_at = now() where label = 'new'").await;
    for _ in 0..10 {
        TestApp::answer(get(unseen.expose())).await.assert_status(429);
    }
    let mut lock = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table api_tokens in access exclusive mode").execute(&mut *lock).await.unwrap();
    TestApp::answer(get(unseen.expose())).await.assert_status(429);
    lock.rollback().await.unwrap();
    app.clock.advance(chrono::TimeDelta::minutes(1));
    TestApp::answer(get("guess-y")).await.assert_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_host_learns_who_looks_at_a_call() {
    let app = spawn(&[]).await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Admin, "test", None).await.unwrap().1;
    app.execute(
        "insert into calls (id, tenant_id, provider, provider_call_id, status, recording_url)
         select '00000000-0000-0000-0000-00000000ca11', id, 'retell', 'r1', 'ended', 'https://recordings.example.com/1.mp3'
         from tenants",
    )
    .await;
    let request = app.client.get(format!("{}/calls/00000000-0000-0000-0000-00000000ca11", app.base));
    let page = TestApp::answer(request.bearer_auth(token.expose()).header("accept", "text/html")).await;
    page.assert_status(200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("media-src 'self';"), "{policy}");
    assert!(!page.text.contains("<audio"), "it would be loaded");
    assert!(page.text.contains("Listen at <bdi>recordings.example.com</bdi>"));
    assert!(page.text.contains(r#"rel="noreferrer noopener""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_how_many_sockets_there_are_descriptors_for() {
    let (name, url) = database_url().await;
    let output = Binary::run(&url, &["--json", "doctor", "--quick"]);
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = checks.as_array().unwrap().iter().find(|check| check["check"] == "descriptors").unwrap();
    assert!(found["detail"].as_str().unwrap().contains("sockets"), "{found}");
    drop_database(&name).await;
}
