//! Bolna: proof by token, names of events, translation of every sample.

use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Bolna;
use crate::config::Config;
use crate::crypto::DigestKey;
use crate::domain::{
    CallReport, CallRow, CallStatus, Cost, Direction, Directory, Disposition, Durations, Hangup, Resolver, TenantFacts,
    Weight,
};
use crate::providers::testing::{
    at, death, document, event, handle, headers, headers_of, published, report, report_of, sample, spoil_every_field,
    vectors,
};
use crate::providers::{Credentials, Delivery, Document, Provider, sha256_hex, verify_webhook};
use crate::redact::{Email, PersonName, Phone, Secret};

const VECTORS: &str = include_str!("../../../tests/vectors/bolna.json");

#[test]
fn every_vector_is_judged_right_as_far_as_the_token_goes() {
    for vector in vectors(VECTORS) {
        let id = vector["id"].as_str().unwrap();
        let pairs = vector["headers"].as_object().unwrap();
        let headers = headers(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
        let delivery = Delivery { query: "", headers: &headers, body: vector["body"].as_str().unwrap().as_bytes() };
        let required = &vector["config"]["required_header"];
        let value = required["value"].as_str().map(Secret::new);
        // A source that asks for nothing, or for an address alone, says so in so many words.
        let allow_unsigned = value.is_none();
        let named = Credentials {
            header: required["name"].as_str().map(str::to_owned).zip(value.clone()),
            allow_unsigned,
            ..Credentials::default()
        };
        let as_secret = Credentials { secrets: value.into_iter().collect(), allow_unsigned, ..Credentials::default() };
        // Addresses are looked at by the door, so a vector that fails by its address alone passes here.
        let addresses = vector["config"]["allowed_ips"].as_array();
        let by_address = addresses.is_some_and(|allowed| !allowed.contains(&vector["remote_addr"]));
        let passes = vector["expect"] == "accept" || by_address;
        for credentials in [named, as_secret] {
            assert_eq!(verify_webhook(&Bolna, &delivery, &credentials, Default::default()).is_ok(), passes, "{id}");
        }
    }
}

#[test]
fn a_token_comes_as_a_header_a_bearer_or_in_the_query() {
    let (secret, other) = (Secret::new("tok_0123456789abcdef"), Secret::new("tok"));
    let own = headers_of(&Bolna.sign("{}", Some(&secret), Default::default()));
    let bearer = headers([("Authorization", "Bearer tok_0123456789abcdef")]);
    let none = headers([]);
    for (query, headers) in [("", &own), ("", &bearer), ("a=b&token=tok_0123456789abcdef", &none)] {
        let delivery = Delivery { query, headers, body: b"{}" };
        assert!(Bolna.check(&delivery, &secret, Default::default()).is_ok());
        assert!(Bolna.check(&delivery, &other, Default::default()).is_err());
    }
    let delivery = Delivery { query: "", headers: &none, body: b"{}" };
    assert!(Bolna.check(&delivery, &secret, Default::default()).is_err());
    let by_url = Credentials { url_is_secret: true, ..Credentials::default() };
    assert!(verify_webhook(&Bolna, &delivery, &by_url, Default::default()).is_err(), "it lacks the token");
}

#[test]
fn every_sample_has_its_event_type() {
    let expected = [
        ("01", "completed", Some("b7140255-af33-4608-8e97-04dd944b8e48"), None),
        ("02", "completed", Some("7432382142914"), at("2024-01-29T18:31:22Z")),
        ("03", "completed", Some("7e8391e5-dd-4d3b-ddd-dfe255c71848"), at("2025-11-19T08:49:25.219095Z")),
        ("04", "busy", Some("f29f0606-e553-4f3a-840e-7f2df54a31d8"), at("2025-08-14T14:05:43.693128Z")),
        ("05", "call-disconnected", Some("f966c69e-6d26-4853-a837-c45e7d193048"), at("2025-08-14T14:46:32.144971Z")),
        ("06", "completed", Some("6c972873-19b2-44b0-a6bf-d4f690a7a9cf"), at("2026-01-28T13:19:08.672994Z")),
        ("07", "completed", Some("f56b9de9-061b-4842-94fc-aa6347725ad2"), at("2026-01-16T05:21:53.692367Z")),
        ("08", "scheduled", Some("execution-id"), at("2026-01-26T10:30:00Z")),
        ("09", "in-progress", Some("b7140255-af33-4608-8e97-04dd944b8e48"), None),
        ("10", "initiated", Some("6028966f-669e-4954-8933-a582ef93dfd7"), at("2025-10-08T09:15:10.1Z")),
        ("11", "ringing", Some("6028966f-669e-4954-8933-a582ef93dfd7"), at("2025-10-08T09:15:12.1Z")),
        ("12", "in-progress", Some("6028966f-669e-4954-8933-a582ef93dfd7"), at("2025-10-08T09:15:14.1Z")),
        ("13", "call-disconnected", Some("6028966f-669e-4954-8933-a582ef93dfd7"), at("2025-10-08T09:15:48.1Z")),
        ("14", "completed", Some("6028966f-669e-4954-8933-a582ef93dfd7"), at("2025-10-08T09:28:41.1Z")),
        ("15", "no-answer", Some("4dfcbb06-0000-4000-8000-000000000001"), at("2025-10-08T11:00:46Z")),
        ("16", "completed", Some("abc123"), None),
    ];
    assert_eq!(expected.len(), published(&Bolna));
    for (name, event_type, subject, occurred_at) in expected {
        let Document { envelope, payload, .. } = document(&Bolna, sample(&Bolna, name).body);
        assert_eq!(envelope.event_type, event_type, "{name}");
        assert_eq!(envelope.subject.as_deref(), subject, "{name}");
        assert_eq!(envelope.occurred_at, occurred_at, "{name}");
        let changes = handle(&Bolna, &payload).unwrap().unwrap();
        assert_eq!((changes.at, changes.notes), (occurred_at, vec![]), "{name}");
    }
}

#[test]
fn the_vectors_bodies_have_the_key_that_they_say() {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let bodies: Vec<_> = vectors(VECTORS).iter().map(|vector| vector["body"].as_str().unwrap().to_owned()).collect();
    let mut seen = 0;
    for key in file["idempotency"].as_array().unwrap() {
        let Some(body) = bodies.iter().find(|body| sha256_hex(body.as_bytes()) == key["body_sha256"]) else {
            continue;
        };
        let document = document(&Bolna, body);
        assert_eq!(document.envelope.subject.as_deref(), key["execution"].as_str());
        assert_eq!(document.envelope.event_type, key["status"]);
        let retry = key["retry_count"].as_i64().map(|count| format!("#{count}")).unwrap_or_default();
        let call_id = format!("{}{retry}", key["execution"].as_str().unwrap());
        assert_eq!(report(&Bolna, &document.payload).call_id, call_id);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn other_webhooks_of_bolna_are_told_apart() {
    let workflow = json!({ "event": "execution.terminal", "execution_id": "wf-1", "status": "completed",
                           "occurred_at": "2026-10-01T10:00:00Z" });
    let envelope = Bolna.envelope(&workflow);
    assert_eq!(envelope.event_type, "execution.terminal");
    assert_eq!(envelope.event_id.as_deref(), Some("wf-1:execution.terminal"));
    assert_eq!(envelope.occurred_at, at("2026-10-01T10:00:00Z"));
    assert!(handle(&Bolna, &workflow).is_none());
    let batch = json!({ "batch_id": "b-1", "status": "completed" });
    assert_eq!(Bolna.envelope(&batch).event_type, "batch");
    assert!(handle(&Bolna, &batch).is_none());
    assert_eq!(Bolna.envelope(&json!({ "id": "x", "status": "Balance_Low" })).event_type, "balance-low");
    for unknown in [json!({ "id": "x" }), json!([]), json!("completed"), json!({ "id": "x", "status": [] })] {
        assert!(death(&Bolna, &unknown).contains("not a Bolna webhook"));
    }
    assert_eq!(death(&Bolna, &json!({ "status": "completed" })), "id is missing");
}

#[test]
fn a_completed_inbound_call() {
    let call = report_of(&Bolna, "06");
    assert_eq!(call.call_id, "6c972873-19b2-44b0-a6bf-d4f690a7a9cf");
    assert_eq!(call.direction, Some(Direction::Inbound));
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), Some(Disposition::Answered)));
    assert_eq!(call.provider_status.as_deref(), Some("completed"));
    assert_eq!((call.from, call.to), (Some(Phone::new("+919000000002")), Some(Phone::new("+918000000003"))));
    assert_eq!(call.our_number, Some(Phone::new("+918000000003")));
    // The recipient of an inbound call is our own number, and no contact.
    assert_eq!(call.contact_number, Some(Phone::new("+919000000002")));
    assert_eq!(call.contact_name, Some((Weight(2), PersonName::new("Arjun"))));
    assert_eq!(call.initiated_at, at("2026-01-28T13:17:50.116924Z"));
    assert_eq!(call.ended_at, at("2026-01-28T13:18:59.116924Z"));
    let durations = Durations { total_ms: Some(69_000), talk_ms: Some(68_400) };
    assert_eq!(call.durations, Some((Weight::FINAL, durations)));
    let hangup = Hangup { by: Some("contact".to_owned()), reason: Some("Call recipient hungup".to_owned()) };
    assert_eq!(call.hangup, Some(hangup));
    assert_eq!(call.cost, Some((Weight::FINAL, Cost { amount: 12.71, unit: "usd_cents" })));
    let (weight, transcript) = call.transcript.unwrap();
    assert_eq!((weight, transcript.turns.len()), (Weight::FINAL, 15));
    assert_eq!(transcript.turns[9].role, "user");
    assert_eq!(transcript.turns[9].text.expose(), "चार");
    let (_, analysis) = call.analysis.unwrap();
    assert!(analysis.summary.unwrap().expose().starts_with("The conversation involved"));
    assert_eq!(analysis.data.unwrap().expose()["extracted_data"]["rate"], "4");
    assert!(call.recordings[0].key.ends_with("000000000001.mp3"));
}

