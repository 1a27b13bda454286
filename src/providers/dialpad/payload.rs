//! The wire format: the call event, read field by field (developers.dialpad.com "Call Events").

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::super::Reader;
use crate::domain::{Analysis, CallStatus, Direction, Disposition, Durations, RecordingKind, RecordingReport, Weight};
use crate::redact::{Hidden, PersonName, Phone, Spoken};

/// What Dialpad's analysis may have besides the summary.
const ANALYSIS_FIELDS: &[&str] = &[
    "recap_action_items",
    "recap_outcome",
    "recap_purposes",
    "call_dispositions",
    "csat_score",
    "csat_transcriptions",
    "pcsat_score",
    "mos_score",
    "labels",
];
/// What a withheld caller is called.
const NO_NAMES: &[&str] = &["anonymous", "blocked", "private", "restricted", "unavailable", "unknown"];

/// When a call event without `event_timestamp` happened (the older documented sample has none): the time that fits
/// the state, else the best there is.
pub(super) fn happened_at(state: &str, call: &Reader<'_>) -> Option<DateTime<Utc>> {
    let fields: &[&str] = match status(state) {
        Some(CallStatus::Initiated) => &["date_started"],
        Some(CallStatus::Ringing) => &["date_rang", "date_first_rang", "date_started"],
        Some(CallStatus::Queued) => &["date_queued", "date_started"],
        Some(CallStatus::InProgress) => &["date_connected", "date_started"],
        _ => &["date_ended", "date_connected", "date_rang", "date_first_rang", "date_queued", "date_started"],
    };
    fields.iter().find_map(|field| call.time_ms(field))
}

/// How far a state says that a call has come. `None`: it does not say (an agent may note the disposition of a call
/// that goes on; what `admin` and `ai_playbook` report is not documented).
pub(super) fn status(state: &str) -> Option<CallStatus> {
    Some(match state {
        "calling" => CallStatus::Initiated,
        // `voicemail`: the caller is being sent to voicemail or is speaking; nobody has taken the call.
        "ringing" | "preanswer" | "voicemail" => CallStatus::Ringing,
        "queued" => CallStatus::Queued,
        "connected" | "hold" | "merged" | "parked" | "barge" | "monitor" | "takeover" | "eavesdrop" => {
            CallStatus::InProgress
        }
        "hangup" | "missed" | "blocked" | "postcall" | "voicemail_uploaded" | "recording" | "admin_recording"
        | "transcription" | "call_transcription" | "csat" | "pcsat" => CallStatus::Ended,
        state if state.starts_with("recap_") => CallStatus::Ended,
        _ => return None,
    })
}

/// Whether the state is a word for the call itself, not for something about it that has become ready.
pub(super) fn is_of_the_call(state: &str) -> bool {
    match status(state) {
        Some(CallStatus::Ended) => matches!(state, "hangup" | "missed" | "blocked"),
        status => status.is_some(),
    }
}

/// `is_internal`, else `direction`.
pub(super) fn direction(call: &Reader<'_>) -> Option<Direction> {
    if call.boolean("is_internal") == Some(true) {
        return Some(Direction::Internal);
    }
    match call.text("direction")?.as_str() {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => None,
    }
}

/// How a call came out. It was answered exactly when `date_connected` is set: `hangup` is sent for unanswered calls
/// too. Later reports (a recording, a transcript) claim nothing else, for they may be sparse. Nor does `blocked`: the
/// caller is on the block list, and a call counted as missed would be followed by a message to them.
pub(super) fn disposition(state: &str, call: &Reader<'_>) -> Option<Disposition> {
    if call.time_ms("date_connected").is_some() {
        return Some(Disposition::Answered);
    }
    match state {
        "hangup" | "missed" => Some(Disposition::NoAnswer),
        "voicemail" | "voicemail_uploaded" => Some(Disposition::Voicemail),
        _ => None,
    }
}

/// Our side: `internal_number` where it is a number (it may be the word `blocked`), else the number that was shown,
/// else that of the line or the person.
pub(super) fn our_number(call: &Reader<'_>) -> Option<Phone> {
    [
        call.phone("internal_number"),
        call.phone("selected_caller_id"),
        call.object("target").phone("phone"),
        call.object("entry_point_target").phone("phone"),
    ]
    .into_iter()
    .flatten()
    .find(|phone| looks_like_a_number(phone.expose()))
}

/// The leg that this one hangs from.
pub(super) fn parent_call_id(call: &Reader<'_>, call_id: &str) -> Option<String> {
    ["entry_point_call_id", "master_call_id", "operator_call_id"]
        .into_iter()
        .filter_map(|field| call.text(field))
        .find(|id| id != call_id)
}

/// The name of a `contact`. Dialpad makes up local contacts for strangers, named after their number, which is no
/// name, or after the place of it ("Alameda, CA"), which is what a caller id is worth.
pub(super) fn contact_name(contact: &Reader<'_>) -> Option<(Weight, PersonName)> {
    let name = contact.text("name").filter(|name| is_a_name(name))?;
    let made_up = contact.text("type").as_deref() == Some("local") && is_a_place(&name);
    Some((if made_up { Weight(1) } else { Weight(3) }, PersonName::new(name)))
}

