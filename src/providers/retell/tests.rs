//! Retell AI: signatures, names of events, translation of every sample.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta};
use serde_json::json;

use super::Retell;
use crate::domain::{CallStatus, Changes, Cost, Direction, Disposition, Durations, Hangup, Sentiment, Weight};
use crate::providers::testing::{
    at, death, document, event, handle, headers, headers_of, published, report, report_of, sample, spoil_every_field,
    vectors,
};
use crate::providers::{Acknowledgement, Credentials, Delivery, Document, Provider, verify_webhook};
use crate::redact::{Email, PersonName, Phone, Secret};

const VECTORS: &str = include_str!("../../../tests/vectors/retell.json");

#[test]
fn every_vector_is_judged_right() {
    for vector in vectors(VECTORS) {
        let id = vector["id"].as_str().unwrap();
        let headers = headers([(vector["header_name"].as_str().unwrap(), vector["header_value"].as_str().unwrap())]);
        let body = BASE64.decode(vector["body_base64"].as_str().unwrap()).unwrap();
        let delivery = Delivery { query: "", headers: &headers, body: &body };
        let other = Secret::new("key_of_another_workspace");
        let secret = Secret::new(vector["secret"].as_str().unwrap());
        let credentials = Credentials { secrets: vec![other, secret], ..Credentials::default() };
        let now = DateTime::from_timestamp_millis(vector["now_ms"].as_i64().unwrap()).unwrap();
        // Where the SDKs differ, as the stricter one does: upper-case keys were never seen from Retell.
        let expected = (vector["expect"] == "accept").then_some(());
        assert_eq!(verify_webhook(&Retell, &delivery, &credentials, now).ok(), expected, "{id}");
    }
}

#[test]
fn what_it_signs_it_believes_for_five_minutes() {
    let secret = Secret::new("key_0123456789abcdef");
    let signed_at = at("2026-10-01T10:00:00Z").unwrap();
    let headers = headers_of(&Retell.sign("{}", Some(&secret), signed_at));
    let delivery = Delivery { query: "", headers: &headers, body: b"{}" };
    for (age_ms, passes) in [(0, true), (300_000, true), (300_001, false), (-300_000, true), (-300_001, false)] {
        let now = signed_at + TimeDelta::milliseconds(age_ms);
        assert_eq!(Retell.check(&delivery, &secret, now).is_ok(), passes, "{age_ms}");
    }
    assert!(Retell.sign("{}", None, signed_at).headers.is_empty());
    let overlong = format!("v={},d={}", "9".repeat(30), "0".repeat(64));
    for value in [overlong.as_str(), "v=-1,d=0", "v=+1,d=0", "v=,d="] {
        let headers = crate::providers::testing::headers([("X-Retell-Signature", value)]);
        let delivery = Delivery { query: "", headers: &headers, body: b"{}" };
        assert!(Retell.check(&delivery, &secret, signed_at).is_err(), "{value}");
    }
}

#[test]
fn every_sample_has_its_event_type() {
    let jabr = Some("Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6");
    let friseur = Some("call_a3d98bb4522f6f1e0bfac5964b1");
    let mindflow = Some("call_8b4ae1c23f55e5126bc4bd42684");
    let expected = [
        ("01", "call_started", jabr, Some(1_703_302_407_333)),
        ("02", "call_ended", jabr, Some(1_714_608_491_736)),
        ("03", "call_analyzed", jabr, Some(1_703_302_428_855)),
        ("04", "call_analyzed", friseur, Some(1_761_297_706_005)),
        ("05", "transfer_started", jabr, None),
        ("06", "transcript_updated", mindflow, Some(1_778_699_000_000)),
        ("07", "call_inbound", None, Some(1_780_012_672_105)),
        ("10", "chat_inbound", None, None),
        ("11", "function", jabr, None),
        ("12", "alert_triggered", Some("alert_incident_0b1c2d3e4f5g6h7i8j9k0l1m"), Some(1_714_608_475_945)),
        ("13", "call_analyzed", mindflow, Some(1_778_699_295_274)),
        ("14", "call_ended", jabr, Some(1_703_302_430_000)),
        ("15", "chat_analyzed", jabr, Some(1_703_302_428_855)),
        ("16", "call_ended", friseur, Some(1_761_297_707_112)),
        ("17", "call_analyzed", Some("call_123"), Some(1_760_000_154_400)),
        ("18", "call_ended", Some("call_b7559010ef20eb3a8e72252a524"), Some(1_778_331_743_874)),
        ("19", "call_inbound", None, None),
    ];
    assert_eq!(expected.len(), published(&Retell));
    for (name, event_type, subject, occurred_at) in expected {
        let Document { envelope, payload, .. } = document(&Retell, sample(&Retell, name).body);
        assert_eq!(envelope.event_type, event_type, "{name}");
        assert_eq!(envelope.subject.as_deref(), subject, "{name}");
        assert_eq!(envelope.occurred_at.map(|at| at.timestamp_millis()), occurred_at, "{name}");
        if let Some(changes) = handle(&Retell, &payload) {
            assert_eq!(changes.unwrap().notes, Vec::<String>::new(), "{name}");
        }
    }
}

