//! WhatsApp: every published exchange against a server that checks what it is sent, the table of codes, lost answers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Class, Client, Error, Kind, Message, Sent, Settings, class_of};
use crate::integrations::stubs::whatsapp::{TOKEN, WhatsAppStub};
use crate::integrations::{Transport, TransportError, Verdict};
use crate::redact::{Phone, Secret, Spoken};

/// Much later, as the table means it.
const LATER: Verdict = Verdict::Wait(Duration::from_hours(6));
const SENDER: &str = "1122334455667";

macro_rules! exchanges {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../tests/outbound/whatsapp/", $name, ".json")))),*]
    };
}

/// Meta's table, as its page had it in May 2026, with what each class means.
const TABLE: &[(Class, Verdict, &[i64])] = &[
    (Class::Transient, Verdict::Retry, &[2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 133016]),
    (Class::Later, LATER, &[131048, 131049, 131064]),
    (Class::WindowClosed, Verdict::Stop, &[131047]),
    (Class::Credentials, Verdict::Refused, &[0, 3, 10, 190, 200, 250, 299, 131005, 131031, 131042, 131045, 368]),
    (
        Class::Request,
        Verdict::Stop,
        &[
            33, 100, 131008, 131009, 131021, 131051, 131052, 131053, 132000, 132001, 132005, 132007, 132008, 132012,
            132015, 132016, 132068, 132069, 135000,
        ],
    ),
    (Class::Recipient, Verdict::Stop, &[131026, 131030, 130472, 130497, 131037, 131062, 131063, 137000]),
    (Class::OptedOut, Verdict::Stop, &[131050]),
    (Class::Unlisted, Verdict::Stop, &[-1, 1, 5, 199, 300, 131001, 131058, 132017, 999999]),
];

type Headers = &'static [(&'static str, &'static str)];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn client_at(base_url: &str, timeout: Duration) -> Client {
    let settings = Settings {
        base_url: base_url.to_owned(),
        token: Secret::new(TOKEN),
        phone_number_id: SENDER.to_owned(),
        template: "missed_call_followup".to_owned(),
        language: "he".to_owned(),
    };
    Client::new(settings, Transport::new(timeout).unwrap())
}

fn client(stub: &WhatsAppStub) -> Client {
    client_at(&stub.base_url, Duration::from_secs(10))
}

fn text(words: &str) -> Message<'static> {
    let kind = Kind::Text(Spoken::new(words));
    Message { from_phone_number_id: None, to: Phone::new("+15550100123"), kind, callback_data: "job:1" }
}

fn template<'a>(name: &'a str, parameters: &[&str]) -> Message<'a> {
    let body_parameters = parameters.iter().map(|text| Spoken::new(*text)).collect();
    Message { kind: Kind::Template { name, language: "he", body_parameters }, ..text("") }
}

/// The message whose request an exchange shows.
fn message_of(body: &Value) -> Message<'_> {
    let word = |value: &Value| Spoken::new(value.as_str().unwrap());
    let kind = match body["type"].as_str() {
        Some("text") => Kind::Text(word(&body["text"]["body"])),
        _ => {
            let parameters = body["template"]["components"][0]["parameters"].as_array().unwrap();
            Kind::Template {
                name: body["template"]["name"].as_str().unwrap(),
                language: body["template"]["language"]["code"].as_str().unwrap(),
                body_parameters: parameters.iter().map(|parameter| word(&parameter["text"])).collect(),
            }
        }
    };
    Message {
        from_phone_number_id: None,
        to: Phone::new(format!("+{}", body["to"].as_str().unwrap())),
        kind,
        callback_data: body["biz_opaque_callback_data"].as_str().unwrap_or_default(),
    }
}

