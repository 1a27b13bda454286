//! From ElevenLabs' events to changes.

use super::payload::{self, Parties, RootSpan};
use crate::domain::{
    Analysis, CallReport, CallStatus, Changes, Cost, Direction, Disposition, Durations, Hangup, RecordingKind,
    RecordingReport, Weight,
};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;
use crate::redact::{Phone, Spoken};

/// `post_call_transcription`: the whole conversation record, after its analysis.
pub(super) fn transcription(event: &Event) -> Result<Changes, Failure> {
    translate(event, |_, data, report| {
        let status = payload::lifecycle(data);
        let weight = match data.text("status").as_deref() {
            Some("initiated" | "in-progress" | "processing") => Weight::PARTIAL,
            _ => Weight::WHOLE,
        };
        let person = payload::person(data);
        report.status = Some(status);
        report.provider_status = data.text("status");
        report.disposition = payload::disposition(data);
        report.agent_name = data.name("agent_name");
        report.contact_name = person.name;
        report.contact_email = person.email;
        report.initiated_at = payload::initiated_at(data);
        report.answered_at = payload::was_taken(data).then(|| payload::started_at(data)).flatten();
        if status == CallStatus::Ended {
            report.ended_at = payload::ended_at(data);
            report.durations = payload::duration_ms(data).map(|ms| (weight, whole(ms)));
            report.hangup = payload::hangup(data);
        }
        report.transcript = payload::transcript(data).map(|transcript| (weight, transcript));
        report.analysis = payload::analysis(data).map(|analysis| (weight, analysis));
        report.cost = data.object("metadata").number("cost").map(|amount| (weight, Cost { amount, unit: "credits" }));
        set_parties(report, payload::parties(data));
    })
}

/// `post_call_transcription_otel`: the same conversation as a trace. What its root span says is cut short, so what
/// `post_call_transcription` says of the same call counts more.
pub(super) fn traces(event: &Event) -> Result<Changes, Failure> {
    translate(event, |_, data, report| {
        report.status = Some(CallStatus::Ended);
        let Some(root) = RootSpan::of(data) else { return };
        let duration_ms = root.duration_ms();
        let was_taken = duration_ms.is_some_and(|ms| ms > 0);
        report.contact_number = root.text("elevenlabs.telephony.external_number").map(Phone::new);
        report.initiated_at = root.time("startTimeUnixNano");
        report.answered_at = report.initiated_at.filter(|_| was_taken);
        report.ended_at = root.time("endTimeUnixNano");
        report.disposition = was_taken.then_some(Disposition::Answered);
        report.durations = duration_ms.map(|ms| (Weight::PARTIAL, whole(ms)));
        report.hangup = root
            .text("elevenlabs.termination_reason")
            .map(|reason| Hangup { by: payload::who_hung_up(&reason).map(str::to_owned), reason: Some(reason) });
        let summary = root.text("elevenlabs.analysis.transcript_summary").map(Spoken::new);
        report.analysis =
            summary.map(|summary| (Weight::PARTIAL, Analysis { summary: Some(summary), ..Analysis::default() }));
    })
}

/// `post_call_audio`: the door has taken the audio out of the payload and keeps it under the id of connection and
/// event.
pub(super) fn audio(event: &Event) -> Result<Changes, Failure> {
    translate(event, |_, data, report| {
        report.status = Some(CallStatus::Ended);
        if data.value("full_audio").is_some() {
            data.skipped("full_audio", "base64");
        } else if data.integer("audio_bytes").is_some() {
            report.recordings.push(RecordingReport {
                kind: RecordingKind::Call,
                key: event.external_event_id.clone(),
                stored: Some(event.connection_id),
                url: None,
                duration_ms: None,
                started_at: None,
            });
        }
    })
}

/// `call_initiation_failure`: a call of ours that was not taken, or not put through.
pub(super) fn initiation_failure(event: &Event) -> Result<Changes, Failure> {
    translate(event, |_, data, report| {
        let carrier = data.object("metadata").object("body");
        let reason = data.text("failure_reason");
        report.status = Some(CallStatus::Ended);
        report.provider_status = reason.clone();
        report.disposition = Some(match reason.as_deref() {
            Some("busy") => Disposition::Busy,
            Some("no-answer") => Disposition::NoAnswer,
            _ => Disposition::Failed,
        });
        report.direction = Some(match carrier.text("Direction") {
            Some(direction) if direction.starts_with("inbound") => Direction::Inbound,
            _ => Direction::Outbound,
        });
        report.ended_at = carrier.time_s("Timestamp").or(event.occurred_at);
        report.hangup = reason.map(|reason| Hangup { by: Some("carrier".to_owned()), reason: Some(reason) });
        // Twilio's names, then those of a SIP trunk.
        report.from = carrier.phone("From").or_else(|| carrier.phone("from_number"));
        report.to = carrier.phone("To").or_else(|| carrier.phone("to_number"));
    })
}

/// `conversation.ended` of the flat form.
pub(super) fn flat(event: &Event) -> Result<Changes, Failure> {
    translate(event, |body, _, report| {
        let duration_ms = payload::flat_duration_ms(body);
        let transcript = payload::flat_transcript(body);
        let was_taken = duration_ms.is_some_and(|ms| ms > 0) || transcript.is_some();
        report.status = Some(CallStatus::Ended);
        report.disposition = was_taken.then_some(Disposition::Answered);
        report.agent_name = body.name("agent_name");
        report.initiated_at = payload::flat_started_at(body);
        report.answered_at = report.initiated_at.filter(|_| was_taken);
        report.ended_at = payload::flat_ended_at(body);
        report.durations = duration_ms.map(|ms| (Weight::WHOLE, whole(ms)));
        report.transcript = transcript.map(|transcript| (Weight::WHOLE, transcript));
        report.analysis = payload::analysis(body).map(|analysis| (Weight::WHOLE, analysis));
        let (ours, theirs) = (body.phone("phone_number"), body.phone("caller_phone"));
        set_parties(report, Parties { direction: Some(Direction::Inbound), ours, theirs });
    })
}

/// Neither an event nor a question before a call.
pub(super) fn unrecognized(_: &Event) -> Result<Changes, Failure> {
    Err(Failure::dead("not an ElevenLabs webhook: an object with `type` and `data` was expected"))
}

/// `fill` gets the whole body, its `data`, and the report. The flat form has everything at the top.
fn translate(event: &Event, fill: impl FnOnce(&Reader<'_>, &Reader<'_>, &mut CallReport)) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let body = Reader::new(&json, &notes);
    let is_flat = body.value("type").is_none();
    let data = if is_flat { body.clone() } else { body.object("data") };
    let call_id = data.text("conversation_id").ok_or_else(|| {
        Failure::dead(if is_flat { "conversation_id is missing" } else { "data.conversation_id is missing" })
    })?;
    let mut report = CallReport { call_id, agent_id: data.text("agent_id"), ..CallReport::default() };
    fill(&body, &data, &mut report);
    Ok(Changes::at(event.occurred_at).call(report).notes(notes.into_vec()))
}

fn set_parties(report: &mut CallReport, parties: Parties) {
    (report.from, report.to) = parties.caller_and_called();
    report.direction = parties.direction;
    report.our_number = parties.ours;
    report.contact_number = parties.theirs;
}

/// There is one duration, and no ringing in it.
fn whole(ms: i64) -> Durations {
    Durations { total_ms: Some(ms), talk_ms: Some(ms) }
}
