//! A wrong secret loses nothing: what a source did not verify is kept, sealed and bounded, and stored when the secret is
//! mended.

use chrono::TimeDelta;
use serde_json::json;
use switchhook::access::{Actor, Role, Scope};
use switchhook::admin::rejections::{Reverified, reverify};
use switchhook::providers::{self, Outgoing};
use switchhook::redact::{Phone, Secret};
use switchhook::retention::{self, Person};
use switchhook::store::kept_requests::Which;
use switchhook::store::source_tokens::TokenUse;
use switchhook::store::{connections, tokens};
use uuid::Uuid;

use crate::support::{Answer, Binary, TestApp, url_of};

const NUMBER: &str = "+15550100177";

/// What the platform signs with, while the source has another.
fn right() -> Secret {
    Secret::new("the-key-that-the-platform-signs-with")
}

fn body(call_id: &str) -> String {
    json!({ "event": "call_ended", "call": { "call_id": call_id, "direction": "inbound", "from_number": NUMBER,
        "to_number": "+15550100199", "call_status": "ended", "transcript": "User: purple elephants" } })
    .to_string()
}

fn signed(app: &TestApp, call_id: &str, secret: &Secret) -> Outgoing {
    providers::find("retell").unwrap().sign(&body(call_id), Some(secret), app.clock.now())
}

async fn send_from(app: &TestApp, address: &str, sent: Outgoing) -> Answer {
    let mut sent = sent;
    sent.headers.push(("X-Forwarded-For".to_owned(), address.to_owned()));
    app.send("/webhooks/retell", sent).await
}

async fn spawn(settings: &[(&str, &str)]) -> TestApp {
    let all = [&[("HTTP__TRUSTED_PROXIES", "127.0.0.1")], settings].concat();
    TestApp::spawn_with(&all, providers::registry()).await
}

async fn mend(app: &TestApp) {
    let id = app.connection_id("retell");
    connections::add_secret(&app.owner, &app.keys, id, Uuid::now_v7(), &right(), None).await.unwrap();
}

