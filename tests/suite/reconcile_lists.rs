//! The clients of the list APIs: what they ask for in long windows, and what they make of odd answers.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use switchhook::clock::Clock;
use switchhook::integrations::Transport;
use switchhook::integrations::platforms::{self, Error, Listing, Settings, Window};
use switchhook::redact::Secret;

use crate::reconcile_calls::{began_at, record, time};
use crate::support::PlatformStub;

fn listing(platform: &str, stub: &PlatformStub, key: &str, since: DateTime<Utc>) -> Box<dyn Listing> {
    let settings = Settings { base_url: format!("{}/", stub.base_url), api_key: Secret::new(key) };
    let window = Window { since, until: time("2026-11-01T12:00:00Z") };
    let transport = Transport::new(Duration::from_secs(10)).unwrap();
    platforms::list(platform, &settings, &transport, &Clock::system(), window).unwrap()
}

async fn all(mut listing: Box<dyn Listing>) -> Result<Vec<Value>, Error> {
    let mut records = Vec::new();
    while let Some(page) = listing.next_page().await? {
        records.extend(page);
    }
    Ok(records)
}

async fn today(platform: &'static str, stub: &PlatformStub) -> Result<Vec<Value>, Error> {
    all(listing(platform, stub, PlatformStub::KEY, time("2026-11-01T00:00:00Z"))).await
}

#[actix_web::test]
async fn a_wrong_key_is_told_by_every_platform() {
    for platform in platforms::ALL {
        let stub = PlatformStub::start(platform).await;
        let error = all(listing(platform, &stub, "wrong", time("2026-11-01T00:00:00Z"))).await.unwrap_err();
        assert!(matches!(error, Error::NotAuthorized { .. }), "{platform}: {error}");
        assert!(error.to_string().contains(&format!("integrations.{platform}.api_key is wrong")), "{error}");
        assert_eq!(stub.requests().len(), 1, "{platform}: asking again is no use");
    }
}

#[actix_web::test]
async fn a_month_of_bolna_is_asked_for_by_the_week_and_the_agent() {
    let stub = PlatformStub::start("bolna").await;
    for days in 0..30 {
        stub.add(began_at(days) - TimeDelta::days(days), record("bolna", days));
    }
    let since = time("2026-10-02T12:00:00Z");
    let found = all(listing("bolna", &stub, PlatformStub::KEY, since)).await.unwrap();
    assert_eq!(found.len(), 30);
    let windows: std::collections::BTreeSet<String> =
        stub.requests().iter().filter_map(|request| request.arguments().get("from").cloned()).collect();
    assert_eq!(windows.len(), 5);
}

#[actix_web::test]
async fn older_and_odd_answers_are_read() {
    let stub = PlatformStub::start("retell").await;
    // Before 2026 the answer was the list itself, and the last call's id the next key.
    let page: Vec<Value> = (0..100).map(|n| record("retell", n)).collect();
    stub.answer_next("list-calls", 200, &[], &json!(page).to_string());
    stub.add(began_at(0), record("retell", 100));
    stub.answer_next("list-calls", 200, &[], &json!([record("retell", 100)]).to_string());
    assert_eq!(today("retell", &stub).await.unwrap().len(), 101);
    assert_eq!(stub.requests()[1].json()["pagination_key"], "call-99-of-retell");
    stub.answer_next("list-calls", 200, &[], r#"{"items":[],"has_more":true,"pagination_key":"x"}"#);
    stub.answer_next("list-calls", 200, &[], r#"{"items":[],"has_more":true,"pagination_key":"x"}"#);
    assert_eq!(today("retell", &stub).await.unwrap_err().to_string(), "retell: the list goes round in a circle");
    stub.answer_next("list-calls", 200, &[], r#"{"message":"hello"}"#);
    assert_eq!(today("retell", &stub).await.unwrap_err().to_string(), "retell: the answer holds no list of calls");
    let gone = listing("retell", &stub, PlatformStub::KEY, began_at(0)).whole("no/such?call").await.unwrap();
    assert_eq!((gone, stub.requests().last().unwrap().path.as_str()), (None, "/v2/get-call/no%2Fsuch%3Fcall"));

    let stub = PlatformStub::start("dialpad").await;
    let mut call = record("dialpad", 0);
    for (listed, read) in [("voicemail", "voicemail_uploaded"), ("connected", "hangup"), ("missed", "missed")] {
        call["state"] = json!(listed);
        stub.answer_next("call", 200, &[], &json!({ "items": [call] }).to_string());
        assert_eq!(today("dialpad", &stub).await.unwrap()[0]["state"], read);
    }

    let stub = PlatformStub::start("voicenter").await;
    stub.answer_next("cdr", 200, &[], r#"{"ERROR_NUMBER":0,"cdr_list":[{"callid":"x"}]}"#);
    assert_eq!(today("voicenter", &stub).await.unwrap(), [json!({ "callid": "x", "ivruniqueid": "x" })]);
    for (number, said) in [(4, "does not allow requests from this address"), (5, "voicenter: error 5")] {
        stub.answer_next("cdr", 200, &[], &json!({ "ERROR_NUMBER": number }).to_string());
        let error = today("voicenter", &stub).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
