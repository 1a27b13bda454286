//! The wire format: the conversation record, read field by field (elevenlabs 2.78.0
//! `get_conversation_response_model`; captures have fields that the SDK has not, and lack some that it has).

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::super::Reader;
use super::super::person::{self, Person};
use crate::domain::{Analysis, CallStatus, Direction, Disposition, Hangup, Transcript, Turn};
use crate::redact::{Hidden, Phone, Spoken};

/// The event that carries the audio.
pub(super) const AUDIO: &str = "post_call_audio";
/// No call is longer; what says so is a mistake of the sender.
const LONGEST_CALL_MS: i64 = 86_400_000;

/// Who calls whom.
#[derive(Debug, Default)]
pub(super) struct Parties {
    pub(super) direction: Option<Direction>,
    pub(super) ours: Option<Phone>,
    pub(super) theirs: Option<Phone>,
}

impl Parties {
    /// Who calls and who is called.
    pub(super) fn caller_and_called(&self) -> (Option<Phone>, Option<Phone>) {
        match self.direction {
            Some(Direction::Outbound) => (self.ours.clone(), self.theirs.clone()),
            Some(_) => (self.theirs.clone(), self.ours.clone()),
            None => (None, None),
        }
    }
}

/// By role, as `metadata.phone_call` has it. Where it has no numbers (a capture of 2025-11) the agent's own variables
/// do, and those go by direction.
pub(super) fn parties(data: &Reader<'_>) -> Parties {
    let metadata = data.object("metadata");
    let phone_call = metadata.object("phone_call");
    let (ours, theirs) = (phone_call.phone("agent_number"), phone_call.phone("external_number"));
    let direction = match phone_call.text("direction").as_deref() {
        Some("inbound") => Some(Direction::Inbound),
        Some("outbound") => Some(Direction::Outbound),
        _ if metadata.value("batch_call").is_some() => Some(Direction::Outbound),
        // Whoever opens a conversation in a browser comes to us, and so did the callers of that capture.
        _ => (ours.is_none() && theirs.is_none()).then_some(Direction::Inbound),
    };
    let variables = data.object("conversation_initiation_client_data").object("dynamic_variables");
    let (caller, called) = (variables.phone("system__caller_id"), variables.phone("system__called_number"));
    let (our_side, their_side) = match direction {
        Some(Direction::Outbound) => (caller, called),
        Some(_) => (called, caller),
        None => (None, None),
    };
    Parties { direction, ours: ours.or(our_side), theirs: theirs.or(their_side) }
}

/// How far the conversation has come. `processing` is after its end: the analysis is being made.
pub(super) fn lifecycle(data: &Reader<'_>) -> CallStatus {
    match data.text("status").as_deref() {
        Some("initiated") => CallStatus::Initiated,
        Some("in-progress") => CallStatus::InProgress,
        _ => CallStatus::Ended,
    }
}

/// Whether anything was said, or any time spent: then the call was taken.
pub(super) fn was_taken(data: &Reader<'_>) -> bool {
    duration_ms(data).is_some_and(|ms| ms > 0) || transcript(data).is_some()
}

/// How the conversation came out; known once it is over.
pub(super) fn disposition(data: &Reader<'_>) -> Option<Disposition> {
    let detection = data.object("metadata").object("features_usage").object("voicemail_detection");
    if lifecycle(data) != CallStatus::Ended {
        None
    } else if data.text("status").as_deref() == Some("failed") {
        Some(Disposition::Failed)
    } else if detection.boolean("used") == Some(true) {
        // The agent has used its tool for that.
        Some(Disposition::Voicemail)
    } else {
        was_taken(data).then_some(Disposition::Answered)
    }
}

/// When it began: in captures the two are the same.
pub(super) fn initiated_at(data: &Reader<'_>) -> Option<DateTime<Utc>> {
    let accepted_at = data.object("metadata").time_s("accepted_time_unix_secs");
    [accepted_at, started_at(data)].into_iter().flatten().min()
}