#[test]
fn completed_samples_in_their_several_forms() {
    let call = report_of(&Bolna, "01");
    assert_eq!((call.from, call.to), (Some(Phone::new("+918035739222")), Some(Phone::new("+919876543210"))));
    assert_eq!((call.initiated_at, call.ended_at), (None, None));
    assert_eq!(call.hangup.unwrap().by.as_deref(), Some("agent"));
    let call = report_of(&Bolna, "02");
    assert_eq!((call.call_id.as_str(), call.disposition), ("7432382142914", Some(Disposition::Voicemail)));
    assert_eq!(call.ended_at, at("2024-01-23T01:15:37Z"));
    let call = report_of(&Bolna, "07");
    assert_eq!(call.contact_name, Some((Weight(2), PersonName::new("अर्जुन कुमार"))));
    assert_eq!(call.contact_email, Some((Weight(2), Email::new("arjun.kumar@example.com"))));
    assert_eq!(call.initiated_at, at("2026-01-16T05:21:32.6991Z"));
    let call = report_of(&Bolna, "14");
    let (_, analysis) = call.analysis.unwrap();
    assert_eq!(analysis.data.unwrap().expose(), &json!({ "agent_extraction": { "lead_status": "warm" } }));
    let call = report_of(&Bolna, "16");
    assert_eq!((call.call_id.as_str(), call.disposition), ("abc123", Some(Disposition::Answered)));
}

