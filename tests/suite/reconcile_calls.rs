//! Calls as the platforms' list APIs have them, and the webhooks that were to tell of them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

pub const CALLER: &str = "+15550100123";
pub const OURS: &str = "+15550100199";

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// When the nth call began, on the day that the tests' clock shows.
pub fn began_at(n: i64) -> DateTime<Utc> {
    time("2026-11-01T10:00:00Z") + TimeDelta::minutes(n)
}

/// The nth call, as the platform has it: inbound, a minute long, answered.
pub fn record(platform: &str, n: i64) -> Value {
    let (start, end) = (began_at(n), began_at(n) + TimeDelta::seconds(60));
    let id = format!("call-{n}-of-{platform}");
    match platform {
        "retell" => json!({ "call_id": id, "call_type": "phone_call", "call_status": "ended", "direction": "inbound",
            "from_number": CALLER, "to_number": OURS, "agent_id": "agent-1", "start_timestamp": start.timestamp_millis(),
            "end_timestamp": end.timestamp_millis(), "duration_ms": 60_000, "disconnection_reason": "user_hangup",
            "transcript": "Agent: Hello?\nUser: I would like two.", "recording_url": "https://example.com/1.wav?sig=1",
            "call_analysis": { "call_summary": "Wants two.", "user_sentiment": "Positive", "call_successful": true },
            "call_cost": { "combined_cost": 7.5 } }),
        "elevenlabs" => json!({ "conversation_id": id, "agent_id": "agent-1", "status": "done",
            "transcript": [{ "role": "agent", "message": "Hello?", "time_in_call_secs": 0 },
                { "role": "user", "message": "I would like two.", "time_in_call_secs": 3 }],
            "metadata": { "start_time_unix_secs": start.timestamp(), "call_duration_secs": 60, "cost": 300,
                "termination_reason": "Call ended by remote party",
                "phone_call": { "type": "twilio", "direction": "inbound", "agent_number": OURS, "external_number": CALLER } },
            "analysis": { "call_successful": "success", "transcript_summary": "Wants two." } }),
        "bolna" => json!({ "id": id, "agent_id": format!("agent-{}", n % 2 + 1), "status": "completed",
            "created_at": start.to_rfc3339(), "initiated_at": start.to_rfc3339(),
            "updated_at": (end + TimeDelta::minutes(5)).to_rfc3339(), "conversation_duration": 55.0, "total_cost": 4.5,
            "transcript": "assistant: Hello?\nuser: I would like two.", "summary": "Wants two.",
            "telephony_data": { "duration": "60", "call_type": "inbound", "from_number": CALLER, "to_number": OURS,
                "hangup_by": "Caller", "hangup_reason": "Normal Hangup", "recording_url": "https://example.com/1.mp3" } }),
        "dialpad" => json!({ "call_id": 6_421_977_457_180_000_i64 + n, "state": "hangup", "direction": "inbound",
            "external_number": CALLER, "internal_number": OURS, "date_started": start.timestamp_millis(),
            "date_connected": (start.timestamp_millis() + 5_000), "date_ended": end.timestamp_millis(),
            "duration": 55_000.0, "total_duration": 60_000.0, "transcription_text": "I would like two.",
            "recording_details": [{ "id": format!("r{n}"), "url": "https://example.com/1.mp3", "duration": 55_000,
                "recording_type": "callrecording", "start_time": start.timestamp_millis() }] }),
        _ => json!({ "CallerNumber": "0500000002", "TargetNumber": "201", "Date": start.to_rfc3339(), "Duration": 60,
            "CallID": id, "Type": "Incoming Call", "CdrType": 1, "DialStatus": "ANSWER", "DID": "035550000",
            "RecordURL": "https://example.com/1.mp3", "RingTime": 5, "Price": 12, "RepresentativeName": "Sam",
            "RepresentativeCode": "7" }),
    }
}

/// The webhook that was to tell of it.
pub fn webhook(platform: &str, record: &Value) -> Value {
    match platform {
        "retell" => json!({ "event": "call_analyzed", "call": record, "event_timestamp": 1_793_530_000_000_i64 }),
        "elevenlabs" => {
            json!({ "type": "post_call_transcription", "data": record, "event_timestamp": 1_793_530_000_i64 })
        }
        "dialpad" => {
            let mut event = record.clone();
            event["event_timestamp"] = json!(record["date_ended"].as_i64().unwrap() + 1_500);
            event
        }
        "voicenter" => {
            json!({ "caller": "0500000002", "target": "201", "time": time(record["Date"].as_str().unwrap()).timestamp(),
            "duration": 60, "ivruniqueid": record["CallID"], "type": "Incoming Call", "status": "ANSWER", "did": "035550000",
            "record": "https://example.com/1.mp3", "dialtime": 5, "price": 12, "representative_name": "Sam",
            "representative_code": "7" })
        }
        _ => record.clone(),
    }
}
