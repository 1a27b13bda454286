//! From Retell's events to changes.

use super::payload;
use crate::domain::{
    CallReport, CallStatus, Changes, Cost, Direction, Disposition, Durations, Hangup, RecordingKind, RecordingReport,
    Weight,
};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;
use crate::redact::{Email, PersonName};

/// `call_started`: connected; not sent when the dial failed. Perhaps to a machine (`voicemail_reached` comes with the
/// end), so it does not say how the call came out.
pub(super) fn call_started(event: &Event) -> Result<Changes, Failure> {
    translate(event, |_, call, report| {
        report.status = Some(CallStatus::InProgress);
        report.answered_at = call.time_ms("start_timestamp");
    })
}

/// `transfer_*` and `transcript_updated`: the call is going on.
pub(super) fn call_ongoing(event: &Event) -> Result<Changes, Failure> {
    translate(event, |body, call, report| {
        report.status = Some(CallStatus::InProgress);
        report.answered_at = call.time_ms("start_timestamp");
        report.transcript = payload::transcript(body, call).map(|transcript| (Weight::PARTIAL, transcript));
    })
}

/// `call_ended` and `call_analyzed`: the same object, the second with the analysis. Both are also sent for calls
/// that never connected.
pub(super) fn call_ended(event: &Event) -> Result<Changes, Failure> {
    translate(event, |body, call, report| {
        report.status = Some(CallStatus::Ended);
        // A call that was never connected has no times of its own.
        report.ended_at = call.time_ms("end_timestamp").or(event.occurred_at);
        report.disposition = payload::disposition(call);
        // A call that was never connected has no start.
        report.answered_at = match report.disposition {
            Some(Disposition::Answered | Disposition::Voicemail) | None => call.time_ms("start_timestamp"),
            Some(_) => None,
        };
        report.durations =
            call.ms("duration_ms").map(|ms| (Weight::WHOLE, Durations { total_ms: Some(ms), talk_ms: Some(ms) }));
        report.hangup = call
            .text("disconnection_reason")
            .map(|reason| Hangup { by: who_hung_up(&reason).map(str::to_owned), reason: Some(reason) });
        report.recordings = call
            .text("recording_url")
            .filter(|url| url.starts_with("http"))
            .map(|url| RecordingReport {
                kind: RecordingKind::Call,
                // Signed links (`opt_in_signed_url`) differ in their query from event to event.
                key: url.split('?').next().unwrap_or(&url).to_owned(),
                stored: None,
                url: Some(url),
                duration_ms: call.ms("duration_ms"),
                started_at: call.time_ms("start_timestamp"),
            })
            .into_iter()
            .collect();
        report.transcript = payload::transcript(body, call).map(|transcript| (Weight::WHOLE, transcript));
        report.analysis = payload::analysis(call).map(|analysis| (Weight::WHOLE, analysis));
        report.cost = call
            .object("call_cost")
            .number("combined_cost")
            .map(|amount| (Weight::WHOLE, Cost { amount, unit: "usd_cents" }));
    })
}

/// Neither an event nor a function call.
pub(super) fn unrecognized(_: &Event) -> Result<Changes, Failure> {
    Err(Failure::dead("not a Retell webhook: an object with `event`, or with `name`, `args` and `call`, was expected"))
}

fn translate(event: &Event, fill: impl FnOnce(&Reader<'_>, &Reader<'_>, &mut CallReport)) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let body = Reader::new(&json, &notes);
    if payload::is_chat(&body) {
        notes.add("a text chat, not a call".to_owned());
        return Ok(Changes::at(event.occurred_at).notes(notes.into_vec()));
    }
    let call = body.object("call");
    let call_id = call.text("call_id").ok_or_else(|| Failure::dead("call.call_id is missing"))?;
    let variables = call.object("retell_llm_dynamic_variables");
    let mut report = CallReport {
        call_id,
        direction: payload::direction(&call),
        provider_status: call.text("call_status"),
        from: call.phone("from_number"),
        to: call.phone("to_number"),
        agent_id: call.text("agent_id"),
        agent_name: call.name("agent_name"),
        initiated_at: call.time_ms("start_timestamp"),
        contact_name: variables.text("customer_name").map(|name| (Weight(1), PersonName::new(name))),
        contact_email: variables.email("email").map(|email| (Weight(1), Email::new(email.into_exposed()))),
        ..CallReport::default()
    };
    fill(&body, &call, &mut report);
    if report.direction.is_none() && call.text("call_type").as_deref() == Some("web_call") {
        // A web call is opened by the visitor.
        report.direction = Some(Direction::Inbound);
    }
    Ok(Changes::at(event.occurred_at).call(report).notes(notes.into_vec()))
}

fn who_hung_up(reason: &str) -> Option<&'static str> {
    match reason {
        "user_hangup" | "user_declined" | "user_requested_dnc" | "user_requested_callback" => Some("contact"),
        "agent_hangup" => Some("agent"),
        "call_transfer" | "transfer_bridged" | "call_take_over" | "manual_stopped" => Some("us"),
        reason if reason.starts_with("dial_") || reason.starts_with("telephony_") => Some("carrier"),
        reason if reason.starts_with("error_") => Some("platform"),
        _ => None,
    }
}