#[tokio::test]
async fn every_published_exchange_is_played() {
    let stub = WhatsAppStub::start().await;
    let client = client(&stub);
    let expected = [None, None]
        .into_iter()
        .chain([
            Some((Class::WindowClosed, Verdict::Stop)),
            Some((Class::Transient, Verdict::Retry)),
            Some((Class::Transient, Verdict::Retry)),
            Some((Class::Recipient, Verdict::Stop)),
            Some((Class::Credentials, Verdict::Refused)),
            Some((Class::Request, Verdict::Stop)),
            Some((Class::Transient, Verdict::Retry)),
        ])
        .collect::<Vec<_>>();
    let exchanges = exchanges![
        "01_send_text",
        "02_send_template",
        "03_error_131047_window_closed",
        "04_error_130429_rate_limit",
        "05_error_131056_pair_rate",
        "06_error_131026_undeliverable",
        "07_error_190_token",
        "08_error_132001_template",
        "09_error_131000_unknown",
    ];
    assert_eq!(expected.len(), exchanges.len());
    for ((name, exchange), expected) in exchanges.into_iter().zip(expected) {
        let exchange: Value = serde_json::from_str(exchange).unwrap();
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
        stub.answer_next(status, &[("content-type", "application/json")], &response["body"]);
        let outcome = client.send(now(), &message_of(&request["body"])).await;

        let seen = stub.requests().pop().unwrap();
        assert_eq!((seen.method.as_str(), &seen.body), ("POST", &request["body"]), "{name}");
        assert_eq!(seen.path, format!("/v23.0/{SENDER}/messages"), "{name}");
        assert_eq!(seen.headers["authorization"], request["headers"]["Authorization"], "{name}");
        match (outcome, expected) {
            (Ok(sent), None) => {
                let message_id = "wamid.HBgMOTcyNTAyMzQ1Njc4FQIAERgSQUE3RjY".to_owned();
                assert_eq!(sent, Sent { message_id, wa_id: Some(Phone::new("+972502345678")) }, "{name}");
            }
            (Err(error), Some((class, verdict))) => {
                assert_eq!((error.class(), error.verdict()), (Some(class), verdict), "{name}");
                let code = response["body"]["error"]["code"].to_string();
                assert!(error.to_string().contains(&code), "{name}: {error}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn every_code_has_its_class_and_every_class_its_verdict() {
    let mut listed = Vec::new();
    for (class, verdict, codes) in TABLE {
        assert_eq!(class.verdict(), *verdict, "{class}");
        for code in *codes {
            assert_eq!(class_of(*code), *class, "{code}");
        }
        if *class != Class::Unlisted {
            listed.extend_from_slice(codes);
        }
    }
    let more: Vec<i64> = (-1000..=140_000)
        .filter(|code| class_of(*code) != Class::Unlisted && !(200..300).contains(code) && !listed.contains(code))
        .collect();
    assert_eq!(more, Vec::<i64>::new());
}

#[test]
fn a_failed_status_goes_through_the_same_table() {
    let webhook = include_str!("../../../tests/outbound/whatsapp/webhook_status_failed.json");
    let webhook: Value = serde_json::from_str(webhook).unwrap();
    let code = webhook.pointer("/entry/0/changes/0/value/statuses/0/errors/0/code").unwrap().as_i64().unwrap();
    assert_eq!((class_of(code), class_of(code).verdict()), (Class::WindowClosed, Verdict::Stop));
}

#[tokio::test]
async fn what_the_code_leaves_open_the_answer_decides() {
    let stub = WhatsAppStub::start().await;
    let client = client(&stub);
    let error = |code: i64| json!({ "error": { "message": "to +15550100123", "code": code } }).to_string();
    let passing = json!({ "error": { "code": 1, "is_transient": true } }).to_string();
    let wait = |seconds| Verdict::Wait(Duration::from_secs(seconds));
    let cases: Vec<(u16, Headers, String, Verdict)> = vec![
        // The code counts, whatever the status is.
        (500, &[], error(131026), Verdict::Stop),
        (500, &[], error(3), Verdict::Refused),
        (200, &[], error(131049), LATER),
        (400, &[], error(131000), Verdict::Retry),
        // No code that we know.
        (400, &[], error(999999), Verdict::Stop),
        (401, &[], error(999999), Verdict::Refused),
        (403, &[], String::new(), Verdict::Refused),
        (500, &[], error(1), Verdict::Unknown),
        (500, &[], passing.clone(), Verdict::Retry),
        (503, &[], passing, Verdict::Retry),
        (429, &[], "slow down".to_owned(), Verdict::Retry),
        (408, &[], String::new(), Verdict::Unknown),
        (502, &[], "<html>Bad Gateway</html>".to_owned(), Verdict::Unknown),
        (503, &[("retry-after", "7")], String::new(), Verdict::Unknown),
        (404, &[], "<html>Not Found</html>".to_owned(), Verdict::Refused),
        (302, &[("location", "/login")], String::new(), Verdict::Refused),
        // Accepted, perhaps: nobody can tell.
        (200, &[], "garbage".to_owned(), Verdict::Unknown),
        (200, &[], json!({ "messages": [] }).to_string(), Verdict::Unknown),
        (200, &[], json!({ "messages": [{ "id": "" }] }).to_string(), Verdict::Unknown),
        (200, &[], error(999999), Verdict::Unknown),
        // A wait that is asked for, within reason.
        (429, &[("retry-after", "7")], error(130429), wait(7)),
        (429, &[("retry-after", "0")], error(130429), wait(1)),
        (429, &[("retry-after", "999999")], error(130429), wait(3600)),
        (429, &[("retry-after", "Mon, 21 Sep 2026 14:13:40 GMT")], error(130429), wait(20)),
        (429, &[("retry-after", "7")], error(131048), LATER),
    ];
    for (status, headers, body, verdict) in cases {
        stub.answer_next(status, headers, &body);
        let error = client.send(now(), &text("Hello")).await.unwrap_err();
        assert_eq!(error.verdict(), verdict, "{status} {body}");
        assert!(!error.to_string().contains("0123") && !error.to_string().contains("html"), "{error}");
    }
}

#[tokio::test]
async fn what_meta_would_refuse_the_stub_refuses() {
    let stub = WhatsAppStub::start().await;
    let client = client(&stub);
    let class = async |message| client.send(now(), &message).await.unwrap_err().class();
    assert_eq!(class(text("Hello")).await, Some(Class::WindowClosed));
    assert_eq!(class(template("hello", &[])).await, Some(Class::Request));
    stub.open_window("15550100123");
    stub.approve("hello", "he", 1);
    assert_eq!(class(template("hello", &[])).await, Some(Class::Request));
    assert_eq!(class(template("hello", &["\n"])).await, Some(Class::Request));
    assert_eq!(stub.accepted(), Vec::<Value>::new());

    let sent = client.send(now(), &template("hello", &["Dana\n\tExample      Smith"])).await.unwrap();
    assert_eq!(sent, Sent { message_id: "wamid.STUB4".to_owned(), wa_id: Some(Phone::new("+15550100123")) });
    let parameter = &stub.accepted()[0]["template"]["components"][0]["parameters"][0]["text"];
    assert_eq!(parameter, "Dana Example Smith");
    client.send(now(), &text("Hello")).await.unwrap();
    stub.limit_per_recipient(2);
    assert_eq!(class(text("Hello")).await, Some(Class::Transient));
    assert_eq!(stub.accepted().len(), 2);

    let mut settings = client.settings().clone();
    settings.token = Secret::new("another");
    let stranger = Client::new(settings, Transport::new(Duration::from_secs(10)).unwrap());
    let error = stranger.send(now(), &text("Hello")).await.unwrap_err();
    assert_eq!(error, Error::Refused { class: Class::Credentials, code: Some(190), status: 401, wait: None });
}

#[tokio::test]
async fn what_can_never_pass_is_not_sent() {
    let stub = WhatsAppStub::start().await;
    let client = client(&stub);
    let long = "ש".repeat(4097);
    let callback = "x".repeat(513);
    let to = |number: &str| Message { to: Phone::new(number), ..text("Hello") };
    let from = |id| Message { from_phone_number_id: Some(id), ..text("Hello") };
    let cases = [
        (text(""), Class::Request),
        (text(" \n"), Class::Request),
        (text(&long), Class::Request),
        (Message { callback_data: &callback, ..text("Hello") }, Class::Request),
        (to(""), Class::Recipient),
        (to("anonymous"), Class::Recipient),
        (to("+1555"), Class::Recipient),
        (to("+15550100123x"), Class::Recipient),
        (template("", &[]), Class::Credentials),
        (from(""), Class::Credentials),
        (from("../me"), Class::Credentials),
    ];
    for (message, class) in cases {
        let error = client.send(now(), &message).await.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error}");
        assert_eq!((error.class(), error.verdict()), (Some(class), class.verdict()), "{error}");
    }
    assert!(stub.requests().is_empty());

    stub.open_window("15550100123");
    client.send(now(), &Message { callback_data: "", ..from("42") }).await.unwrap();
    let seen = stub.requests().remove(0);
    assert_eq!(seen.path, "/v23.0/42/messages");
    assert_eq!(seen.body.get("biz_opaque_callback_data"), None);
    client.send(now(), &text(&long[2..])).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_no_connection_is_not() {
    let stub = WhatsAppStub::start().await;
    stub.open_window("15550100123");
    let client = client_at(&stub.base_url, Duration::from_millis(400));
    client.send(now(), &text("over a connection that is kept")).await.unwrap();
    stub.drop_next();
    let error = client.send(now(), &text("Hello")).await.unwrap_err();
    assert_eq!((error, error.verdict()), (Error::Transport(TransportError::Broken), Verdict::Unknown));
    stub.hang_next();
    let error = client.send(now(), &text("Hello")).await.unwrap_err();
    assert_eq!((error, error.verdict()), (Error::Transport(TransportError::TimedOut), Verdict::Unknown));
    assert_eq!((error.class(), stub.accepted().len(), stub.requests().len()), (None, 3, 3));

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client_at(&format!("http://{nobody}"), Duration::from_secs(5)).send(now(), &text("Hello")).await;
    assert_eq!(error.unwrap_err().verdict(), Verdict::Retry);
    let error = client_at("not a URL", Duration::from_secs(5)).send(now(), &text("Hello")).await;
    assert_eq!(error.unwrap_err().verdict(), Verdict::Refused);
}

#[test]
fn without_a_token_nothing_is_configured() {
    let settings = client_at("", Duration::from_secs(1)).settings().clone();
    assert!(settings.is_configured());
    assert!(!Settings { token: Secret::default(), ..settings.clone() }.is_configured());
    assert!(!format!("{settings:?}").contains(TOKEN));
}