#[test]
fn the_way_of_a_call() {
    let reports: Vec<CallReport> = ["10", "11", "12", "13", "14"].map(|name| report_of(&Bolna, name)).into();
    let statuses: Vec<_> = reports.iter().filter_map(|report| report.status).collect();
    use CallStatus::{Ended, InProgress, Initiated, Ringing};
    assert_eq!(statuses, [Initiated, Ringing, InProgress, Ended, Ended]);
    let [initiated, ringing, taken, dropped, completed] = &reports[..] else { panic!("five") };
    assert_eq!(initiated.initiated_at, at("2025-10-08T09:15:08.12Z"));
    assert_eq!(ringing.ringing_at, at("2025-10-08T09:15:12.1Z"));
    assert_eq!((taken.answered_at, taken.disposition), (at("2025-10-08T09:15:14.1Z"), None));
    assert_eq!(dropped.disposition, Some(Disposition::Answered));
    assert_eq!(dropped.ended_at, at("2025-10-08T09:15:48.1Z"));
    // A guess that is never earlier than the truth, so that the earliest wins.
    assert!(dropped.answered_at > taken.answered_at);
    assert_eq!(dropped.durations, Some((Weight::PARTIAL, Durations { total_ms: None, talk_ms: Some(27_200) })));
    assert!(dropped.recordings.is_empty() && dropped.hangup.is_none());
    assert_eq!(dropped.transcript.as_ref().unwrap().0, Weight::PARTIAL);
    // Completed thirteen minutes later, which is not when the call ended: the exact time is the later of the two.
    assert_eq!(completed.ended_at, at("2025-10-08T09:15:36.12Z"));
    assert!(completed.ended_at < dropped.ended_at);
    assert_eq!(completed.recordings.len(), 1);
}

