//! The wire format: the `call` object, read field by field (retell-sdk `phone_call_response`, `web_call_response`).

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::Reader;
use crate::domain::{Analysis, Direction, Disposition, Sentiment, Transcript, Turn};
use crate::redact::{Hidden, Spoken};

/// When an event without `event_timestamp` happened: the end of the call once it has ended, else its start.
pub(super) fn happened_at(event: &str, call: &Reader<'_>) -> Option<DateTime<Utc>> {
    let start = call.time_ms("start_timestamp");
    match event {
        "call_started" | "chat_started" => start,
        _ => call.time_ms("end_timestamp").or(start),
    }
}

/// Whether the event is of a text chat: `transcript_updated` is sent for both, with `chat` in place of `call`.
pub(super) fn is_chat(body: &Reader<'_>) -> bool {
    body.value("call").is_none() && body.value("chat").is_some()
}

pub(super) fn direction(call: &Reader<'_>) -> Option<Direction> {
    match call.text("direction")?.as_str() {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => None,
    }
}

/// How a call came out, from `disconnection_reason` (39 values in SDK 6.2.13, an open list) and `call_status`.
pub(super) fn disposition(call: &Reader<'_>) -> Option<Disposition> {
    let status = call.text("call_status");
    let Some(reason) = call.text("disconnection_reason") else {
        return match status.as_deref() {
            Some("not_connected") => Some(Disposition::NoAnswer),
            Some("error") => Some(Disposition::Failed),
            _ => None,
        };
    };
    Some(match reason.as_str() {
        "dial_no_answer" | "registered_call_timeout" | "error_user_not_joined" => Disposition::NoAnswer,
        "dial_busy" | "user_declined" => Disposition::Busy,
        "voicemail_reached" => Disposition::Voicemail,
        "dial_failed"
        | "invalid_destination"
        | "telephony_provider_permission_denied"
        | "telephony_provider_unavailable"
        | "sip_routing_error"
        | "marked_as_spam"
        | "network_blocked"
        | "concurrency_limit_reached"
        | "no_concurrency_fallback"
        | "no_valid_payment"
        | "credit_exhausted"
        | "budget_reached"
        | "scam_detected" => Disposition::Failed,
        reason if reason.starts_with("error_") && call.time_ms("start_timestamp").is_none() => Disposition::Failed,
        // Everything else, words that are newer than this list too, ended a call that somebody took; a call that
        // was never connected says so in its status.
        _ if status.as_deref() == Some("not_connected") => Disposition::NoAnswer,
        _ => Disposition::Answered,
    })
}

/// `transcript` and the best list of turns there is. `body` is the whole payload: some events have
/// `transcript_with_tool_calls` beside `call`, others inside.
pub(super) fn transcript(body: &Reader<'_>, call: &Reader<'_>) -> Option<Transcript> {
    let text = call.spoken("transcript")?;
    let lists = [
        call.list("transcript_with_tool_calls"),
        body.list("transcript_with_tool_calls"),
        call.list("transcript_object"),
    ];
    let turns = lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default();
    Some(Transcript { text, turns: turns.iter().filter_map(turn).collect() })
}

fn turn(item: &Reader<'_>) -> Option<Turn> {
    let role = item.text("role")?;
    let first_word = item.list("words").first().and_then(|word| word.seconds_as_ms("start"));
    let at_ms = item.seconds_as_ms("time_sec").or(first_word);
    let (role, text) = match role.as_str() {
        "agent" | "user" => (role, item.text("content")?),
        "transfer_target" => ("user".to_owned(), item.text("content")?),
        "tool_call_invocation" => ("tool".to_owned(), item.text("name")?),
        _ => return None,
    };
    Some(Turn { role, text: Spoken::new(text), at_ms })
}

/// `call_analysis`; null where the platform found nothing to analyse.
pub(super) fn analysis(call: &Reader<'_>) -> Option<Analysis> {
    call.value("call_analysis")?;
    let analysis = call.object("call_analysis");
    let custom = analysis.value("custom_analysis_data").filter(|data| is_filled(data)).cloned();
    Some(Analysis {
        summary: analysis.spoken("call_summary"),
        sentiment: analysis.text("user_sentiment").map(|word| match word.to_ascii_lowercase().as_str() {
            "positive" => Sentiment::Positive,
            "negative" => Sentiment::Negative,
            "neutral" => Sentiment::Neutral,
            _ => Sentiment::Unknown,
        }),
        successful: analysis.boolean("call_successful"),
        score: None,
        data: custom.map(Hidden::new),
    })
    .filter(|analysis| *analysis != Analysis::default())
}

fn is_filled(data: &Value) -> bool {
    data.as_object().is_some_and(|object| !object.is_empty())
}
