//! ElevenLabs: signatures, names of events, translation of every sample.

use base64::Engine;
use chrono::DateTime;
use serde_json::{Value, json};

use super::{BASE64, ElevenLabs};
use crate::domain::{CallStatus, Cost, Direction, Disposition, Durations, Hangup, RecordingKind, Weight};
use crate::providers::testing::{
    at, death, document, event, handle, headers, headers_of, published, report, report_of, sample, spoil_every_field,
    vectors,
};
use crate::providers::{Acknowledgement, Credentials, Delivery, Document, Provider, sha256_hex, verify_webhook};
use crate::redact::{Email, PersonName, Phone, Secret};

const VECTORS: &str = include_str!("../../../tests/vectors/elevenlabs.json");
/// Where the SDKs differ: several digests, of which one fits, are a proof.
const ACCEPTED_OF_DIFFERING: &[&str] = &["edge_two_v0_bad_then_good"];

fn phone(text: &str) -> Option<Phone> {
    Some(Phone::new(text))
}

#[test]
fn every_vector_is_judged_right() {
    for vector in vectors(VECTORS) {
        let id = vector["id"].as_str().unwrap();
        let headers = headers([(vector["header_name"].as_str().unwrap(), vector["header_value"].as_str().unwrap())]);
        let body = BASE64.decode(vector["body_base64"].as_str().unwrap()).unwrap();
        let delivery = Delivery { query: "", headers: &headers, body: &body };
        let secret = Secret::new(vector["secret"].as_str().unwrap());
        let credentials = Credentials { secrets: vec![secret], ..Credentials::default() };
        let now = DateTime::from_timestamp(vector["now_s"].as_i64().unwrap(), 0).unwrap();
        let accepted = match vector["expect"].as_str().unwrap() {
            "sdks_differ" => ACCEPTED_OF_DIFFERING.contains(&id),
            expected => expected == "accept",
        };
        assert_eq!(verify_webhook(&ElevenLabs, &delivery, &credentials, now).is_ok(), accepted, "{id}");
    }
}

#[test]
fn a_signature_grows_old_and_its_time_is_a_number() {
    let secret = Secret::new("wsec_0123456789abcdef");
    let signed_at = at("2026-10-01T10:00:00Z").unwrap();
    let own = ElevenLabs.sign("{}", Some(&secret), signed_at);
    let check = |headers: &_, age_s: i64| {
        let delivery = Delivery { query: "", headers, body: b"{}" };
        ElevenLabs.check(&delivery, &secret, signed_at + chrono::TimeDelta::seconds(age_s))
    };
    for (age_s, passes) in [(0, true), (1800, true), (1801, false), (-86_400, true)] {
        assert_eq!(check(&headers_of(&own), age_s).is_ok(), passes, "{age_s}");
    }
    let digest = |t: &str| {
        let mac = super::hmac_sha256(&secret, &[t.as_bytes(), b".{}"]);
        super::hex(&mac)
    };
    for t in ["", "nan", "1e12", "99999999999999999999", "+1790848800", " 1790848800", "-1"] {
        let value = format!("t={t},v0={}", digest(t));
        assert!(check(&headers([("ElevenLabs-Signature", value.as_str())]), 0).is_err(), "{t}");
    }
    let t = signed_at.timestamp().to_string();
    let extra = format!("v1=x,v0={},t={t},", digest(&t));
    assert!(check(&headers([("ElevenLabs-Signature", extra.as_str())]), 0).is_ok());
    let twice = format!("t={t},t={t},v0={}", digest(&t));
    assert!(check(&headers([("ElevenLabs-Signature", twice.as_str())]), 0).is_err());
    assert!(check(&headers([]), 0).is_err());
}

