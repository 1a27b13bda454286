//! From Bolna's execution records to changes.

use super::payload::Execution;
use crate::domain::{CallReport, CallStatus, Changes, Cost, Disposition, Weight};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;

/// `scheduled` to `in-progress`, and the webhook before a tool runs, which repeats `in-progress`.
pub(super) fn ongoing(event: &Event) -> Result<Changes, Failure> {
    translate(event, |execution, report| match report.status {
        Some(CallStatus::Ringing) => report.ringing_at = execution.updated_at(),
        // Taken, perhaps by a machine: how it came out is known at the end only.
        Some(CallStatus::InProgress) => report.answered_at = execution.updated_at(),
        _ => {}
    })
}

/// `call-disconnected`: the line has dropped; recording, costs and analysis are not there yet.
pub(super) fn disconnected(event: &Event) -> Result<Changes, Failure> {
    translate(event, |execution, report| {
        report.ended_at = execution.updated_at();
        if report.disposition == Some(Disposition::Answered) {
            report.answered_at = execution.conversation_began_at();
        }
        outcome(execution, Weight::PARTIAL, report);
    })
}

/// `completed`, which comes up to 13 minutes after the call, and the statuses of calls that came to nothing, which
/// come at once.
pub(super) fn finished(event: &Event) -> Result<Changes, Failure> {
    translate(event, |execution, report| {
        report.ended_at = match execution.status().as_deref() {
            Some("completed") => execution.ended_at_by_durations(),
            _ => execution.updated_at(),
        };
        if matches!(report.disposition, Some(Disposition::Answered | Disposition::Voicemail)) {
            report.answered_at = execution.taken_at();
        }
        report.recordings = execution.recording().into_iter().collect();
        outcome(execution, Weight::FINAL, report);
    })
}

/// No execution record.
pub(super) fn unrecognized(_: &Event) -> Result<Changes, Failure> {
    Err(Failure::dead("not a Bolna webhook: an execution record with `id` and `status` was expected"))
}

fn outcome(execution: &Execution<'_>, weight: Weight, report: &mut CallReport) {
    let is_final = weight == Weight::FINAL;
    report.durations = execution.durations(is_final).map(|durations| (weight, durations));
    report.hangup = execution.hangup();
    report.transcript = execution.transcript().map(|transcript| (weight, transcript));
    report.analysis = execution.analysis().map(|analysis| (weight, analysis));
    report.cost = execution.body.number("total_cost").map(|amount| (weight, Cost { amount, unit: "usd_cents" }));
}

fn translate(event: &Event, fill: impl FnOnce(&Execution<'_>, &mut CallReport)) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let execution = Execution::new(Reader::new(&json, &notes));
    let id = execution.id().ok_or_else(|| Failure::dead("id is missing"))?;
    let attempt = execution.attempt();
    let (from, to) = execution.caller_and_called();
    let status = execution.lifecycle();
    let person = execution.person();
    let mut report = CallReport {
        call_id: if attempt > 0 { format!("{id}#{attempt}") } else { id.clone() },
        parent_call_id: (attempt > 0).then_some(id),
        direction: execution.direction(),
        status,
        provider_status: execution.body.text("status"),
        disposition: (status == Some(CallStatus::Ended)).then(|| execution.disposition()).flatten(),
        from,
        to,
        our_number: execution.our_number(),
        contact_number: execution.contact_number(),
        contact_name: person.name,
        contact_email: person.email,
        agent_id: execution.body.text("agent_id"),
        // Before it is dialled a call may wait for days.
        initiated_at: (status >= Some(CallStatus::Initiated)).then(|| execution.began_at()).flatten(),
        ..CallReport::default()
    };
    fill(&execution, &mut report);
    Ok(Changes::at(event.occurred_at).call(report).notes(notes.into_vec()))
}
