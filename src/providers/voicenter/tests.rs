//! Voicenter's vectors and samples, Israeli numbers, and payloads that nobody should send.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Voicenter;
use crate::dispatch::{Handler, Registry};
use crate::domain::{
    CallReport, CallStatus, Changes, Cost, Direction, Disposition, Durations, RecordingKind, Sentiment, Weight, phone,
};
use crate::inbox::Event;
use crate::providers::testing;
use crate::providers::{Acknowledgement, Credentials, Delivery, Document, Provider, Refusal, verify_webhook};
use crate::queue::Failure;
use crate::redact::{Hidden, Phone, Secret};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/voicenter.json")).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn unix(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

fn receive(query: &str, body: &[u8]) -> Result<Document, Refusal> {
    Document::read(&Voicenter, &Delivery { query, headers: &HeaderMap::new(), body })
}

fn event(document: &Document) -> Event {
    Event {
        id: Uuid::nil(),
        connection_id: Uuid::nil(),
        tenant_id: None,
        provider: "voicenter".to_owned(),
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
    Voicenter.register(&mut registry);
    registry.build().unwrap()
}

/// What the registered handler makes of an event; nothing where it is ignored.
fn handle(event: &Event) -> Result<Changes, Failure> {
    match registry().find("voicenter", &event.event_type) {
        Some(Handler::Pure(handler)) => handler(event),
        Some(Handler::Ignore(_)) => Ok(Changes::default()),
        other => panic!("{}: {other:?}", event.event_type),
    }
}

fn sample(number: &str) -> Document {
    let sample = Voicenter.samples().iter().find(|sample| sample.name.starts_with(number)).unwrap();
    receive("", sample.body.as_bytes()).unwrap()
}

fn call(number: &str) -> CallReport {
    handle(&event(&sample(number))).unwrap().calls.remove(0)
}

fn call_of(payload: Value) -> CallReport {
    handle(&event(&receive("", payload.to_string().as_bytes()).unwrap())).unwrap().calls.remove(0)
}

fn number(text: &str) -> Option<Phone> {
    Some(Phone::new(text))
}

/// The unguessable part of a vector's path, and its query.
fn parts(vector: &Value) -> (&str, &str) {
    let path = vector["path"].as_str().unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    (path.strip_prefix("/hooks/voicenter/").unwrap(), query)
}

#[test]
fn the_secret_is_compared_exactly_wherever_it_stands() {
    let vectors = vectors();
    let secret = Secret::new(vectors["secret"].as_str().unwrap());
    let credentials = Credentials { secrets: vec![secret], ..Credentials::default() };
    for (list, good) in [("positives", true), ("negatives", false)] {
        for vector in vectors[list].as_array().unwrap() {
            let (given, _) = parts(vector);
            for place in ["x-webhook-token", "authorization", "query"] {
                let mut headers = HeaderMap::new();
                let value = if place == "authorization" { format!("Bearer {given}") } else { given.to_owned() };
                if place != "query" {
                    let value = HeaderValue::from_str(&value).unwrap();
                    headers.insert(HeaderName::from_static(place), value);
                }
                let query = if place == "query" { format!("src=cdr&token={given}") } else { String::new() };
                let delivery = Delivery { query: &query, headers: &headers, body: b"{}" };
                let proof = verify_webhook(&Voicenter, &delivery, &credentials, at("2026-11-20T12:00:00Z"));
                assert_eq!(proof.is_ok(), good, "{} by {place}", vector["name"]);
            }
        }
    }
    let url = Credentials { url_is_secret: true, ..Credentials::default() };
    let delivery = Delivery { query: "", headers: &HeaderMap::new(), body: b"{}" };
    assert!(verify_webhook(&Voicenter, &delivery, &url, at("2026-11-20T12:00:00Z")).is_err(), "it lacks the token");
    assert!(!Voicenter.signs());
}

#[test]
fn a_query_is_an_event_and_what_is_not_of_the_event_stays_out() {
    let vectors = vectors();
    let popup = vectors["positives"].as_array().unwrap().iter().find(|vector| vector["method"] == "GET").unwrap();
    let document = receive(parts(popup).1, b"").unwrap();
    assert_eq!(document.envelope.event_type, "popup.ringing");
    let document = receive("token=t&src=cdr&phone=%2B972+50&callerName=%d7%93%ff&ivrid=1", b"").unwrap();
    assert_eq!(document.payload, json!({ "phone": "+972 50", "callerName": "ד\u{fffd}", "ivrid": "1" }));
    // A body is preferred, and JSON is seen whatever the media type says.
    let document = receive("phone=1", b" \n{\"ivruniqueid\":\"1\"}").unwrap();
    assert_eq!(document.payload, json!({ "ivruniqueid": "1" }));
    assert_eq!(receive("", b"a=%00").unwrap().payload, json!({ "a": "\u{fffd}" }));
    for (query, body) in [("", ""), ("src=cdr", ""), ("", "   "), ("", "hello"), ("", "<?xml?><methodCall/>")] {
        assert!(matches!(receive(query, body.as_bytes()), Err(Refusal::Unreadable(_))), "{query} {body}");
    }
    assert!(Voicenter.reads_query() && Voicenter.accepts(None) && Voicenter.accepts(Some(super::FORM)));
    assert!(!Voicenter.accepts(Some("text/xml")) && !Voicenter.accepts(Some("audio/mpeg")));
}

#[test]
fn every_sample_has_its_event_type_and_its_answer() {
    let cdr = json!({ "Err": 0, "Errdesc": "OK" });
    let popup = json!({ "STATUS": "OK", "URL": "", "CLIENTNAME": "", "TOTAL": "", "COMPANY": "" });
    let expected = [
        ("01", "cdr", Some("2020020419500000000000000000"), unix(1_580_846_177), &cdr),
        ("02", "cdr", Some("2020072818dcDHFJcc804"), unix(1_595_960_361), &cdr),
        ("03", "cdr", Some("202007211213270124c"), unix(1_595_333_630), &cdr),
        ("04", "cdr", Some("202406101204550233243ghff3189e5c"), unix(1_718_000_192), &cdr),
        ("05", "cdr", Some("1696150800.123"), unix(1_696_150_800), &cdr),
        ("06", "cdr", Some("20260901101500abcd0012"), unix(1_788_254_143), &cdr),
        ("07", "popup.ringing", Some("20220916103546022555eb61e755c08a"), unix(1_663_324_548), &popup),
        ("08", "popup.ringing", Some("202010111sdsd3684752bcb3d"), None, &popup),
        ("09", "external_layer", Some("1bcd7954224861f85a2d70612f2"), None, &json!({ "STATUS": 1 })),
        ("10", "cdr", Some("1696150999.456"), unix(1_696_150_800), &cdr),
        ("11", "cdr", Some("2020072818dcDHFJcc804"), unix(1_595_960_361), &cdr),
        ("12", "cdr", Some("20260901102000c2c0001"), unix(1_788_254_404), &cdr),
        ("13", "cdr", Some("20260901102000c2c0001"), unix(1_788_254_500), &cdr),
        ("14", "cdr", Some("1696151000.777"), unix(1_696_150_831), &cdr),
        ("15", "popup.talking", Some("20220916103546022555eb61e755c08a"), unix(1_663_324_556), &popup),
        ("16", "popup.hangup", Some("20220916103546022555eb61e755c08a"), None, &popup),
        ("17", "call_log", None, None, &cdr),
    ];
    assert_eq!(expected.len(), testing::published(&Voicenter));
    for (number, event_type, subject, occurred_at, answer) in expected {
        let document = sample(number);
        assert_eq!(document.envelope.event_type, event_type, "{number}");
        assert_eq!(document.envelope.subject.as_deref(), subject, "{number}");
        assert_eq!(document.envelope.occurred_at, occurred_at, "{number}");
        assert_eq!(Voicenter.acknowledge(&document.payload), Acknowledgement::Fixed(answer.clone()), "{number}");
        assert_eq!(handle(&event(&document)).unwrap().notes, Vec::<String>::new(), "{number}");
    }
}

#[test]
fn an_incoming_call_with_what_the_ai_made_of_it() {
    let report = call("04");
    assert_eq!((report.direction, report.status), (Some(Direction::Inbound), Some(CallStatus::Ended)));
    assert_eq!(report.disposition, Some(Disposition::Answered));
    assert_eq!((report.from, report.to), (number("0501234567"), number("0722776772")));
    assert_eq!(report.initiated_at, unix(1_718_000_000));
    assert_eq!((report.answered_at, report.ended_at), (unix(1_718_000_007), unix(1_718_000_192)));
    let durations = Durations { total_ms: Some(192_000), talk_ms: Some(185_000) };
    assert_eq!(report.durations, Some((Weight::WHOLE, durations)));
    assert_eq!(report.agent_id.as_deref(), Some("12345678"));
    let (_, transcript) = report.transcript.unwrap();
    assert!(transcript.text.expose().starts_with("Agent: Good afternoon, thank you for calling support\nUser: Hi,"));
    assert_eq!(transcript.turns[1].at_ms, Some(13_460));
    let (_, analysis) = report.analysis.unwrap();
    assert_eq!(analysis.sentiment, Some(Sentiment::Negative));
    let answers = json!({ "category": "technical issue", "issue_resolved": "false" });
    assert_eq!(analysis.data.unwrap().expose(), &answers);
    assert_eq!(report.cost, Some((Weight::WHOLE, Cost { amount: 0.0, unit: "ils_agorot" })));
}

#[test]
fn ai_data_may_be_a_text() {
    let mut payload = sample("04").payload;
    payload["aiData"] = json!(payload["aiData"].to_string());
    assert_eq!(call_of(payload.clone()).transcript, call("04").transcript);
    payload["aiData"] = json!("not JSON");
    let changes = handle(&event(&receive("", payload.to_string().as_bytes()).unwrap())).unwrap();
    assert_eq!(changes.notes, ["skipped aidata: not an object"]);
    payload["aiData"] = json!("");
    assert_eq!(call_of(payload).transcript, None);
}

#[test]
fn how_calls_come_out() {
    for (number, direction, disposition, answered_at) in [
        ("01", Direction::Inbound, Disposition::Answered, unix(1_580_846_172)),
        ("02", Direction::Outbound, Disposition::Answered, unix(1_595_960_352)),
        ("03", Direction::Inbound, Disposition::Answered, unix(1_595_333_630)),
        ("05", Direction::Inbound, Disposition::NoAnswer, None),
        ("06", Direction::Inbound, Disposition::NoAnswer, None),
        ("10", Direction::Inbound, Disposition::Busy, None),
        ("14", Direction::Inbound, Disposition::Voicemail, None),
    ] {
        let report = call(number);
        assert_eq!((report.direction, report.disposition), (Some(direction), Some(disposition)), "{number}");
        assert_eq!(report.answered_at, answered_at, "{number}");
    }
    assert_eq!(call("14").recordings[0].kind, RecordingKind::Voicemail);
    assert_eq!(call("06").hangup.unwrap().by.as_deref(), Some("contact"));
    let outgoing = call("02");
    assert_eq!((outgoing.from, outgoing.to), (number("0722776772"), number("0501234567")));
    for (status, is_answer, disposition) in [
        ("answer", None, Some(Disposition::Answered)),
        ("ANSWER", Some(0), Some(Disposition::NoAnswer)),
        ("VOEND", Some(1), Some(Disposition::Voicemail)),
        ("CONGESTION", None, Some(Disposition::Failed)),
        ("CANCEL", Some(0), Some(Disposition::Canceled)),
        ("NEWWORD", None, None),
        ("NEWWORD", Some(1), Some(Disposition::Answered)),
    ] {
        let mut payload = json!({ "ivruniqueid": "1", "status": status });
        if let Some(is_answer) = is_answer {
            payload["isAnswer"] = json!(is_answer);
        }
        let report = call_of(payload);
        assert_eq!(report.disposition, disposition, "{status} {is_answer:?}");
        assert_eq!(report.provider_status.as_deref(), Some(status));
    }
}

#[test]
fn legs_with_one_id_are_two_calls() {
    let (one, two) = (call("12"), call("13"));
    assert_eq!((one.call_id.as_str(), one.direction), ("20260901102000c2c0001#leg1", Some(Direction::Internal)));
    assert_eq!((two.call_id.as_str(), two.direction), ("20260901102000c2c0001#leg2", Some(Direction::Outbound)));
    assert_eq!(one.parent_call_id.as_deref(), Some("20260901102000c2c0001"));
    assert_eq!(one.parent_call_id, two.parent_call_id);
    assert_eq!(two.to, number("0501234567"));
    let moved = call_of(json!({ "ivruniqueid": "2", "OriginalIvrUniqueID": "1", "type": "XferCDR" }));
    assert_eq!((moved.call_id.as_str(), moved.parent_call_id.as_deref()), ("2", Some("1")));
}

#[test]
fn popups_while_the_call_goes_on() {
    let ringing = call("07");
    assert_eq!((ringing.status, ringing.disposition), (Some(CallStatus::Ringing), None));
    assert_eq!((ringing.contact_number, ringing.our_number), (number("972722776772"), number("0776707528")));
    assert_eq!(ringing.contact_name.map(|(weight, _)| weight), Some(Weight(1)));
    let talking = call("15");
    assert_eq!((talking.status, talking.answered_at), (Some(CallStatus::InProgress), unix(1_663_324_556)));
    let hangup = call("16");
    assert_eq!((hangup.status, hangup.disposition), (Some(CallStatus::Ended), Some(Disposition::Answered)));
    assert_eq!(hangup.hangup.unwrap().reason.as_deref(), Some("Normal hangup"));
    assert_eq!(call("08").direction, Some(Direction::Inbound));
    let unanswered = json!({ "ivrid": "1", "phone": "0502345678", "status": "Hangup", "isAnswered": false });
    assert_eq!(call_of(unanswered).disposition, None);
    let dialing = json!({ "ivrid": "1", "phone": "0502345678", "did": "0722776772", "status": "Dialing" });
    let dialing = call_of(dialing);
    assert_eq!((dialing.direction, dialing.to), (Some(Direction::Outbound), number("0502345678")));
}

#[test]
fn other_names_for_the_same() {
    let report = call("17");
    assert_eq!((report.direction, report.disposition), (Some(Direction::Outbound), Some(Disposition::Answered)));
    assert_eq!((report.from, report.to), (number("0722776772"), number("972501234567")));
    // The ringing took longer than the duration, which is therefore the conversation alone.
    assert_eq!(report.answered_at, Some(at("2024-06-10T09:05:08Z")));
    assert_eq!(report.ended_at, Some(at("2024-06-10T09:05:10Z")));
    assert_eq!(report.agent_id.as_deref(), Some("87654321"));
    let mixed = json!({ "CallID": "c1", "caller": "0502345678", "DID": "0722776772", "DialStatus": "NOANSWER" });
    let mixed = call_of(mixed);
    assert_eq!((mixed.call_id.as_str(), mixed.disposition), ("c1", Some(Disposition::NoAnswer)));
    assert_eq!((mixed.from, mixed.our_number), (number("0502345678"), number("0722776772")));
    let both = json!({ "ivruniqueid": "", "IVRUNIQUEID": "1", "DID": "0", "did": "0722776772", "status": "ANSWER" });
    let both = call_of(both);
    assert_eq!((both.call_id.as_str(), both.our_number), ("1", number("0722776772")));
}

#[test]
fn what_only_looks_like_a_call() {
    let dialer = json!({ "CallID": "7", "campaignID": 1, "status": "ANSWER", "duration": 3 });
    let dialer = receive("", dialer.to_string().as_bytes()).unwrap();
    assert_eq!((dialer.envelope.event_type.as_str(), &dialer.envelope.subject), ("cdr", &None));
    assert!(matches!(handle(&event(&dialer)), Err(Failure::Dead(why)) if why == "ivruniqueid is missing"));
    for payload in [json!({}), json!([]), json!({ "ivrid": "1", "phone": "1" }), json!({ "CallID": "1" })] {
        let document = receive("", payload.to_string().as_bytes()).unwrap();
        assert_eq!(document.envelope.event_type, "unrecognized", "{payload}");
        assert!(matches!(handle(&event(&document)), Err(Failure::Dead(_))));
        assert_eq!(Voicenter.acknowledge(&payload), Acknowledgement::Ours);
    }
}

#[test]
fn hostile_values_never_panic() {
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1.7e308),
        json!("\u{202e}\0 text"),
        json!("8999999999"),
        json!("[".repeat(5_000)),
        json!([[[{}]], {}, null, 1, "a"]),
        json!({ "insights": [], "transcript": [{ "text": {}, "startTime": -1e300 }], "emotions": { "sentences": {} } }),
    ];
    let mut keys: Vec<String> = Vec::new();
    for sample in Voicenter.samples() {
        let payload = receive("", sample.body.as_bytes()).unwrap().payload;
        keys.extend(payload.as_object().unwrap().keys().cloned());
    }
    let registry = registry();
    for value in &values {
        let mut payload: Value = keys.iter().map(|key| (key.clone(), value.clone())).collect();
        for time in [json!(1_580_846_139), json!(4_000_000_000_u64), json!([])] {
            payload["time"] = time;
            payload["ivruniqueid"] = json!("1");
            payload["ivrid"] = json!("1");
            payload["CDR_LIST"] = json!([payload.clone(), 1]);
            let document = receive("", payload.to_string().as_bytes()).unwrap();
            drop(Voicenter.acknowledge(&document.payload));
            payload["CDR_LIST"] = json!(null);
            drop(receive("", payload.to_string().as_bytes()).unwrap());
            for (_, _, handler) in registry.routes() {
                if let Handler::Pure(handler) = handler {
                    drop(handler(&event(&document)));
                }
            }
        }
    }
    let long = call_of(json!({ "ivruniqueid": "1", "status": "ANSWER", "time": 1_580_846_139, "duration": 8e9 }));
    assert_eq!((long.ended_at, long.durations), (None, None));
}