#[test]
fn every_sample_has_its_event_type() {
    let expected = [
        ("01", "post_call_transcription", Some("abc"), Some(1_739_537_297)),
        ("02", "post_call_audio", Some("abc"), Some(1_739_537_319)),
        ("03", "call_initiation_failure", Some("abc"), Some(1_759_931_652)),
        ("04", "call_initiation_failure", Some("abc"), Some(1_759_931_652)),
        ("05", "post_call_transcription", Some("conv_0001k9mywx20fxcbpyv2wtff0001"), Some(1_762_713_911)),
        ("06", "post_call_transcription", Some("conv_8701kb8xfaaney589jkc6pjesxrc"), Some(1_764_457_176)),
        ("07", "conversation_initiation", Some("CA00000000000000000000000000000003"), None),
        ("09", "post_call_transcription_otel", Some("conv_9001k1zph3fkeh5s8xg9z90swaqa"), Some(1_700_000_000)),
        ("10", "post_call_transcription", Some("conv_tools_1"), Some(1_789_000_000)),
        ("11", "post_call_transcription", Some("abc"), Some(1_739_537_297)),
        ("12", "post_call_transcription", Some("conv_1301kam4jyjeeqs8gwzmt62k2e3e"), Some(1_763_759_979)),
        ("13", "conversation.ended", Some("conv_abc123"), Some(1_729_584_125)),
        ("14", "post_call_transcription", Some("conv_failed_1"), Some(1_789_000_600)),
        ("15", "call_initiation_failure", Some("x"), None),
    ];
    assert_eq!(expected.len(), published(&ElevenLabs));
    for (name, event_type, subject, occurred_at) in expected {
        let Document { envelope, payload, .. } = document(&ElevenLabs, sample(&ElevenLabs, name).body);
        assert_eq!(envelope.event_type, event_type, "{name}");
        assert_eq!(envelope.subject.as_deref(), subject, "{name}");
        assert_eq!(envelope.occurred_at.map(|at| at.timestamp()), occurred_at, "{name}");
        if let Some(changes) = handle(&ElevenLabs, &payload) {
            let notes = changes.unwrap().notes;
            // The sample of the docs holds no base64.
            assert_eq!(notes.is_empty(), name != "02", "{name}: {notes:?}");
        }
    }
}

#[test]
fn what_is_not_an_event_is_told_apart() {
    for unknown in [json!({}), json!([]), json!("x"), json!({ "caller_id": "x" }), json!({ "type": [] })] {
        assert!(death(&ElevenLabs, &unknown).starts_with("not an ElevenLabs webhook"), "{unknown}");
    }
    let no_id = json!({ "type": "post_call_transcription", "data": { "agent_id": "x" } });
    assert_eq!(death(&ElevenLabs, &no_id), "data.conversation_id is missing");
    assert_eq!(death(&ElevenLabs, &json!({ "event": "conversation.ended" })), "conversation_id is missing");
    let question = document(&ElevenLabs, sample(&ElevenLabs, "07").body).payload;
    let answer = json!({ "type": "conversation_initiation_client_data", "dynamic_variables": {} });
    assert_eq!(ElevenLabs.acknowledge(&question), Acknowledgement::Fixed(answer));
    assert_eq!(ElevenLabs.acknowledge(&no_id), Acknowledgement::Ours);
}

#[test]
fn an_inbound_conversation() {
    let call = report_of(&ElevenLabs, "05");
    assert_eq!(call.call_id, "conv_0001k9mywx20fxcbpyv2wtff0001");
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), Some(Disposition::Answered)));
    assert_eq!((call.direction, call.provider_status.as_deref()), (Some(Direction::Inbound), Some("done")));
    assert_eq!((call.from, call.to), (phone("+15550100002"), phone("+15550100001")));
    assert_eq!((call.our_number, call.contact_number), (phone("+15550100001"), phone("+15550100002")));
    assert_eq!(call.initiated_at, at("2025-11-09T18:43:47Z"));
    assert_eq!(call.answered_at, at("2025-11-09T18:43:47Z"));
    assert_eq!(call.ended_at, at("2025-11-09T18:45:06Z"));
    let durations = Durations { total_ms: Some(79_000), talk_ms: Some(79_000) };
    assert_eq!(call.durations, Some((Weight::WHOLE, durations)));
    assert_eq!(call.cost, Some((Weight::WHOLE, Cost { amount: 531.0, unit: "credits" })));
    let hangup = Hangup { by: Some("contact".to_owned()), reason: Some("Call ended by remote party".to_owned()) };
    assert_eq!(call.hangup, Some(hangup));
    let (weight, transcript) = call.transcript.unwrap();
    assert_eq!((weight, transcript.turns.len()), (Weight::WHOLE, 9));
    assert!(transcript.text.expose().starts_with("Agent: Hello! What is your name?\nUser: My name is Alex.\nAgent: "));
    assert_eq!(transcript.turns[1].at_ms, Some(2000));
    assert_eq!(call.analysis, None);
}

