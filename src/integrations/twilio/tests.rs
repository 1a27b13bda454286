//! Against a stand-in that refuses what Twilio refuses, and every sample of its errors.

use std::time::Duration;

use super::error::CODES;
use super::*;
use crate::integrations::Verdict;
use crate::integrations::stubs::TwilioStub;

const TO: &str = "+15550100123";

fn now() -> DateTime<Utc> {
    "2026-09-01T10:15:00Z".parse().unwrap()
}

fn settings(base_url: &str) -> Settings {
    Settings {
        base_url: base_url.to_owned(),
        account_sid: TwilioStub::ACCOUNT_SID.to_owned(),
        auth_token: Secret::new(TwilioStub::AUTH_TOKEN),
        from: "+15550100199".to_owned(),
    }
}

/// It waits longer than any answer takes on a busy machine.
fn client(settings: &Settings) -> Client {
    Client::new(settings, Transport::new(Duration::from_secs(10)).unwrap())
}

fn hasty_client(settings: &Settings) -> Client {
    Client::new(settings, Transport::new(Duration::from_secs(1)).unwrap())
}

async fn start() -> (TwilioStub, Client) {
    let twilio = TwilioStub::start().await;
    twilio.set_now(now());
    let client = client(&settings(&twilio.base_url));
    (twilio, client)
}

async fn send(client: &Client, body: &str) -> Result<Sent, Error> {
    client.send_sms(&Phone::new(TO), &Spoken::new(body), now()).await
}

async fn find(client: &Client, body: &str) -> Result<Option<Sent>, Error> {
    client.find_recent(&Phone::new(TO), now(), &Spoken::new(body), now()).await
}

#[actix_web::test]
async fn an_sms_is_sent_and_its_segments_are_counted() {
    let (twilio, client) = start().await;
    let sent = send(&client, "We will call you back & soon.").await.unwrap();
    assert_eq!(sent, Sent { sid: format!("SM{:032x}", 1), segments: 1 });
    assert_eq!(send(&client, &"ש".repeat(71)).await.unwrap().segments, 2);
    assert_eq!(twilio.sent()[0], (TO.to_owned(), "We will call you back & soon.".to_owned()));
}

#[actix_web::test]
async fn a_messaging_service_sends_too_and_an_api_key_is_a_credential() {
    let (twilio, _) = start().await;
    let service = Settings { from: "MG0123456789".to_owned(), ..settings(&twilio.base_url) };
    send(&client(&service), "text").await.unwrap();
    let key = Settings { auth_token: Secret::new("SK01:secret"), ..settings(&twilio.base_url) };
    assert_eq!(send(&client(&key), "text").await.unwrap_err().verdict(), Verdict::Refused);
    let last = twilio.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), "Basic U0swMTpzZWNyZXQ=");
    assert!(last.path.contains(TwilioStub::ACCOUNT_SID));
}

#[actix_web::test]
async fn every_sample_has_its_verdict() {
    let (twilio, client) = start().await;
    twilio.play_next(include_str!("../../../tests/outbound/twilio-sms/01_send_sms.json"));
    assert_eq!(send(&client, "text").await.unwrap().sid, "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    for (file, verdict) in [
        (include_str!("../../../tests/outbound/twilio-sms/02_error_21211_invalid_to.json"), Verdict::Stop),
        (include_str!("../../../tests/outbound/twilio-sms/03_error_21610_unsubscribed.json"), Verdict::Stop),
        (include_str!("../../../tests/outbound/twilio-sms/04_error_20003_auth.json"), Verdict::Refused),
        (include_str!("../../../tests/outbound/twilio-sms/05_error_20429.json"), Verdict::Retry),
        (include_str!("../../../tests/outbound/twilio-sms/06_error_20404.json"), Verdict::Refused),
        (include_str!("../../../tests/outbound/twilio-sms/07_error_21408_geo.json"), Verdict::Stop),
        (include_str!("../../../tests/outbound/twilio-sms/08_error_500.json"), Verdict::Unknown),
    ] {
        twilio.play_next(file);
        let error = send(&client, "text").await.unwrap_err();
        assert_eq!(error.verdict(), verdict, "{file}");
        assert_eq!(error == Error::OptedOut, file.contains("21610"), "{file}");
        assert!(!error.to_string().contains("9725023"), "the message of the vendor quotes the number: {error}");
    }
}