#[test]
fn questions_before_a_call_are_answered() {
    let answer = |name| Retell.acknowledge(&document(&Retell, sample(&Retell, name).body).payload);
    assert_eq!(answer("07"), Acknowledgement::Fixed(json!({ "call_inbound": {} })));
    assert_eq!(answer("10"), Acknowledgement::Fixed(json!({ "chat_inbound": {} })));
    assert_eq!(answer("01"), Acknowledgement::Ours);
}

#[test]
fn what_is_not_an_event_is_told_apart() {
    for unknown in [json!({}), json!([]), json!("call_ended"), json!({ "name": "f" }), json!({ "event": {} })] {
        assert!(death(&Retell, &unknown).starts_with("not a Retell webhook"), "{unknown}");
    }
    assert_eq!(death(&Retell, &json!({ "event": "call_ended", "call": {} })), "call.call_id is missing");
}

#[test]
fn a_call_that_has_begun() {
    let call = report_of(&Retell, "01");
    assert_eq!((call.status, call.direction), (Some(CallStatus::InProgress), Some(Direction::Outbound)));
    assert_eq!(call.answered_at, at("2023-12-23T03:33:27.333Z"));
    // A machine may have taken it, and `answered` could never be taken back.
    assert_eq!(call.disposition, None);
    assert_eq!((call.from, call.to), (Some(Phone::new("+12137771234")), Some(Phone::new("+12137771235"))));
}

#[test]
fn a_call_that_has_ended() {
    let call = report_of(&Retell, "04");
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), Some(Disposition::Answered)));
    assert_eq!(call.agent_name, Some(PersonName::new("Conversation Flow Agent Friseur 1")));
    assert_eq!((call.answered_at, call.ended_at), (at("2025-10-24T09:21:10.702Z"), at("2025-10-24T09:21:46.005Z")));
    let durations = Durations { total_ms: Some(35_303), talk_ms: Some(35_303) };
    assert_eq!(call.durations, Some((Weight::WHOLE, durations)));
    let hangup = Hangup { by: Some("contact".to_owned()), reason: Some("user_hangup".to_owned()) };
    assert_eq!(call.hangup, Some(hangup));
    assert_eq!(call.cost, Some((Weight::WHOLE, Cost { amount: 4.56, unit: "usd_cents" })));
    let (_, transcript) = call.transcript.unwrap();
    let tools: Vec<_> = transcript.turns.iter().filter(|turn| turn.role == "tool").collect();
    assert_eq!((transcript.turns.len(), tools.len()), (10, 2));
    assert_eq!((tools[1].text.expose(), tools[1].at_ms), ("check_availability_v17", Some(17_041)));
    let (_, analysis) = call.analysis.unwrap();
    assert_eq!((analysis.sentiment, analysis.successful), (Some(Sentiment::Negative), Some(false)));
    // `[]` is how PHP writes an empty object.
    assert_eq!(analysis.data, None);
    let ended = report_of(&Retell, "16");
    assert_eq!((ended.call_id, ended.analysis), (call.call_id, None));
}

