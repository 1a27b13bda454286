//! From Voicenter's events to changes.

use serde_json::Value;

use super::payload::{self, first};
use crate::domain::{
    CallReport, CallStatus, Changes, Cost, Direction, Disposition, Durations, Hangup, RecordingKind, RecordingReport,
    Weight,
};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;
use crate::redact::PersonName;

/// A CDR: a call, or a leg of one, that is over.
pub(super) fn cdr(event: &Event) -> Result<Changes, Failure> {
    let json = payload::lower_keys(&event.json()?);
    let notes = Notes::default();
    let body = Reader::new(&json, &notes);
    let id = payload::ivr_id(&body).ok_or_else(|| Failure::dead("ivruniqueid is missing"))?;
    Ok(Changes::at(event.occurred_at).call(report(&body, id)).notes(notes.into_vec()))
}

/// An answer of the Call Log, handed on to repair what was lost: many CDRs.
pub(super) fn call_log(event: &Event) -> Result<Changes, Failure> {
    let json = payload::lower_keys(&event.json()?);
    let notes = Notes::default();
    let mut changes = Changes::at(event.occurred_at);
    for record in json.get("cdr_list").and_then(Value::as_array).into_iter().flatten() {
        let record = payload::lower_keys(record);
        let record = Reader::new(&record, &notes);
        // In the Call Log the `CallID` is the call's own also for calls of the dialer.
        match payload::ivr_id(&record).or_else(|| record.text("callid")) {
            Some(id) => changes = changes.call(report(&record, id)),
            None => notes.add("skipped a record of CDR_LIST: CallID is missing".to_owned()),
        }
    }
    Ok(changes.notes(notes.into_vec()))
}

/// A popup: what happens at one extension while the call goes on. The CDR that follows knows better, so little is
/// claimed; the extension is left to it too, for it names people by another code.
pub(super) fn popup(event: &Event) -> Result<Changes, Failure> {
    let json = payload::lower_keys(&event.json()?);
    let notes = Notes::default();
    let body = Reader::new(&json, &notes);
    let call_id = payload::ivr_id(&body).ok_or_else(|| Failure::dead("ivrid is missing"))?;
    let provider_status = first(&body, payload::STATUS, Reader::text);
    let word = provider_status.clone().unwrap_or_default().to_lowercase();
    let started = body.time_s("callstarted");
    // Another extension may have taken a call that stopped ringing here: only the CDR knows that nobody did.
    let answered = word == "talking" || (word == "hangup" && body.boolean("isanswered") == Some(true));
    let did = first(&body, payload::DID, Reader::phone);
    let direction = match body.object("currentcall").boolean("isInternal") {
        Some(true) => Some(Direction::Internal),
        _ => payload::direction_field(&body)
            .or((word == "dialing").then_some(Direction::Outbound))
            .or(did.as_ref().map(|_| Direction::Inbound)),
    };
    let phone = first(&body, payload::CALLER, Reader::phone);
    let (from, to) = match direction {
        Some(Direction::Inbound) => (phone.clone(), did.clone()),
        Some(Direction::Outbound) => (did.clone(), phone.clone()),
        Some(Direction::Internal) | None => (None, None),
    };
    let name = body.text("callername").filter(|name| name.chars().any(char::is_alphabetic));
    let report = CallReport {
        call_id,
        direction,
        status: match word.as_str() {
            "dialing" => Some(CallStatus::Initiated),
            "ringing" => Some(CallStatus::Ringing),
            "talking" => Some(CallStatus::InProgress),
            "hangup" => Some(CallStatus::Ended),
            _ => None,
        },
        provider_status,
        disposition: answered.then_some(Disposition::Answered),
        from,
        to,
        our_number: did,
        contact_number: phone.filter(|_| direction != Some(Direction::Internal)),
        contact_name: name.map(|name| (Weight(1), PersonName::new(name))),
        initiated_at: started,
        ringing_at: started.filter(|_| word == "ringing"),
        answered_at: if answered { body.time_s("callanswered") } else { None },
        hangup: body.text("cause").map(|reason| Hangup { by: None, reason: Some(reason) }),
        ..CallReport::default()
    };
    Ok(Changes::at(event.occurred_at).call(report).notes(notes.into_vec()))
}