#[test]
fn every_order_tells_the_same_call() {
    let mut rows: Vec<CallRow> = ["10", "11", "12", "13", "14"].map(row_of).into();
    let calm = fold(&rows);
    let hours = |row: &CallRow| [row.initiated_at, row.ringing_at, row.answered_at, row.ended_at];
    let expected = ["08.12", "12.1", "14.1", "48.1"].map(|second| at(&format!("2025-10-08T09:15:{second}Z")));
    assert_eq!(hours(&calm), expected);
    assert_eq!(calm.provider_status.as_ref().unwrap().value, "completed");
    assert_eq!(calm.durations.as_ref().unwrap().value.total_ms, Some(28_000));
    assert_eq!(calm.cost.as_ref().unwrap().value.amount, 4.1);
    assert_eq!(calm.disposition, Some(Disposition::Answered));
    for turn in 0..5 {
        rows.rotate_left(1);
        assert_eq!(fold(&rows), calm, "{turn}");
        rows.reverse();
        assert_eq!(fold(&rows), calm, "{turn} backwards");
        rows.reverse();
    }
}

fn row_of(name: &str) -> CallRow {
    let payload = document(&Bolna, sample(&Bolna, name).body).payload;
    let changes = handle(&Bolna, &payload).unwrap().unwrap();
    let tenant = TenantFacts { id: Uuid::from_u128(3), region: None, outreach_delay: None };
    let resolver = Resolver {
        ids: &DigestKey::new([7; 32]),
        provider: "bolna",
        tenant: Some(&tenant),
        campaign_rank: None,
        region: None,
        received_at: DateTime::UNIX_EPOCH,
        outreach: &Config::from_parts(None, &Default::default()).unwrap().outreach,
        default_region: "IN",
    };
    resolver.resolve(&changes, &Directory::default()).unwrap().writes.calls.remove(0)
}

fn fold(rows: &[CallRow]) -> CallRow {
    rows.iter().cloned().reduce(CallRow::fold).unwrap()
}