pub(super) fn started_at(data: &Reader<'_>) -> Option<DateTime<Utc>> {
    data.object("metadata").time_s("start_time_unix_secs")
}

/// `end_time_unix_secs` is in captures, and null there.
pub(super) fn ended_at(data: &Reader<'_>) -> Option<DateTime<Utc>> {
    let by_duration = || after(started_at(data)?, duration_ms(data)?);
    data.object("metadata").time_s("end_time_unix_secs").or_else(by_duration)
}

pub(super) fn duration_ms(data: &Reader<'_>) -> Option<i64> {
    data.object("metadata").seconds_as_ms("call_duration_secs")
}

/// `termination_reason`, a sentence; a failed conversation has an error instead.
pub(super) fn hangup(data: &Reader<'_>) -> Option<Hangup> {
    let metadata = data.object("metadata");
    if let Some(reason) = metadata.text("termination_reason") {
        return Some(Hangup { by: who_hung_up(&reason).map(str::to_owned), reason: Some(reason) });
    }
    let reason = metadata.object("error").text("reason")?;
    Some(Hangup { by: Some("platform".to_owned()), reason: Some(reason) })
}

pub(super) fn who_hung_up(reason: &str) -> Option<&'static str> {
    match reason {
        reason if reason.contains("remote party") => Some("contact"),
        reason if reason.starts_with("end_call") => Some("agent"),
        _ => None,
    }
}

/// `transcript`: a list of turns, whose message is null where the agent only used tools. With `exclude_transcript`
/// there is none.
pub(super) fn transcript(data: &Reader<'_>) -> Option<Transcript> {
    transcript_of(&data.list("transcript"))
}

/// The flat form writes `transcript.messages` of `{role, content}`; some write a list or a text.
pub(super) fn flat_transcript(body: &Reader<'_>) -> Option<Transcript> {
    match body.value("transcript")? {
        Value::String(_) => Some(Transcript { text: body.spoken("transcript")?, turns: Vec::new() }),
        Value::Object(_) => transcript_of(&body.object("transcript").list("messages")),
        _ => transcript(body),
    }
}

fn transcript_of(items: &[Reader<'_>]) -> Option<Transcript> {
    let turns: Vec<Turn> = items.iter().flat_map(turns).collect();
    let lines: Vec<String> = turns.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| Transcript { text: Spoken::new(lines.join("\n")), turns })
}

/// What was said in this turn, then the tools that it used.
fn turns(item: &Reader<'_>) -> Vec<Turn> {
    let role = match item.text("role").as_deref() {
        Some("agent" | "assistant") => "agent",
        Some("user") => "user",
        _ => return Vec::new(),
    };
    let at_ms = item.seconds_as_ms("time_in_call_secs");
    let turn = |role: &str, text: Spoken| Turn { role: role.to_owned(), text, at_ms };
    let said = item.spoken("message").or_else(|| item.spoken("content"));
    // Null in the docs, an empty list in captures.
    let tools = item.value("tool_calls").map(|_| item.list("tool_calls")).unwrap_or_default();
    let used = tools.iter().filter_map(|tool| tool.spoken("tool_name"));
    said.map(|text| turn(role, text)).into_iter().chain(used.map(|name| turn("tool", name))).collect()
}

fn line(turn: &Turn) -> Option<String> {
    let who = match turn.role.as_str() {
        "agent" => "Agent",
        "user" => "User",
        _ => return None,
    };
    Some(format!("{who}: {}", turn.text.expose()))
}

