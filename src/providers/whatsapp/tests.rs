//! WhatsApp: signatures, the handshake, names of events, translation of every sample.

use serde_json::{Value, json};

use super::WhatsApp;
use crate::domain::{Changes, ContactReport, Direction, MessageReport, MessageStatus, Weight};
use crate::providers::crypto::sha256_hex;
use crate::providers::testing::{
    at, death, document, handle, headers, headers_of, published, sample, spoil_every_field,
};
use crate::providers::{Credentials, Delivery, Document, Handshake, Provider, verify_webhook};
use crate::redact::{PersonName, Phone, Secret, Spoken};

const VECTORS: &str = include_str!("../../../tests/vectors/whatsapp.json");

fn vectors(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    file[kind].as_array().unwrap().clone()
}

fn changes_of(name: &str) -> Changes {
    handle(&WhatsApp, &document(&WhatsApp, sample(&WhatsApp, name).body).payload).unwrap().unwrap()
}

fn message_of(name: &str) -> MessageReport {
    let changes = changes_of(name);
    assert_eq!((changes.messages.len(), &changes.notes), (1, &Vec::new()), "{name}");
    changes.messages.into_iter().next().unwrap()
}

fn said(report: &MessageReport) -> Option<&str> {
    report.body.as_ref().map(Spoken::expose)
}

/// A delivery with this one message.
fn with_message(message: Value) -> Value {
    let value = json!({ "metadata": { "display_phone_number": "15550109999" }, "messages": [message] });
    json!({ "object": "whatsapp_business_account", "entry": [{ "changes": [{ "field": "messages", "value": value }] }] })
}