#[test]
fn calls_that_came_to_nothing() {
    let call = report_of(&Bolna, "04");
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), Some(Disposition::Busy)));
    assert_eq!((call.ended_at, call.answered_at), (at("2025-08-14T14:05:43.693128Z"), None));
    assert_eq!((call.hangup, call.transcript), (None, None));
    let call = report_of(&Bolna, "15");
    assert_eq!(call.disposition, Some(Disposition::Busy));
    assert_eq!(call.hangup.unwrap().by.as_deref(), Some("carrier"));
    use Disposition::{Answered, Canceled, Failed, NoAnswer};
    for (record, disposition) in [
        (json!({ "status": "completed", "conversation_duration": 0 }), Some(NoAnswer)),
        (json!({ "status": "completed" }), None),
        (json!({ "status": "completed", "conversation_duration": 0, "transcript": "assistant: Hi" }), Some(NoAnswer)),
        (json!({ "status": "completed", "conversation_duration": 3.5 }), Some(Answered)),
        (json!({ "status": "call-disconnected", "conversation_duration": 3.5 }), None),
        (json!({ "status": "no_answer" }), Some(NoAnswer)),
        (json!({ "status": "stopped" }), Some(Canceled)),
        (json!({ "status": "error", "conversation_duration": "0" }), Some(Failed)),
        (json!({ "status": "balance_low" }), Some(Failed)),
        (json!({ "status": "queued", "conversation_duration": 3.5 }), None),
    ] {
        let mut record = record;
        record["id"] = json!("x");
        assert_eq!(report(&Bolna, &record).disposition, disposition, "{record}");
    }
}

#[test]
fn a_retry_is_a_call_of_its_own() {
    let call = report_of(&Bolna, "08");
    assert_eq!((call.call_id.as_str(), call.parent_call_id.as_deref()), ("execution-id#1", Some("execution-id")));
    assert_eq!((call.status, call.initiated_at), (Some(CallStatus::Scheduled), None));
    // What is left over from the first attempt is not when the second began.
    let second = json!({ "id": "x", "status": "busy", "retry_count": "1", "created_at": "2026-01-26T09:00:00Z",
                         "initiated_at": "2026-01-26T09:00:01Z", "scheduled_at": "2026-01-26T10:30:00Z" });
    assert_eq!(report(&Bolna, &second).initiated_at, at("2026-01-26T10:30:00Z"));
}

#[test]
fn a_webhook_before_a_tool_is_a_call_in_progress() {
    let call = report_of(&Bolna, "09");
    assert_eq!((call.status, call.answered_at), (Some(CallStatus::InProgress), None));
    assert_eq!(call.to, Some(Phone::new("+919876543210")));
}

#[test]
fn ring_and_dial_times_say_when_the_call_was_taken() {
    let record = json!({ "id": "x", "status": "completed", "conversation_duration": 20,
        "initiated_at": "2026-01-26T10:00:00", "updated_at": "2026-01-26T10:05:00",
        "telephony_data": { "duration": "21", "ring_duration": 7, "post_dial_delay": 1 } });
    let call = report(&Bolna, &record);
    assert_eq!(call.answered_at, at("2026-01-26T10:00:08Z"));
    assert_eq!(call.ended_at, at("2026-01-26T10:00:29Z"));
}

#[test]
fn hostile_records_do_no_harm() {
    spoil_every_field(&Bolna);
    let recording = json!({ "id": "x", "status": "completed",
        "telephony_data": { "recording_url": "8f6f0a2e-5d1c-4b7a-9c3e-51f26d84a0b7", "duration": 9e8 },
        "created_at": "2026-01-26T10:00:00", "agent_extraction": "{\"a\":\"\\u0000\"}" });
    let call = report(&Bolna, &recording);
    // A text that reads as an id must not name a recording of somebody else's.
    assert!(call.recordings.is_empty());
    assert_eq!(call.ended_at, None);
    let (_, analysis) = call.analysis.unwrap();
    assert_eq!(analysis.data.unwrap().expose()["agent_extraction"]["a"], "\u{fffd}");
    let mut deep = event(&Bolna, &json!({ "id": "x", "status": "completed" }));
    deep.payload = crate::redact::Hidden::new("[".repeat(100_000));
    assert!(super::translate::finished(&deep).is_err());
}
