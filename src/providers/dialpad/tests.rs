//! Dialpad's vectors and samples, and payloads that nobody should send.

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Dialpad;
use crate::dispatch::{Handler, Registry};
use crate::domain::{
    CallReport, CallStatus, Changes, Direction, Disposition, Durations, MessageStatus, RecordingKind, Weight,
};
use crate::inbox::Event;
use crate::providers::testing;
use crate::providers::{Credentials, Delivery, Document, Provider, Refusal, verify_webhook};
use crate::queue::Failure;
use crate::redact::{Hidden, Phone, Secret};

fn vectors(list: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/dialpad.json")).unwrap();
    vectors[list].as_array().unwrap().clone()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn ms(millis: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis)
}

/// Proves and reads a body, as the door does.
fn receive(body: &str, secret: &str, now: DateTime<Utc>) -> Result<Document, Refusal> {
    let headers = HeaderMap::new();
    let delivery = Delivery { query: "", headers: &headers, body: body.as_bytes() };
    let credentials = Credentials { secrets: vec![Secret::new(secret)], ..Credentials::default() };
    verify_webhook(&Dialpad, &delivery, &credentials, now)?;
    Document::read(&Dialpad, &delivery)
}

fn read(body: &str) -> Result<Document, Refusal> {
    Document::read(&Dialpad, &Delivery { query: "", headers: &HeaderMap::new(), body: body.as_bytes() })
}