#[test]
fn every_vector_is_judged_right() {
    let (good, bad) = (vectors("positives"), vectors("negatives"));
    assert!(good.len() >= 5 && bad.len() >= 7);
    for vector in good.iter().chain(&bad) {
        let name = vector["name"].as_str().unwrap();
        let given = vector["header"].as_object().unwrap();
        let headers = headers(given.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
        let body = vector["body"].as_str().unwrap().as_bytes();
        let delivery = Delivery { query: "", headers: &headers, body };
        let secrets = vec![Secret::new("secret of another app"), Secret::new(vector["secret"].as_str().unwrap())];
        let credentials = Credentials { secrets, ..Credentials::default() };
        // Upper-case digits are left to us ("policy"); Meta sends none, so they are refused.
        let expected = (vector["expect"] == "accept").then_some(());
        let now = at("2026-09-01T00:00:00Z").unwrap();
        assert_eq!(verify_webhook(&WhatsApp, &delivery, &credentials, now).ok(), expected, "{name}");
    }
}

#[test]
fn what_it_signs_it_believes() {
    let (secret, now) = (Secret::new("9f86d081884c7d659a2feaa0c55ad015"), at("2026-09-01T00:00:00Z").unwrap());
    let headers = headers_of(&WhatsApp.sign("{}", Some(&secret), now));
    let delivery = |body| Delivery { query: "", headers: &headers, body };
    assert!(WhatsApp.check(&delivery(b"{}"), &secret, now).is_ok());
    assert!(WhatsApp.check(&delivery(b"{ }"), &secret, now).is_err());
    assert!(WhatsApp.check(&delivery(b"{}"), &Secret::new("x"), now).is_err());
    assert!(WhatsApp.sign("{}", None, now).headers.is_empty());
}

#[test]
fn every_handshake_is_read_right() {
    for vector in vectors("get_verification") {
        let read = WhatsApp.handshake(vector["query"].as_str().unwrap()).unwrap();
        let expected = vector["body"].as_str().map(|challenge| Handshake {
            token: Secret::new(vector["verify_token"].as_str().unwrap()),
            challenge: challenge.to_owned(),
        });
        assert_eq!(read.ok(), expected, "{}", vector["name"]);
    }
    for nothing in ["", "x=1", "token=t", "phone=1"] {
        assert_eq!(WhatsApp.handshake(nothing), None, "{nothing}");
    }
    for half in ["hub.mode=subscribe", "hub.challenge=1&hub.verify_token=t", "hub.mode=subscribe&hub.challenge=1"] {
        assert!(WhatsApp.handshake(half).unwrap().is_err(), "{half}");
    }
    let long = format!("hub.mode=subscribe&hub.verify_token=t&hub.challenge={}", "1".repeat(1_025));
    assert!(WhatsApp.handshake(&long).unwrap().is_err());
}

#[test]
fn every_sample_has_its_event_type() {
    let (first, sent) = ("wamid.HBgMOTcyNTAyMzQ1Njc4FQIAEhgUM0E1", "wamid.HBgMOTcyNTAyMzQ1Njc4FQIAERgSQUE3");
    let expected = [
        ("01", "messages", Some(first), at("2026-09-01T09:15:00Z")),
        ("02", "messages", Some("wamid.HBgMOTcyNTAyMzQ1Njc4FQIAEhgUM0E2"), at("2026-09-01T09:15:01Z")),
        ("03", "statuses", Some(sent), at("2026-09-01T09:16:40Z")),
        ("derived_edit", "messages", Some(first), at("2026-09-01T09:16:00Z")),
        ("derived_status_read", "statuses", Some(sent), at("2026-09-01T09:17:40Z")),
        // The last of what it tells.
        ("derived_batch", "messages", Some("wamid.HBgLMTU1NTAxMDAxMjMVAgASGBQzQTCA"), at("2026-09-01T09:47:10Z")),
        ("derived_user_preferences", "user_preferences", None, at("2026-09-01T09:34:10Z")),
        (
            "derived_smb",
            "smb_message_echoes",
            Some("wamid.HBgLMTU1NTAxMDAxMjQVAgARGBJFQ0hP"),
            at("2026-09-01T09:35:00Z"),
        ),
        ("derived_account", "account_update", None, None),
    ];
    assert_eq!(published(&WhatsApp), 3);
    for (name, event_type, subject, occurred_at) in expected {
        let Document { envelope, .. } = document(&WhatsApp, sample(&WhatsApp, name).body);
        let found = (envelope.event_type.as_str(), envelope.subject.as_deref(), envelope.occurred_at);
        let subject = subject.map(|id| sha256_hex(id.as_bytes())[..24].to_owned());
        assert_eq!(found, (event_type, subject.as_deref(), occurred_at), "{name}");
    }
    for nothing in [json!({}), json!([]), json!({ "object": "page" }), json!({ "object": "whatsapp_business_account" })]
    {
        assert!(death(&WhatsApp, &nothing).starts_with("not a WhatsApp webhook"), "{nothing}");
    }
}

#[test]
fn a_message_that_came_in() {
    let hebrew = message_of("02");
    assert_eq!(
        hebrew,
        MessageReport {
            at: at("2026-09-01T09:15:01Z"),
            message_id: "wamid.HBgMOTcyNTAyMzQ1Njc4FQIAEhgUM0E2".to_owned(),
            channel: "whatsapp",
            direction: Direction::Inbound,
            from: Some(Phone::new("+972502345678")),
            to: Some(Phone::new("+972771234567")),
            contact_name: Some((Weight(1), PersonName::new("דנה כהן"))),
            body: Some(Spoken::new("שלום, אפשר פרטים? 😀 https://example.com/a")),
            status: Some(MessageStatus::Received),
            error: None,
            sent_at: at("2026-09-01T09:15:01Z"),
            callback_data: None,
        }
    );
    // Somebody who shows no number is kept by what there is of them.
    let nameless = message_of("derived_username");
    assert_eq!(nameless.from, Some(Phone::new("US.13491208655302741918")));
    assert_eq!(nameless.contact_name, Some((Weight(1), PersonName::new("Third Person"))));
}

#[test]
fn an_id_of_old_is_the_number_of_today() {
    for (id, phone) in [
        ("15550100123", "+15550100123"),
        ("972502345678", "+972502345678"),
        ("5215550100123", "+525550100123"),
        ("525550100123", "+525550100123"),
        ("551185550100", "+5511985550100"),
        ("5511985550100", "+5511985550100"),
        ("551125550100", "+551125550100"),
        ("US.5215550100123", "US.5215550100123"),
        ("é5550100123", "é5550100123"),
    ] {
        let message = json!({ "id": "m", "from": id, "type": "text", "text": { "body": "hi" } });
        let changes = handle(&WhatsApp, &with_message(message)).unwrap().unwrap();
        assert_eq!(changes.messages[0].from, Some(Phone::new(phone)), "{id}");
    }
}

#[test]
fn what_a_message_says() {
    for (name, words) in [
        ("derived_button", "Stop promotions"),
        ("derived_interactive", "Thursday at half past nine"),
        ("derived_reaction", "[reaction 👍]"),
        ("derived_unsupported", "[unsupported]"),
        ("derived_edit", "Hello, about the apartment"),
        ("derived_revoke", "[deleted]"),
        ("derived_smb", "We have moved it to Friday."),
    ] {
        assert_eq!(said(&message_of(name)), Some(words), "{name}");
    }
    for (message, words) in [
        (json!({ "type": "image", "image": { "id": "1" } }), "[image]"),
        (json!({ "type": "document", "document": { "caption": "the plan" } }), "the plan"),
        (json!({ "type": "interactive", "interactive": { "type": "nfm_reply" } }), "[interactive]"),
        (json!({ "type": "order", "order": { "text": "two please" } }), "two please"),
        (json!({ "type": "reaction", "reaction": { "emoji": "" } }), "[reaction]"),
        (json!({ "type": "a kind: with more" }), "[message]"),
    ] {
        let mut message = message;
        message["id"] = json!("m");
        let changes = handle(&WhatsApp, &with_message(message.clone())).unwrap().unwrap();
        assert_eq!(said(&changes.messages[0]), Some(words), "{message}");
    }
    // The original's time is not known from its edit.
    assert_eq!((message_of("derived_edit").sent_at, message_of("derived_edit").at), (None, at("2026-09-01T09:16:00Z")));
}

#[test]
fn how_a_message_of_ours_fares() {
    let sent = message_of("derived_status_sent");
    assert_eq!((sent.direction, sent.status), (Direction::Outbound, Some(MessageStatus::Sent)));
    assert_eq!((sent.from, sent.to), (Some(Phone::new("+972771234567")), Some(Phone::new("+972502345678"))));
    assert_eq!(sent.callback_data.as_deref(), Some("0199a4c2-7d10-7c3e-8f21-5a0b6c7d8e9f"));
    let failed = message_of("03");
    assert_eq!((failed.status, failed.error.as_deref()), (Some(MessageStatus::Failed), Some("131047")));
    assert_eq!((failed.message_id, failed.body), (sent.message_id, None));
    for (name, status) in [
        ("derived_status_delivered", MessageStatus::Delivered),
        ("derived_status_read", MessageStatus::Read),
        ("derived_status_played", MessageStatus::Played),
    ] {
        assert_eq!(message_of(name).status, Some(status), "{name}");
    }
    let echo = message_of("derived_smb");
    assert_eq!((echo.direction, echo.to), (Direction::Outbound, Some(Phone::new("+15550100124"))));
}

#[test]
fn several_things_in_one_delivery() {
    let changes = changes_of("derived_batch");
    let words: Vec<_> = changes.messages.iter().map(|message| said(message).unwrap_or_default()).collect();
    assert_eq!(
        words,
        ["Here is the picture", "the roof, from the street", "[audio]", "Stop", "start", "", "", "", "[location]"]
    );
    let name_of = |place: usize| changes.messages[place].contact_name.clone();
    assert_eq!(name_of(1), Some((Weight(1), PersonName::new("Fifth Person"))));
    assert_eq!(name_of(2), Some((Weight(1), PersonName::new("Sixth Person"))));
    assert_eq!(changes.messages[3].at, at("2026-09-01T09:46:44Z"));
    assert_eq!(changes.messages[7].error.as_deref(), Some("131026"));
    assert_eq!(changes.notes, ["WhatsApp reports error 130429", "skipped a change of another field"]);
}

#[test]
fn switches_of_whatsapp_are_opt_outs() {
    let switched = |phone: &str, when: &str, opt_out| ContactReport {
        at: at(when),
        phone: Phone::new(phone),
        our_number: Some(Phone::new("+15550109999")),
        opt_out: Some(opt_out),
        ..ContactReport::default()
    };
    assert_eq!(
        changes_of("derived_user_preferences").contacts,
        [
            switched("+15550100128", "2026-09-01T09:34:00Z", true),
            switched("+15550100125", "2026-09-01T09:34:10Z", false)
        ]
    );
    let refused = changes_of("derived_status_opted_out");
    assert_eq!(refused.contacts, [switched("+15550100125", "2026-09-01T09:20:00Z", true)]);
    assert_eq!(refused.messages[0].error.as_deref(), Some("131050"));
    let system = changes_of("derived_system");
    assert_eq!(system.contacts, [switched("+15550100127", "2026-09-01T09:33:10Z", true)]);
    assert_eq!(system.messages, []);
    assert_eq!(system.notes, ["a person has another number now, and is another lead by it", "a chat was opened"]);
}

#[test]
fn one_bad_message_does_not_cost_the_others() {
    let mut body = with_message(json!({ "type": "text", "text": { "body": "no id" } }));
    let good = json!({ "id": "m2", "type": "text", "text": { "body": "hello" }, "timestamp": "soon" });
    body["entry"][0]["changes"][0]["value"]["messages"].as_array_mut().unwrap().extend([json!(7), good]);
    let changes = handle(&WhatsApp, &body).unwrap().unwrap();
    assert_eq!(changes.messages.len(), 1);
    assert_eq!(
        changes.notes,
        [
            "skipped a message without an id",
            "skipped entry.changes.value.messages.timestamp: not a time between 2000 and 2100"
        ]
    );
}

#[test]
fn hostile_bodies_do_no_harm() {
    spoil_every_field(&WhatsApp);
}