/// `analysis`; null where there is none. The flat form has the verdict beside it.
pub(super) fn analysis(data: &Reader<'_>) -> Option<Analysis> {
    let analysis = data.object("analysis");
    let mut results = Map::new();
    for key in ["data_collection_results", "evaluation_criteria_results"] {
        if let Some(value) = analysis.value(key).filter(|value| value.as_object().is_some_and(|map| !map.is_empty())) {
            results.insert(key.to_owned(), value.clone());
        }
    }
    Some(Analysis {
        summary: analysis.spoken("transcript_summary"),
        sentiment: None,
        successful: successful(&analysis).or_else(|| successful(data)),
        score: None,
        data: (!results.is_empty()).then(|| Hidden::new(Value::Object(results))),
    })
    .filter(|analysis| *analysis != Analysis::default())
}

/// A word, not a boolean; `unknown` is one of them.
fn successful(holder: &Reader<'_>) -> Option<bool> {
    match holder.value("call_successful")? {
        Value::Bool(successful) => Some(*successful),
        Value::String(word) if word == "success" => Some(true),
        Value::String(word) if word == "failure" => Some(false),
        _ => None,
    }
}

/// Who they are, as they said or as the agent was told.
pub(super) fn person(data: &Reader<'_>) -> Person {
    let said = data.object("analysis").value("data_collection_results");
    let known = data.object("conversation_initiation_client_data").value("dynamic_variables");
    person::find(said, known)
}

/// When a conversation of the flat form was over.
pub(super) fn flat_ended_at(body: &Reader<'_>) -> Option<DateTime<Utc>> {
    after(flat_started_at(body)?, flat_duration_ms(body)?)
}

/// Of the two names, the first is in the only example and the second in its author's code.
pub(super) fn flat_started_at(body: &Reader<'_>) -> Option<DateTime<Utc>> {
    body.time_s("start_time_unix_secs").or_else(|| body.time_s("start_time_unix"))
}

pub(super) fn flat_duration_ms(body: &Reader<'_>) -> Option<i64> {
    body.seconds_as_ms("call_duration_secs").or_else(|| body.seconds_as_ms("call_duration_seconds"))
}

pub(super) fn after(at: DateTime<Utc>, ms: i64) -> Option<DateTime<Utc>> {
    let ms = (0..=LONGEST_CALL_MS).contains(&ms).then_some(ms)?;
    at.checked_add_signed(TimeDelta::milliseconds(ms))
}

/// The root span of `post_call_transcription_otel`: the OTLP JSON of one trace ("OpenTelemetry traces"). The names of
/// its attributes are those of a delivery of 2026-07.
pub(super) struct RootSpan<'a> {
    span: Reader<'a>,
    attributes: Vec<Reader<'a>>,
}

impl<'a> RootSpan<'a> {
    /// `None` where the trace has none, as in the docs' sample.
    pub(super) fn of(data: &Reader<'a>) -> Option<Self> {
        data.object("otlp_traces")
            .list("resourceSpans")
            .iter()
            .flat_map(|resource| resource.list("scopeSpans"))
            .flat_map(|scope| scope.list("spans"))
            .find(|span| span.text("name").as_deref() == Some("elevenlabs.conversation"))
            .map(|span| Self { attributes: span.list("attributes"), span })
    }

    /// `startTimeUnixNano` or `endTimeUnixNano`: nanoseconds since 1970, as text.
    pub(super) fn time(&self, key: &str) -> Option<DateTime<Utc>> {
        let time = DateTime::from_timestamp_nanos(self.span.text(key)?.parse().ok()?);
        (2000..=2100).contains(&time.year()).then_some(time)
    }

    /// Cut at 4 KB.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.attribute(key)?.text("stringValue")
    }

    pub(super) fn duration_ms(&self) -> Option<i64> {
        let value = self.attribute("elevenlabs.session.duration_ms")?;
        ["intValue", "doubleValue", "stringValue"].iter().find_map(|key| value.ms(key))
    }

    fn attribute(&self, key: &str) -> Option<Reader<'a>> {
        let attribute = self.attributes.iter().find(|attribute| attribute.text("key").as_deref() == Some(key))?;
        Some(attribute.object("value"))
    }
}