#[test]
fn numbers_and_names_from_the_agents_variables() {
    let call = report_of(&ElevenLabs, "06");
    assert_eq!(call.direction, Some(Direction::Inbound));
    assert_eq!((call.from, call.to), (phone("+15550100002"), phone("+15550100001")));
    assert_eq!(call.contact_number, phone("+15550100002"));
    assert_eq!(call.contact_name, Some((Weight(2), PersonName::new("Alex"))));
    assert_eq!(call.cost, Some((Weight::WHOLE, Cost { amount: 70.0, unit: "credits" })));
    let (_, analysis) = call.analysis.unwrap();
    assert_eq!(analysis.successful, Some(true));
    assert_eq!(analysis.summary.unwrap().expose(), "The agent greets the user and asks for their name.");
    let data = analysis.data.unwrap();
    assert_eq!(data.expose()["data_collection_results"]["first_name"]["value"], "Alex");
    assert_eq!(data.expose().get("evaluation_criteria_results"), None);
    let call = report_of(&ElevenLabs, "01");
    assert_eq!(call.contact_name, Some((Weight(1), PersonName::new("angelo"))));
    assert_eq!((call.direction, call.from, call.hangup), (Some(Direction::Inbound), None, None));
    let variables = json!({ "system__caller_id": "+15550100001", "system__called_number": "+15550100002",
                            "customer_email": "ann@example.com" });
    let mut batch = json!({ "type": "post_call_transcription", "data": { "conversation_id": "c", "status": "done",
        "metadata": { "batch_call": { "batch_call_id": "b" } },
        "conversation_initiation_client_data": { "dynamic_variables": variables } } });
    let call = report(&ElevenLabs, &batch);
    assert_eq!((call.direction, call.contact_number), (Some(Direction::Outbound), phone("+15550100002")));
    assert_eq!(call.contact_email, Some((Weight(1), Email::new("ann@example.com"))));
    // Numbers by role and no direction: who called whom is left open.
    batch["data"]["metadata"] = json!({ "phone_call": { "external_number": "+15550100009" } });
    let call = report(&ElevenLabs, &batch);
    assert_eq!((call.direction, call.from, call.contact_number), (None, None, phone("+15550100009")));
}

#[test]
fn tools_are_turns_and_no_lines() {
    let call = report_of(&ElevenLabs, "10");
    assert_eq!((call.direction, call.agent_name), (Some(Direction::Outbound), Some(PersonName::new("Support"))));
    assert_eq!((call.from, call.to), (phone("+4930000001"), phone("+4930000002")));
    assert_eq!((call.initiated_at, call.answered_at), (at("2026-09-10T00:25:00Z"), at("2026-09-10T00:25:00Z")));
    let (_, transcript) = call.transcript.unwrap();
    assert_eq!(transcript.text.expose(), "User: Danke schön 👍");
    let roles: Vec<_> = transcript.turns.iter().map(|turn| (turn.role.as_str(), turn.at_ms)).collect();
    assert_eq!(roles, [("tool", Some(4000)), ("user", Some(9000))]);
    assert_eq!(transcript.turns[0].text.expose(), "lookup_order");
    assert_eq!(call.hangup.unwrap().by.as_deref(), Some("agent"));
    let (_, analysis) = call.analysis.unwrap();
    assert_eq!(analysis.data.unwrap().expose()["evaluation_criteria_results"]["goal"]["result"], "success");
}