fn event(document: &Document) -> Event {
    Event {
        id: Uuid::nil(),
        connection_id: Uuid::nil(),
        tenant_id: None,
        provider: "dialpad".to_owned(),
        event_type: document.envelope.event_type.clone(),
        external_event_id: document.external_event_id.clone(),
        occurred_at: document.envelope.occurred_at,
        received_at: at("2026-11-20T12:00:00Z"),
        attempts: 0,
        campaign_rank: None,
        connection_region: None,
        tenant_region: None,
        tenant_outreach_delay_ms: None,
        payload: Hidden::new(document.text.clone()),
        payload_removed: false,
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    Dialpad.register(&mut registry);
    registry.build().unwrap()
}

/// What the registered handler makes of an event; nothing where it is ignored.
fn handle(event: &Event) -> Result<Changes, Failure> {
    match registry().find("dialpad", &event.event_type) {
        Some(Handler::Pure(handler)) => handler(event),
        Some(Handler::Ignore(_)) => Ok(Changes::default()),
        other => panic!("{}: {other:?}", event.event_type),
    }
}

fn sample(number: &str) -> Document {
    let sample = Dialpad.samples().iter().find(|sample| sample.name.starts_with(number)).unwrap();
    read(sample.body).unwrap()
}

fn changes(number: &str) -> Changes {
    handle(&event(&sample(number))).unwrap()
}

fn call(number: &str) -> CallReport {
    changes(number).calls.remove(0)
}

fn call_of(payload: Value) -> CallReport {
    handle(&event(&read(&payload.to_string()).unwrap())).unwrap().calls.remove(0)
}

fn phone(text: &str) -> Option<Phone> {
    Some(Phone::new(text))
}

#[test]
fn good_tokens_pass_and_mean_their_claims() {
    for vector in vectors("positives") {
        let name = vector["name"].as_str().unwrap();
        let (body, secret) = (vector["body"].as_str().unwrap(), vector["secret"].as_str().unwrap());
        let document = receive(body, secret, at("2026-11-20T12:00:00Z")).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(document.payload, vector["claims"], "{name}");
        assert!(receive(body, "another secret", at("2026-11-20T12:00:00Z")).is_err(), "{name}");
    }
}

#[test]
fn bad_tokens_are_refused() {
    for vector in vectors("negatives") {
        let name = vector["name"].as_str().unwrap();
        let (body, secret) = (vector["body"].as_str().unwrap(), vector["secret"].as_str().unwrap());
        for now in [at("2021-01-02T00:00:00Z"), at("2026-11-20T12:00:00Z"), at("2098-12-31T00:00:00Z")] {
            let refusal = receive(body, secret, now).expect_err(name);
            // A good signature over something that is no JSON is a 400, all others are a 401.
            assert_eq!(matches!(refusal, Refusal::Unreadable(_)), name == "payload_not_json", "{name}: {refusal}");
        }
    }
}

#[test]
fn tokens_are_read_strictly() {
    let secret = Secret::new("dp_test");
    let now = at("2026-11-20T12:00:00Z");
    let good = Dialpad.sign(r#"{"call_id":1,"state":"calling"}"#, Some(&secret), now).body;
    assert!(receive(&good, "dp_test", now).is_ok());
    let unkeyed = Dialpad.sign(r#"{"call_id":1}"#, Some(&Secret::new("")), now).body;
    assert!(receive(&unkeyed, "", now).is_err(), "an empty secret proves nothing");
    let swapped = good.replace('.', "..");
    let last = good.chars().last().unwrap();
    // 256 bits leave two spare ones in the last letter; a token with those set would be a second name for the first.
    let spare = format!("{}{}", &good[..good.len() - 1], char::from(u8::try_from(last).unwrap() + 1));
    for bad in [format!("{good}="), format!("{good}\n"), format!(" {good}"), format!("{good}."), swapped, spare] {
        assert!(matches!(receive(&bad, "dp_test", now), Err(Refusal::NotProven(_))), "{bad}");
    }
}

#[test]
fn claimed_times_count_where_there_are_any() {
    let now = at("2026-11-20T12:00:00Z");
    let now_s = now.timestamp();
    for (claims, good) in [
        (json!({ "exp": now_s + 1 }), true),
        (json!({ "exp": now_s - 59 }), true),
        (json!({ "exp": now_s - 60 }), false),
        (json!({ "exp": "soon" }), false),
        (json!({ "exp": null }), false),
        (json!({ "nbf": now_s + 60 }), true),
        (json!({ "nbf": now_s as f64 + 60.5 }), false),
        (json!({ "iat": now_s + 9_000 }), true),
        (json!([1, 2]), true),
    ] {
        let body = Dialpad.sign(&claims.to_string(), Some(&Secret::new("dp_test")), now).body;
        assert_eq!(receive(&body, "dp_test", now).is_ok(), good, "{claims}");
    }
}

#[test]
fn without_a_secret_json_and_tokens_are_read_alike() {
    let json = r#"{"call_id":9223372036854775807,"state":"missed"}"#;
    let token = Dialpad.sign(json, Some(&Secret::new("dp_test")), at("2026-11-20T12:00:00Z")).body;
    for body in [json, &token] {
        let document = read(body).unwrap();
        assert_eq!(document.text, json);
        assert_eq!(document.envelope.subject.as_deref(), Some("9223372036854775807"));
    }
    assert!(Dialpad.accepts(Some("application/jwt")) && Dialpad.accepts(None));
}

#[test]
fn every_sample_has_its_event_type() {
    let expected = [
        ("01", "call.hangup", "4978137078431744", ms(1_582_853_818_129)),
        ("02", "call.hangup", "6421977457180672", ms(1_731_624_049_994)),
        ("03", "sms.inbound", "6095823680520192", ms(1_731_632_669_601)),
        ("04", "call.ringing", "5635304278851584", ms(1_787_158_716_604)),
        ("05", "call.calling", "5780000000000001", ms(1_788_254_100_200)),
        ("06", "call.ringing", "5780000000000001", ms(1_788_254_101_050)),
        ("07", "call.connected", "5780000000000002", ms(1_788_254_108_600)),
        ("08", "call.recording", "5780000000000001", ms(1_788_254_301_000)),
        ("09", "call.missed", "5780000000000001", ms(1_788_254_130_200)),
        ("10", "call.voicemail_uploaded", "5780000000000001", ms(1_788_254_160_000)),
        ("11", "contact.created", "5908860123456789", None),
        ("12", "agent_status", "6100000000000001", ms(1_788_254_000_150)),
        ("13", "sms.outbound", "6095823680520193", ms(1_788_254_003_000)),
        ("14", "call.recap_summary", "call-1", None),
        ("15", "call.transcription", "5780000000000001", ms(1_788_254_200_000)),
        ("16", "call.queued", "5780000000000001", ms(1_788_254_100_200)),
        ("17", "call.started", "c_8f2a", Some(at("2026-09-01T10:15:00Z"))),
        ("18", "call.ended", "c_8f2a", Some(at("2026-09-01T10:16:28Z"))),
    ];
    assert_eq!(expected.len(), testing::published(&Dialpad));
    for (number, event_type, subject, occurred_at) in expected {
        let envelope = sample(number).envelope;
        assert_eq!(envelope.event_type, event_type, "{number}");
        assert_eq!(envelope.subject.as_deref(), Some(subject), "{number}");
        assert_eq!(envelope.occurred_at, occurred_at, "{number}");
        assert_eq!(changes(number).notes, Vec::<String>::new(), "{number}");
    }
}

#[test]
fn other_kinds_are_named_and_unknown_ones_are_visible() {
    for (payload, event_type) in [
        (json!({ "event": "Deleted", "contact": { "id": "1" } }), "contact.deleted"),
        (json!({ "action": "x", "changed_by": {}, "date": 1 }), "change_log"),
        (json!({ "event_type": "sms.received", "payload": {} }), "sms.received"),
        (json!({ "event_type": "call.recording.completed" }), "call.recording.completed"),
        (json!({ "call_id": 1, "state": "teleported" }), "call.teleported"),
        (json!({ "from_number": "+15550100123", "to_number": [] }), "unrecognized"),
        (json!({ "call_id": 1 }), "unrecognized"),
        (json!([]), "unrecognized"),
    ] {
        assert_eq!(Dialpad.envelope(&payload).event_type, event_type);
    }
    assert!(registry().find("dialpad", "sms.received").is_none());
    assert!(matches!(handle(&event(&read("{}").unwrap())), Err(Failure::Dead(_))));
}

#[test]
fn an_answered_outbound_call() {
    let report = call("01");
    assert_eq!(report.status, Some(CallStatus::Ended));
    assert_eq!(report.disposition, Some(Disposition::Answered));
    assert_eq!(report.direction, Some(Direction::Outbound));
    assert_eq!((report.from, report.to), (phone("+16010123456"), phone("+16043111111")));
    assert_eq!(report.answered_at, ms(1_582_853_801_664));
    assert_eq!(report.ended_at, ms(1_582_853_818_129));
    let durations = Durations { total_ms: Some(19_304), talk_ms: Some(16_465) };
    assert_eq!(report.durations, Some((Weight::WHOLE, durations)));
    assert_eq!(report.agent_id.as_deref(), Some("5908860123456789"));
    assert_eq!(
        report.contact_name.map(|(weight, name)| (weight, name.into_exposed())),
        Some((Weight(3), "Test".to_owned()))
    );
    assert_eq!(report.parent_call_id, None);
}

#[test]
fn a_hangup_that_nobody_answered() {
    let report = call("02");
    assert_eq!(report.disposition, Some(Disposition::NoAnswer));
    assert_eq!((report.answered_at, report.agent_id), (None, None));
    assert_eq!(report.our_number, phone("+15105550187"));
    // "Alameda, CA" is where the number is from.
    assert_eq!(report.contact_name.map(|(weight, _)| weight), Some(Weight(1)));
    assert_eq!(report.contact_number, phone("+15105550145"));
    assert_eq!(call("09").disposition, Some(Disposition::NoAnswer));
}

#[test]
fn the_word_blocked_is_no_number_and_a_ringing_call_has_no_end() {
    let report = call("04");
    assert_eq!(report.status, Some(CallStatus::Ringing));
    assert_eq!((report.ended_at, report.durations, report.disposition), (None, None, None));
    assert_eq!((report.from, report.our_number), (phone("blocked"), phone("+12085550128")));
    assert_eq!(report.contact_name, None);
}

#[test]
fn legs_hang_together() {
    let report = call("07");
    assert_eq!(report.parent_call_id.as_deref(), Some("5780000000000001"));
    assert_eq!((report.status, report.disposition), (Some(CallStatus::InProgress), Some(Disposition::Answered)));
    assert_eq!(report.agent_name.map(|name| name.into_exposed()).as_deref(), Some("Alex"));
    assert_eq!(report.contact_email.map(|(weight, _)| weight), Some(Weight(3)));
    assert_eq!(call("16").status, Some(CallStatus::Queued));
    assert_eq!(call("05").status, Some(CallStatus::Initiated));
}

#[test]
fn recordings_come_once_each() {
    let report = call("08");
    assert_eq!((report.status, report.disposition), (Some(CallStatus::Ended), Some(Disposition::Answered)));
    assert_eq!(report.provider_status, None);
    let [recording] = report.recordings.as_slice() else { panic!("{:?}", report.recordings) };
    assert_eq!((recording.kind, recording.key.as_str()), (RecordingKind::Call, "4500000000000001"));
    assert_eq!((recording.duration_ms, recording.started_at), (Some(79_000), ms(1_788_254_109_000)));
    let report = call("10");
    assert_eq!(report.disposition, Some(Disposition::Voicemail));
    assert_eq!(report.durations, None);
    let [voicemail] = report.recordings.as_slice() else { panic!("{:?}", report.recordings) };
    assert_eq!((voicemail.kind, voicemail.key.as_str()), (RecordingKind::Voicemail, "4500000000000002"));
    let bare = call_of(json!({ "call_id": 1, "state": "recording", "recording_url": ["https://a.example.com/1", 2] }));
    assert_eq!(bare.recordings[0].key, "https://a.example.com/1");
    assert_eq!(bare.recordings.len(), 1);
}

#[test]
fn what_is_said_of_a_call_after_it() {
    let report = call("15");
    // A voicemail is transcribed too: a transcript does not say that somebody answered, or that nobody did.
    assert_eq!((report.status, report.disposition), (Some(CallStatus::Ended), None));
    let (weight, transcript) = report.transcript.unwrap();
    assert_eq!((weight, transcript.text.expose()), (Weight::WHOLE, "My laptop won't boot, please call back."));
    let report = call("14");
    assert_eq!(report.contact_number, phone("+15550112222"));
    let (weight, analysis) = report.analysis.unwrap();
    assert_eq!(weight, Weight::FINAL);
    assert!(analysis.summary.unwrap().expose().starts_with("Caller couldn't"));
    let data = analysis.data.unwrap();
    assert_eq!(data.expose(), &json!({ "recap_action_items": ["Follow up on VPN cert rotation"] }));
    let score = call_of(json!({ "call_id": 1, "state": "csat", "csat_score": "5", "labels": [] }));
    assert_eq!(score.analysis.map(|(weight, _)| weight), Some(Weight::PARTIAL));
}

#[test]
fn states_with_a_meaning_of_their_own() {
    let voicemail = call_of(json!({ "call_id": 1, "state": "voicemail", "direction": "inbound" }));
    assert_eq!((voicemail.status, voicemail.disposition), (Some(CallStatus::Ringing), Some(Disposition::Voicemail)));
    let blocked = call_of(json!({ "call_id": 1, "state": "blocked", "direction": "inbound" }));
    assert_eq!((blocked.status, blocked.disposition), (Some(CallStatus::Ended), None));
    let noted = json!({ "call_id": 1, "state": "dispositions", "call_dispositions": ["sale"] });
    assert_eq!(call_of(noted.clone()).status, None);
    let mut after = noted;
    after["date_ended"] = json!(1_788_254_140_000_i64);
    assert_eq!(call_of(after).status, Some(CallStatus::Ended));
    let internal = json!({ "call_id": 1, "state": "hangup", "direction": "inbound", "is_internal": true,
        "external_number": "+15550100123", "contact": { "name": "A Colleague" } });
    let internal = call_of(internal);
    assert_eq!((internal.direction, internal.contact_number), (Some(Direction::Internal), None));
    assert_eq!((internal.contact_name, internal.from), (None, phone("+15550100123")));
}

#[test]
fn the_in_house_form() {
    let report = call("17");
    assert_eq!((report.call_id.as_str(), report.status), ("c_8f2a", Some(CallStatus::Initiated)));
    let report = call("18");
    assert_eq!((report.status, report.disposition), (Some(CallStatus::Ended), Some(Disposition::Answered)));
    assert_eq!(report.ended_at, Some(at("2026-09-01T10:16:28Z")));
    assert_eq!(report.durations.unwrap().1.total_ms, Some(88_000));
    assert_eq!((report.from, report.to), (phone("+972502345678"), phone("+97237654321")));
    let missed = json!({ "event_type": "call.missed", "payload": { "call": { "id": "c_1", "direction": "inbound" } } });
    assert_eq!(call_of(missed).disposition, Some(Disposition::NoAnswer));
    let recording = json!({ "event_type": "call.recording.completed",
        "payload": { "call": { "id": "c_1", "recording_url": "https://a.example.com/1" } } });
    assert_eq!(call_of(recording).recordings.len(), 1);
}

#[test]
fn messages() {
    let inbound = changes("03").messages.remove(0);
    assert_eq!((inbound.channel, inbound.direction), ("sms", Direction::Inbound));
    assert_eq!((inbound.status, inbound.error), (Some(MessageStatus::Received), None));
    assert_eq!((inbound.from, inbound.to), (phone("+15105550199"), phone("+15105550187")));
    assert_eq!(inbound.sent_at, ms(1_731_632_669_183));
    let failed = changes("13").messages.remove(0);
    assert_eq!((failed.status, failed.error.as_deref()), (Some(MessageStatus::Failed), Some("invalid_destination")));
}

#[test]
fn a_contact_is_one_person_with_many_numbers() {
    let contacts = changes("11").contacts;
    assert_eq!(contacts.iter().map(|it| it.phone.expose()).collect::<Vec<_>>(), ["+16043111111", "+16043111112"]);
    assert!(contacts.iter().all(|it| it.name.as_ref().unwrap().1.expose() == "sample test"));
    assert!(contacts.iter().all(|it| it.email.as_ref().unwrap().1.expose() == "sample@example.com"));
}

#[test]
fn hostile_values_never_panic() {
    let values = [
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1.7e308),
        json!("\u{202e}\0 text, XX"),
        json!("x".repeat(5_000)),
        json!([]),
        json!([[[{}]], {}, null, 1, "a"]),
        json!({ "id": [], "name": {}, "phone": 1e300, "type": "user", "call": [], "status": {} }),
    ];
    let mut keys = vec!["event_type".to_owned(), "payload".to_owned(), "event".to_owned()];
    for sample in Dialpad.samples() {
        let payload: Value = serde_json::from_str(sample.body).unwrap();
        keys.extend(payload.as_object().unwrap().keys().cloned());
    }
    let registry = registry();
    for value in &values {
        let mut payload: Value = keys.iter().map(|key| (key.clone(), value.clone())).collect();
        for is_a_call in [false, true] {
            if is_a_call {
                (payload["state"], payload["call_id"]) = (json!("hangup"), json!(1));
            }
            let document = read(&payload.to_string()).unwrap();
            for (_, _, handler) in registry.routes() {
                if let Handler::Pure(handler) = handler {
                    drop(handler(&event(&document)));
                }
            }
        }
    }
    let deep = format!("{{\"call_id\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(matches!(read(&deep), Err(Refusal::Unreadable(_))));
}