/// Milliseconds with a fraction. An event whose durations are all zero has none yet.
pub(super) fn durations(call: &Reader<'_>) -> Option<Durations> {
    let duration = call.ms("duration");
    let total_ms = call.ms("total_duration").or(duration);
    let talk_ms = call.ms("talk_time").or(duration);
    (total_ms.max(talk_ms) > Some(0)).then_some(Durations { total_ms, talk_ms })
}

/// `recording_details`, and the links for recordings that are not in it. All are absent without the scope
/// `recordings_export`.
pub(super) fn recordings(call: &Reader<'_>) -> Vec<RecordingReport> {
    let mut recordings: Vec<_> = call.list("recording_details").iter().filter_map(detail).collect();
    let mut known: HashSet<String> = recordings.iter().filter_map(|recording| recording.url.clone()).collect();
    for (field, kind) in [
        ("recording_url", RecordingKind::Call),
        ("admin_recording_urls", RecordingKind::Admin),
        ("voicemail_link", RecordingKind::Voicemail),
    ] {
        for url in texts(call, field) {
            if known.insert(url.clone()) {
                let id = call.text("voicemail_recording_id").filter(|_| kind == RecordingKind::Voicemail);
                let key = id.unwrap_or_else(|| url.clone());
                recordings.push(RecordingReport {
                    kind,
                    key,
                    stored: None,
                    url: Some(url),
                    duration_ms: None,
                    started_at: None,
                });
            }
        }
    }
    recordings
}

fn detail(detail: &Reader<'_>) -> Option<RecordingReport> {
    let url = detail.text("url");
    Some(RecordingReport {
        kind: match detail.text("recording_type").as_deref() {
            Some("admincallrecording") => RecordingKind::Admin,
            Some("voicemail") => RecordingKind::Voicemail,
            _ => RecordingKind::Call,
        },
        key: detail.text("id").or_else(|| url.clone())?,
        stored: None,
        url,
        duration_ms: detail.ms("duration"),
        started_at: detail.time_ms("start_time"),
    })
}

/// What Dialpad's AI, the survey and the agent say. The parts come in events of their own, each with what is known
/// by then: a report with the summary beats one without, and both beat a lone score.
pub(super) fn analysis(call: &Reader<'_>) -> Option<(Weight, Analysis)> {
    let summary = Some(texts(call, "recap_summary").join("\n")).filter(|text| !text.is_empty()).map(Spoken::new);
    let data: Map<String, Value> = ANALYSIS_FIELDS
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), call.value(field).filter(|value| is_filled(value))?.clone())))
        .collect();
    if summary.is_none() && data.is_empty() {
        return None;
    }
    let weight = match &summary {
        Some(_) => Weight::FINAL,
        None if data.keys().any(|field| field.starts_with("recap_")) => Weight::WHOLE,
        None => Weight::PARTIAL,
    };
    let data = Some(data).filter(|data| !data.is_empty()).map(|data| Hidden::new(Value::Object(data)));
    Some((weight, Analysis { summary, data, ..Analysis::default() }))
}

/// When an event of the form `{event_type, payload: {call}}` happened.
pub(super) fn in_house_happened_at(event_type: &str, call: &Reader<'_>) -> Option<DateTime<Utc>> {
    let started = call.time_ms("started_at");
    match event_type {
        "call.started" | "call.ring" => started,
        _ => call.time_ms("ended_at").or(started),
    }
}

/// How such a call came out, from its own `status`.
pub(super) fn in_house_disposition(word: &str) -> Option<Disposition> {
    Some(match word.to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
        "completed" | "answered" => Disposition::Answered,
        "missed" | "no_answer" | "unanswered" => Disposition::NoAnswer,
        "busy" => Disposition::Busy,
        "canceled" | "cancelled" => Disposition::Canceled,
        "failed" => Disposition::Failed,
        "voicemail" => Disposition::Voicemail,
        _ => return None,
    })
}

/// The texts of a list, or the one text that stands there instead.
pub(super) fn texts(reader: &Reader<'_>, key: &str) -> Vec<String> {
    let texts: Vec<&Value> = match reader.value(key) {
        Some(Value::Array(list)) => list.iter().collect(),
        other => other.into_iter().collect(),
    };
    let texts = texts.into_iter().filter_map(Value::as_str).map(str::trim);
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn is_a_name(text: &str) -> bool {
    text.chars().any(char::is_alphabetic) && !NO_NAMES.contains(&text.to_lowercase().as_str())
}

fn is_a_place(name: &str) -> bool {
    name.rsplit_once(", ").is_some_and(|(_, state)| state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase()))
}

fn looks_like_a_number(text: &str) -> bool {
    text.chars().any(char::is_numeric) && !text.chars().any(char::is_alphabetic)
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