async fn again(app: &TestApp, dry_run: bool) -> Reverified {
    reverify(&app.pool, &app.keys, &Scope::cli("dana"), &Which::default(), dry_run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrong_secret_refused_is_stored_when_it_is_mended() {
    let app = spawn(&[]).await;
    for call_id in ["one", "two"] {
        app.send("/webhooks/retell", signed(&app, call_id, &right())).await.assert_status(401);
    }
    app.send("/webhooks/retell", signed(&app, "forged", &Secret::new("a-key-of-somebody-else")))
        .await
        .assert_status(401);
    // Captured an hour ago and sent again: it was too late then, and is too late for ever.
    let captured = signed(&app, "captured", &right());
    app.clock.advance(TimeDelta::hours(1));
    app.send("/webhooks/retell", captured).await.assert_status(401);
    app.eventually("select count(*) = 4 from kept_requests").await;
    let kept = app.rows("select to_jsonb(k) from kept_requests k").await;
    let text = serde_json::to_string(&kept).unwrap();
    for clear in ["5550100177", "purple", "the-key", "d="] {
        assert!(!text.contains(clear), "{clear}: {text}");
    }
    assert_eq!(again(&app, true).await.refused.values().sum::<u64>(), 4, "the secret is still wrong");

    mend(&app).await;
    // Days later they are still verified as of their own time.
    app.clock.advance(TimeDelta::days(2));
    let counted = again(&app, true).await;
    assert_eq!(
        (counted.requests, counted.verified, app.value("select count(*) from webhook_events").await),
        (4, 2, json!(0))
    );
    let done = again(&app, false).await;
    assert_eq!((done.verified, done.duplicates), (2, 0));
    let why: Vec<_> = done.refused.keys().map(String::as_str).collect();
    assert_eq!(
        why,
        [
            "not verified: the signature does not fit",
            "not verified: the signature is right, its time is off by 60 min (behind our clock)"
        ]
    );
    assert_eq!(app.value("select count(*) from webhook_events where origin = 'recovered'").await, 2);
    assert_eq!(app.value("select count(*) from kept_requests").await, 2, "what still fails stays out");
    app.run_until_idle().await;
    assert_eq!(
        app.value("select jsonb_agg(provider_call_id order by provider_call_id) from calls").await,
        json!(["one", "two"])
    );
    assert_eq!(
        app.rows("select jsonb_build_array(actor, action, row_count) from operator_log").await,
        [json!(["cli", "reverify", 2])]
    );
    // Once more changes nothing.
    assert_eq!(again(&app, false).await.verified, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_every_platform_all_is_kept_that_verifies_it_later() {
    let app = spawn(&[]).await;
    const TOKEN: &str = "the-token-in-the-url-that-the-platform-has";
    for provider in providers::ALL {
        let is_webhook = |body: &str| serde_json::from_str(body).is_ok_and(|body| provider.question(&body).is_none());
        let sample = provider.samples().iter().find(|sample| is_webhook(sample.body)).unwrap();
        let (name, secret) = (provider.name(), provider.signs().then(right));
        let sent = provider.sign(sample.body, secret.as_ref(), app.clock.now());
        let query = if provider.signs() { String::new() } else { format!("?token={TOKEN}") };
        app.send(&format!("/webhooks/{name}{query}"), sent).await.assert_status(401);
    }
    app.eventually(&format!("select count(*) = {} from kept_requests", providers::ALL.len())).await;
    for provider in providers::ALL {
        let id = app.connection_id(provider.name());
        match provider.signs() {
            true => {
                connections::add_secret(&app.owner, &app.keys, id, Uuid::now_v7(), &right(), None).await.unwrap();
            }
            false => app.add_token(id, TokenUse::Webhook, &format!("{TOKEN}-of-{}", provider.name())).await,
        }
    }
    let signing = providers::ALL.iter().filter(|provider| provider.signs()).count() as u64;
    assert_eq!(again(&app, true).await.verified, signing, "the tokens are still others");
    // A token is good for one source only.
    for provider in providers::ALL.iter().filter(|provider| !provider.signs()) {
        app.execute("delete from source_tokens").await;
        app.add_token(app.connection_id(provider.name()), TokenUse::Webhook, TOKEN).await;
        let verified = again(&app, false).await;
        assert!(verified.verified >= 1, "{}: {verified:?}", provider.name());
    }
    assert_eq!(app.value("select count(*) from kept_requests").await, 0);
    let recovered = app.value("select count(distinct provider) from webhook_events where origin = 'recovered'").await;
    assert_eq!(recovered, providers::ALL.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_sent_it_again_meanwhile_makes_no_second_event() {
    let app = spawn(&[]).await;
    let sent = signed(&app, "one", &right());
    app.send("/webhooks/retell", sent).await.assert_status(401);
    app.eventually("select count(*) = 1 from kept_requests").await;
    mend(&app).await;
    app.send("/webhooks/retell", signed(&app, "one", &right())).await.assert_outcome("accepted");
    let done = again(&app, false).await;
    assert_eq!((done.verified, done.duplicates), (1, 1));
    assert_eq!(app.value("select count(*) from webhook_events").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forgeries_pushes_no_honest_request_out() {
    let settings = [("HTTP__KEPT_REQUESTS_MAX", "10"), ("HTTP__UNPROVEN_PER_MINUTE", "100")];
    let app = spawn(&settings).await;
    let forger = Secret::new("a-key-of-somebody-else");
    for minute in 0..3 {
        // The flood is first, and goes on after; over its limit nothing of it is kept.
        for turn in 0..40 {
            let forged = signed(&app, &format!("forged-{minute}-{turn}"), &forger);
            send_from(&app, "203.0.113.9", forged).await.assert_status(401);
        }
        let honest = signed(&app, &format!("honest-{minute}"), &right());
        send_from(&app, "198.51.100.7", honest).await.assert_status(401);
        for turn in 40..120 {
            let forged = signed(&app, &format!("forged-{minute}-{turn}"), &forger);
            let status = send_from(&app, "203.0.113.9", forged).await.status;
            assert_eq!(status, if turn < 100 { 401 } else { 429 }, "{turn}");
        }
        app.clock.advance(TimeDelta::minutes(1));
    }
    app.eventually("select sum(repeats) >= 363 from rejections").await;
    app.eventually("select count(*) = 10 from kept_requests").await;
    mend(&app).await;
    assert_eq!(again(&app, true).await.verified, 3);
    // What is kept is kept for its time only.
    app.clock.advance(TimeDelta::hours(73));
    app.send("/webhooks/retell/nowhere", signed(&app, "x", &right())).await.assert_status(404);
    app.eventually("select count(*) = 0 from kept_requests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_bounded_and_live_requests_and_unknown_sources_are_not_kept() {
    let app = spawn(&[("HTTP__KEPT_BYTES_MAX", "1000")]).await;
    for turn in 0..8 {
        app.send("/webhooks/retell", signed(&app, &format!("c{turn}"), &right())).await.assert_status(401);
    }
    app.send("/webhooks/retell/nowhere", signed(&app, "x", &right())).await.assert_status(404);
    app.send("/webhooks/retell/default/inbound", signed(&app, "y", &right())).await.assert_status(401);
    app.eventually("select count(*) = 10 from rejections").await;
    app.eventually("select sum(bytes) between 1 and 1000 from kept_requests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_takes_unsigned_webhooks_verifies_nothing_after_the_fact() {
    let app = spawn(&[]).await;
    app.send("/webhooks/retell", signed(&app, "one", &right())).await.assert_status(401);
    app.eventually("select count(*) = 1 from kept_requests").await;
    app.execute("delete from connection_secrets; update connections set allow_unsigned = true").await;
    assert_eq!(again(&app, false).await.verified, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_kept_request() {
    let app = spawn(&[]).await;
    app.send("/webhooks/retell", signed(&app, "one", &right())).await.assert_status(401);
    app.eventually("select count(*) = 1 from kept_requests").await;
    let person = |number: &str| Person { number: Phone::new(number), tenant_id: None };
    let forget = async |number: &str| {
        let person = person(number);
        retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap()
    };
    forget("+15550100155").await;
    assert_eq!(app.value("select count(*) from kept_requests").await, 1);
    let preview = retention::preview(&app.pool, &app.keys, &person(NUMBER)).await.unwrap();
    let erased = forget(NUMBER).await;
    for report in [preview, erased] {
        assert_eq!(report.erased.iter().find(|place| place.place == "kept_requests").unwrap().rows, 1);
    }
    assert_eq!(app.value("select count(*) from kept_requests").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_and_the_api_say_the_same_and_need_a_yes() {
    let app = spawn(&[]).await;
    app.send("/webhooks/retell", signed(&app, "one", &right())).await.assert_status(401);
    app.eventually("select count(*) = 1 from kept_requests").await;
    let id = app.value("select id from kept_requests").await.as_str().unwrap().to_owned();
    let url = url_of(app.pool.connect_options().get_database().unwrap());
    let run = |line: &str| {
        let output = Binary::run(&url, &line.split_whitespace().collect::<Vec<_>>());
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code().unwrap(), text)
    };
    let (code, text) = run("rejections list");
    assert!(code == 0 && text.contains("the signature does not fit"), "{text}");
    let (code, text) = run("rejections list --kept");
    assert!(code == 0 && text.contains(&id) && !text.contains("5550100177"), "{text}");
    let (code, text) = run(&format!("rejections show {id}"));
    assert!(code == 0 && text.contains("the signature does not fit") && !text.contains("it verifies"), "{text}");
    mend(&app).await;
    let (code, text) = run(&format!("rejections show {id}"));
    assert!(code == 0 && text.contains("it verifies"), "{text}");
    let (code, text) = run("rejections reverify --provider retell --slug default --dry-run");
    assert!(code == 0 && text.contains("would be stored: 1 request"), "{text}");
    let (code, text) = run("rejections reverify");
    assert!(code == 1 && text.contains("say --yes"), "{text}");

    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Operator, "t", None).await.unwrap().1;
    let kept = app.client.get(format!("{}/api/v1/rejections/kept/{id}", app.base)).bearer_auth(token.expose());
    let kept = TestApp::answer(kept).await;
    assert!(kept.text.contains("\"refused_now\":null") && !kept.text.contains("5550100177"), "{}", kept.text);
    let counted = app.client.post(format!("{}/api/v1/rejections/reverify", app.base)).bearer_auth(token.expose());
    let counted = TestApp::answer(counted.json(&json!({ "dry_run": true }))).await;
    assert!(counted.text.contains("\"verified\":1"), "{}", counted.text);

    let (code, text) = run("rejections reverify --yes");
    assert!(code == 0 && text.contains("stored: 1 request"), "{text}");
    assert_eq!(app.value("select count(*) from webhook_events where origin = 'recovered'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_we_hear_that_a_signature_is_right_and_its_time_is_not() {
    let app = spawn(&[]).await;
    let ours = app.secret(providers::find("retell").unwrap()).unwrap();
    let (late, forged) = (signed(&app, "one", &ours), signed(&app, "one", &right()));
    app.clock.advance(TimeDelta::hours(2));
    let mut answers = Vec::new();
    for sent in [late, forged] {
        let answer = app.send("/webhooks/retell", sent).await;
        answers.push((answer.status, answer.text));
    }
    assert_eq!(answers[0], answers[1], "the sender learns nothing of our secret");
    app.eventually("select count(*) = 2 from rejections").await;
    assert_eq!(
        app.rows("select to_jsonb(reason) from rejections order by reason").await,
        [
            "not verified: the signature is right, its time is off by 2 h (behind our clock)",
            "not verified: the signature's timestamp is more than five minutes away"
        ]
    );
}