/// None of the kinds of event.
pub(super) fn unrecognized(_: &Event) -> Result<Changes, Failure> {
    Err(Failure::dead("not a Voicenter webhook: a CDR (`ivruniqueid`, `status`) or a popup (`ivrid`) was expected"))
}

fn report(cdr: &Reader<'_>, id: String) -> CallReport {
    let leg = payload::leg(cdr);
    let direction = payload::direction(cdr);
    let disposition = payload::disposition(cdr);
    let times = payload::times(cdr);
    let provider_status = first(cdr, payload::STATUS, Reader::text);
    let mut report = CallReport {
        // Both legs may have the id of the whole.
        call_id: leg.map_or_else(|| id.clone(), |leg| format!("{id}#{leg}")),
        parent_call_id: cdr
            .text("originalivruniqueid")
            .filter(|original| *original != id)
            .or_else(|| leg.map(|_| id.clone())),
        direction,
        status: Some(CallStatus::Ended),
        disposition,
        agent_id: first(cdr, payload::REPRESENTATIVE_CODE, Reader::text),
        agent_name: first(cdr, payload::REPRESENTATIVE_NAME, Reader::name),
        initiated_at: times.started,
        answered_at: times.rung.filter(|_| disposition == Some(Disposition::Answered)),
        ended_at: times.ended,
        durations: (times.total_ms.or(times.talk_ms))
            .map(|_| (Weight::WHOLE, Durations { total_ms: times.total_ms, talk_ms: times.talk_ms })),
        hangup: provider_status
            .clone()
            .filter(|status| status.eq_ignore_ascii_case("ABANDONE"))
            .map(|status| Hangup { by: Some("contact".to_owned()), reason: Some(status) }),
        provider_status,
        cost: cdr.number("price").map(|amount| (Weight::WHOLE, Cost { amount, unit: "ils_agorot" })),
        ..CallReport::default()
    };
    let kind = match disposition {
        Some(Disposition::Voicemail) => RecordingKind::Voicemail,
        _ => RecordingKind::Call,
    };
    report.recordings = first(cdr, payload::RECORDING, Reader::text)
        .map(|url| RecordingReport {
            kind,
            key: url.clone(),
            stored: None,
            url: Some(url),
            duration_ms: times.talk_ms,
            started_at: times.started,
        })
        .into_iter()
        .collect();
    parties(cdr, &mut report);
    if cdr.value("aidata").is_some_and(|data| data.as_str() != Some("")) {
        let ai = cdr.object("aidata");
        report.transcript = payload::transcript(&ai).map(|transcript| (Weight::WHOLE, transcript));
        report.analysis = payload::analysis(&ai).map(|analysis| (Weight::WHOLE, analysis));
        report.contact_name = payload::said_name(&ai, report.direction).map(|name| (Weight(2), name));
    }
    report
}

/// Who speaks with whom. An incoming call goes to the number that was dialled; `target` is where it was put through.
fn parties(cdr: &Reader<'_>, report: &mut CallReport) {
    let did = first(cdr, payload::DID, Reader::phone);
    let target = first(cdr, payload::TARGET, Reader::phone);
    let inbound = report.direction == Some(Direction::Inbound);
    if inbound {
        report.from = first(cdr, payload::CALLER, Reader::phone);
        report.to = did.clone().or(target);
        report.our_number = did;
    } else {
        report.from = first(cdr, payload::SHOWN, Reader::phone);
        report.to = target;
    }
    let (extension, extension_name): (&[&str], _) = if inbound {
        (&["targetextension", "extenuser"], "targetextension_name")
    } else {
        (&["callerextension", "extenuser", "targetextension"], "callerextension_name")
    };
    report.agent_id = report.agent_id.take().or_else(|| first(cdr, extension, Reader::text));
    report.agent_name = report.agent_name.take().or_else(|| cdr.name(extension_name));
}