#[test]
fn what_the_analysis_and_the_variables_say() {
    let (_, analysis) = report_of(&Retell, "17").analysis.unwrap();
    assert_eq!(analysis.data.unwrap().expose()["budget_aed"], 95_000);
    let call = report_of(&Retell, "18");
    assert_eq!(call.contact_name, Some((Weight(1), PersonName::new("Ana Exemplo"))));
    assert_eq!(call.contact_email, Some((Weight(1), Email::new("ana@example.com"))));
    assert_eq!(call.from, Some(Phone::new("11111")));
    let web = report_of(&Retell, "14");
    assert_eq!((web.direction, web.from), (Some(Direction::Inbound), None));
}

#[test]
fn a_call_that_was_never_connected() {
    let call = report_of(&Retell, "13");
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), Some(Disposition::Failed)));
    assert_eq!((call.initiated_at, call.answered_at, call.transcript), (None, None, None));
    // It has no times of its own; the event has.
    assert_eq!(call.ended_at, at("2026-05-13T19:08:15.274Z"));
    for (reason, status, disposition) in [
        ("dial_no_answer", "not_connected", Disposition::NoAnswer),
        ("dial_busy", "not_connected", Disposition::Busy),
        ("user_declined", "not_connected", Disposition::Busy),
        ("dial_failed", "not_connected", Disposition::Failed),
        ("voicemail_reached", "ended", Disposition::Voicemail),
        ("error_llm_websocket_open", "error", Disposition::Failed),
        ("a_reason_of_next_year", "ended", Disposition::Answered),
        ("a_reason_of_next_year", "not_connected", Disposition::NoAnswer),
    ] {
        let body = json!({ "event": "call_ended",
            "call": { "call_id": "c", "call_status": status, "disconnection_reason": reason } });
        assert_eq!(report(&Retell, &body).disposition, Some(disposition), "{reason}");
    }
}

#[test]
fn partial_transcripts_come_with_the_call() {
    let call = report_of(&Retell, "06");
    assert_eq!(call.status, Some(CallStatus::InProgress));
    let (weight, transcript) = call.transcript.unwrap();
    assert_eq!((weight, transcript.turns.len()), (Weight::PARTIAL, 3));
    assert_eq!(transcript.turns[0].at_ms, Some(400));
    let call = report_of(&Retell, "05");
    assert_eq!((call.status, call.transcript), (Some(CallStatus::InProgress), None));
}

#[test]
fn a_chats_transcript_is_no_call() {
    let chat =
        json!({ "event": "transcript_updated", "chat": { "chat_id": "x", "start_timestamp": 1_703_302_407_333u64 } });
    let envelope = Retell.envelope(&chat);
    assert_eq!((envelope.subject.as_deref(), envelope.occurred_at), (Some("x"), at("2023-12-23T03:33:27.333Z")));
    let changes = handle(&Retell, &chat).unwrap().unwrap();
    let expected = Changes::at(envelope.occurred_at).notes(vec!["a text chat, not a call".to_owned()]);
    assert_eq!(changes, expected);
}

#[test]
fn one_recording_has_one_key() {
    let with_url = |url: &str| json!({ "event": "call_ended", "call": { "call_id": "c", "recording_url": url } });
    let [first, second] = ["https://example.com/c/recording.wav?sig=1", "https://example.com/c/recording.wav?sig=2"]
        .map(|url| report(&Retell, &with_url(url)).recordings.remove(0));
    assert_eq!(first.key, second.key);
    assert_eq!(second.url.as_deref(), Some("https://example.com/c/recording.wav?sig=2"));
    // A text that reads as an id must not name a recording of somebody else's.
    let id = with_url("8f6f0a2e-5d1c-4b7a-9c3e-51f26d84a0b7");
    assert!(report(&Retell, &id).recordings.is_empty());
}

#[test]
fn hostile_bodies_do_no_harm() {
    spoil_every_field(&Retell);
    let mut deep = event(&Retell, &json!({ "event": "call_ended" }));
    deep.payload = crate::redact::Hidden::new("[".repeat(100_000));
    assert!(super::translate::call_ended(&deep).is_err());
}