/// The vectors were made with the metadata of one release: `expected` asks for a valid number, `expected_lenient` for
/// a possible one. Ours is between the two.
#[test]
fn israeli_numbers() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/phones.json")).unwrap();
    let ours = |input: &str| phone::e164(&Phone::new(input), "IL").map(Phone::into_exposed);
    let mut none_though_possible = Vec::new();
    for vector in vectors["vectors"].as_array().unwrap() {
        let input = vector["input"].as_str().unwrap();
        let (strict, lenient) = (vector["expected"].as_str().unwrap(), vector["expected_lenient"].as_str().unwrap());
        let number = ours(input);
        match (strict, &number) {
            // A star code is dialled as it is; the library would drop the star.
            _ if input.starts_with('*') => assert_eq!(number, None, "{input}"),
            ("invalid", None) if lenient != "invalid" => none_though_possible.push(input),
            ("invalid", None) => {}
            ("invalid", Some(number)) => assert_eq!(number, lenient, "{input}"),
            (strict, number) => assert_eq!(number.as_deref(), Some(strict), "{input}"),
        }
    }
    assert_eq!(none_though_possible, ["501234567", "7025550143", "447911123456", "7722776772", "972*1234"]);
    for input in [
        "*2408",
        "100",
        "144",
        "1001",
        "0",
        "anonymous",
        "blocked",
        "SIPSIP",
        "KGpK4iWq",
        "050-CALL-NOW",
        "17025550143",
        "447911123456",
        "7025550143",
    ] {
        assert_eq!(ours(input), None, "{input}");
    }
}