#[actix_web::test]
async fn every_class_of_error_has_its_verdict() {
    let (twilio, client) = start().await;
    for (code, verdict) in CODES {
        let status = if *code == 20429 { 429 } else { 400 };
        twilio.answer_next(status, &[], &format!("{{\"code\": {code}, \"message\": \"for {TO}\"}}"));
        assert_eq!(send(&client, "text").await.unwrap_err().verdict(), *verdict, "{code}");
    }
    for (status, headers, body, verdict) in [
        (429, &[("Retry-After", "7")][..], "{\"code\": 20429}", Verdict::Wait(Duration::from_secs(7))),
        (429, &[], "", Verdict::Retry),
        (400, &[], "{\"code\": 99999}", Verdict::Stop),
        (400, &[], "{\"message\": \"no code\"}", Verdict::Stop),
        (301, &[], "", Verdict::Refused),
        (401, &[], "<html>", Verdict::Refused),
        (403, &[], "", Verdict::Refused),
        (404, &[], "", Verdict::Refused),
        (502, &[], "<html>", Verdict::Unknown),
        (200, &[], "garbage", Verdict::Unknown),
        (201, &[], "{\"no\": \"sid\"}", Verdict::Unknown),
        (201, &[], "{\"sid\": \"SM1\", \"status\": \"failed\", \"error_code\": 30002}", Verdict::Refused),
        (201, &[], "{\"sid\": \"SM1\", \"status\": \"failed\"}", Verdict::Stop),
    ] {
        twilio.answer_next(status, headers, body);
        assert_eq!(send(&client, "text").await.unwrap_err().verdict(), verdict, "{status} {body}");
    }
}

#[actix_web::test]
async fn what_may_have_arrived_is_unknown_and_what_never_left_is_not() {
    let (twilio, there) = start().await;
    twilio.drop_next();
    assert_eq!(send(&there, "text").await.unwrap_err().verdict(), Verdict::Unknown);
    twilio.hang_next();
    assert_eq!(send(&hasty_client(&settings(&twilio.base_url)), "text").await.unwrap_err().verdict(), Verdict::Unknown);
    let nobody = client(&settings("http://127.0.0.1:1"));
    assert_eq!(send(&nobody, "text").await.unwrap_err().verdict(), Verdict::Retry);
    let wrong = client(&settings("not a url"));
    assert_eq!(send(&wrong, "text").await.unwrap_err().verdict(), Verdict::Refused);
    assert_eq!(send(&there, &"x".repeat(1_601)).await, Err(Error::TooLong));
    assert_eq!(twilio.requests().len(), 2, "what is too long is not sent");
}

#[actix_web::test]
async fn an_unknown_send_is_found_if_it_exists() {
    let (twilio, client) = start().await;
    assert_eq!(find(&client, "text").await, Ok(None));
    twilio.create_and_answer_next(TO, "text", 500);
    assert_eq!(send(&client, "text").await.unwrap_err().verdict(), Verdict::Unknown);
    assert_eq!(find(&client, "text").await, Ok(Some(Sent { sid: format!("SM{:032x}", 1), segments: 1 })));
    assert_eq!(find(&client, "another text").await, Ok(None));
    let later = now() + TimeDelta::hours(1);
    assert_eq!(client.find_recent(&Phone::new(TO), later, &Spoken::new("text"), later).await, Ok(None));
    let other = Phone::new("+15550100124");
    assert_eq!(client.find_recent(&other, now(), &Spoken::new("text"), now()).await, Ok(None));
    let asked = twilio.requests().pop().unwrap().query;
    assert!(asked.contains("To=%2B15550100124"), "a plus that is not encoded would be a space: {asked}");
    twilio.change_last("body", "Sent from your Twilio trial account - text".into());
    assert!(find(&client, "text").await.unwrap().is_some());
    twilio.change_last("status", "undelivered".into());
    twilio.change_last("error_code", 30006.into());
    assert_eq!(find(&client, "text").await, Err(Error::Failed { code: Some(30006) }));
}

#[actix_web::test]
async fn a_question_that_is_not_answered_is_asked_again() {
    let (twilio, there) = start().await;
    twilio.drop_next();
    assert_eq!(find(&there, "text").await.unwrap_err().verdict(), Verdict::Retry);
    twilio.hang_next();
    assert_eq!(find(&hasty_client(&settings(&twilio.base_url)), "text").await.unwrap_err().verdict(), Verdict::Retry);
    for (status, body, verdict) in [
        (500, "", Verdict::Retry),
        (200, "garbage", Verdict::Retry),
        (429, "", Verdict::Retry),
        (401, "", Verdict::Refused),
    ] {
        twilio.answer_next(status, &[], body);
        assert_eq!(find(&there, "text").await.unwrap_err().verdict(), verdict, "{status}");
    }
    let nobody = client(&settings("http://127.0.0.1:1"));
    assert_eq!(find(&nobody, "text").await.unwrap_err().verdict(), Verdict::Retry);
}

#[test]
fn nothing_secret_prints() {
    let settings = settings("https://api.twilio.com");
    assert!(settings.is_configured());
    assert!(!Settings { auth_token: Secret::default(), ..settings.clone() }.is_configured());
    assert!(!format!("{:?}", client(&settings)).contains(TwilioStub::AUTH_TOKEN));
}