#[test]
fn conversations_that_failed_or_are_not_over() {
    let call = report_of(&ElevenLabs, "14");
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), Some(Disposition::Failed)));
    assert_eq!((call.answered_at, call.ended_at), (None, at("2026-09-10T00:36:30Z")));
    let hangup = Hangup { by: Some("platform".to_owned()), reason: Some("quota".to_owned()) };
    assert_eq!((call.hangup, call.transcript), (Some(hangup), None));
    let call = report_of(&ElevenLabs, "12");
    assert_eq!((call.disposition, call.contact_number), (Some(Disposition::Answered), phone("+15550100004")));
    assert_eq!(call.analysis.unwrap().1.successful, None);
    for (status, lifecycle, weight) in [
        ("initiated", CallStatus::Initiated, Weight::PARTIAL),
        ("in-progress", CallStatus::InProgress, Weight::PARTIAL),
        ("processing", CallStatus::Ended, Weight::PARTIAL),
        ("done", CallStatus::Ended, Weight::WHOLE),
    ] {
        let body = json!({ "type": "post_call_transcription", "data": { "conversation_id": "c", "status": status,
            "transcript": [{ "role": "user", "message": "hi" }],
            "metadata": { "features_usage": { "voicemail_detection": { "used": true } } } } });
        let call = report(&ElevenLabs, &body);
        assert_eq!((call.status, call.transcript.unwrap().0), (Some(lifecycle), weight));
        assert_eq!(call.disposition, (lifecycle == CallStatus::Ended).then_some(Disposition::Voicemail));
    }
}

#[test]
fn calls_that_could_not_be_begun() {
    let call = report_of(&ElevenLabs, "03");
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), Some(Disposition::Busy)));
    assert_eq!(call.direction, Some(Direction::Outbound));
    assert_eq!((call.from, call.to), (phone("+11111111111"), phone("+441111111111")));
    assert_eq!(call.ended_at, at("2025-10-08T13:54:12Z"));
    let call = report_of(&ElevenLabs, "04");
    assert_eq!((call.from, call.to), (phone("+441111111111"), phone("+11111111111")));
    let call = report_of(&ElevenLabs, "15");
    assert_eq!((call.call_id.as_str(), call.disposition), ("x", Some(Disposition::NoAnswer)));
    assert_eq!((call.agent_id, call.ended_at), (None, None));
}

#[test]
fn the_flat_form() {
    let call = report_of(&ElevenLabs, "13");
    assert_eq!((call.direction, call.disposition), (Some(Direction::Inbound), Some(Disposition::Answered)));
    assert_eq!((call.our_number, call.contact_number), (phone("+15551234567"), phone("+15559876543")));
    assert_eq!((call.answered_at, call.ended_at), (at("2024-10-22T08:00:00Z"), at("2024-10-22T08:02:05Z")));
    assert_eq!(call.analysis.unwrap().1.successful, Some(true));
    let messages = json!({ "event": "conversation.ended", "conversation_id": "c",
        "transcript": { "messages": [{ "role": "assistant", "content": "Hi", "timestamp": 1 }] } });
    assert_eq!(report(&ElevenLabs, &messages).transcript.unwrap().1.text.expose(), "Agent: Hi");
    let text = json!({ "event": "conversation.ended", "conversation_id": "c", "transcript": "Agent: Hi" });
    assert_eq!(report(&ElevenLabs, &text).transcript.unwrap().1.text.expose(), "Agent: Hi");
}

#[test]
fn a_trace_says_what_its_root_says() {
    let call = report_of(&ElevenLabs, "09");
    assert_eq!((call.status, call.disposition), (Some(CallStatus::Ended), None));
    assert_eq!(call.agent_id.as_deref(), Some("agent_7101k5zvyjhmfg983brhmhkd98n6"));
    let text = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    let root = json!({ "name": "elevenlabs.conversation",
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000012500000000",
        "attributes": [
            { "key": "elevenlabs.session.duration_ms", "value": { "intValue": "12500" } },
            text("elevenlabs.telephony.external_number", "+15550100002"),
            text("elevenlabs.analysis.transcript_summary", "Order status."),
            text("elevenlabs.termination_reason", "Call ended by remote party"),
        ] });
    let spans = json!([{ "name": "elevenlabs.tool.x", "attributes": [] }, root]);
    let body = json!({ "type": "post_call_transcription_otel", "data": { "conversation_id": "c",
        "otlp_traces": { "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] } } });
    let call = report(&ElevenLabs, &body);
    assert_eq!((call.disposition, call.contact_number), (Some(Disposition::Answered), phone("+15550100002")));
    assert_eq!((call.answered_at, call.ended_at), (at("2023-11-14T22:13:20Z"), at("2023-11-14T22:13:32.5Z")));
    assert_eq!(call.durations.unwrap().1.total_ms, Some(12_500));
    assert_eq!(call.hangup.unwrap().by.as_deref(), Some("contact"));
    let (weight, analysis) = call.analysis.unwrap();
    assert_eq!((weight, analysis.summary.unwrap().expose()), (Weight::PARTIAL, "Order status."));
}

#[test]
fn audio_is_taken_out_and_named() {
    let sent = json!({ "type": "post_call_audio", "event_timestamp": 1_739_537_319,
        "data": { "agent_id": "xyz", "conversation_id": "abc", "full_audio": BASE64.encode(b"ID3 audio") } });
    let mut kept = sent.clone();
    let attachment = ElevenLabs.detach(&mut kept).unwrap();
    assert_eq!((attachment.media_type, attachment.bytes.as_slice()), ("audio/mpeg", b"ID3 audio".as_slice()));
    let expected = json!({ "agent_id": "xyz", "conversation_id": "abc", "audio_bytes": 9,
                           "audio_sha256": sha256_hex(b"ID3 audio") });
    assert_eq!(kept["data"], expected);
    let call = report(&ElevenLabs, &kept);
    let event = event(&ElevenLabs, &kept);
    let recording = &call.recordings[0];
    assert_eq!((recording.stored, recording.kind), (Some(event.connection_id), RecordingKind::Call));
    assert_eq!(recording.key, event.external_event_id);
    assert_eq!((call.status, call.call_id.as_str()), (Some(CallStatus::Ended), "abc"));
}

#[test]
fn what_is_no_audio_stays_in_the_payload() {
    let docs = document(&ElevenLabs, sample(&ElevenLabs, "02").body).payload;
    let other = json!({ "type": "unredacted_audio", "data": { "full_audio": "SUQz" } });
    for payload in [docs.clone(), other, json!({ "type": "post_call_audio", "data": { "full_audio": "" } })] {
        let mut after: Value = payload.clone();
        assert!(ElevenLabs.detach(&mut after).is_none());
        assert_eq!(after, payload);
    }
    let changes = handle(&ElevenLabs, &docs).unwrap().unwrap();
    assert_eq!(
        (changes.calls[0].recordings.len(), changes.notes),
        (0, vec!["skipped data.full_audio: not base64".into()])
    );
}

#[test]
fn hostile_bodies_do_no_harm() {
    spoil_every_field(&ElevenLabs);
    let mut deep = event(&ElevenLabs, &json!({ "type": "post_call_transcription" }));
    deep.payload = crate::redact::Hidden::new("[".repeat(100_000));
    assert!(super::translate::transcription(&deep).is_err());
    let endless = json!({ "type": "post_call_transcription", "data": { "conversation_id": "c", "metadata": {
        "start_time_unix_secs": 1_739_537_297, "call_duration_secs": 8e9 } } });
    assert_eq!(report(&ElevenLabs, &endless).ended_at, None);
}
