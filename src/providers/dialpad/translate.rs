//! From Dialpad's events to changes.

use std::collections::BTreeSet;

use super::payload;
use crate::domain::{
    CallReport, CallStatus, Changes, ContactReport, Direction, Disposition, Durations, Hangup, MessageReport,
    MessageStatus, RecordingKind, RecordingReport, Transcript, Weight,
};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;
use crate::redact::{Email, PersonName, Phone};

/// Any state of a call: one object, filled further with every event.
pub(super) fn call(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let call = Reader::new(&json, &notes);
    if call.value("call_id").is_none() && call.value("event_type").is_some() {
        // `{"event_type": "call.missed", …}`: a state by name, the other form by content.
        return in_house(event);
    }
    let call_id = call.text("call_id").ok_or_else(|| Failure::dead("call_id is missing"))?;
    let state = call.text("state").ok_or_else(|| Failure::dead("state is missing"))?;
    let has_end = || call.time_ms("date_ended").map(|_| CallStatus::Ended);
    let mut report = CallReport {
        parent_call_id: payload::parent_call_id(&call, &call_id),
        call_id,
        direction: payload::direction(&call),
        status: payload::status(&state).or_else(has_end),
        disposition: payload::disposition(&state, &call),
        initiated_at: call.time_ms("date_started"),
        ringing_at: call.time_ms("date_first_rang").or_else(|| call.time_ms("date_rang")),
        answered_at: call.time_ms("date_connected"),
        recordings: payload::recordings(&call),
        analysis: payload::analysis(&call),
        ..CallReport::default()
    };
    if payload::is_of_the_call(&state) {
        report.provider_status = Some(state.clone());
    }
    let ended = report.status == Some(CallStatus::Ended);
    if ended {
        // An event of a ringing call may have `date_ended` too: another extension has stopped ringing.
        report.ended_at = call.time_ms("date_ended");
        report.durations = payload::durations(&call).map(|durations| (Weight::WHOLE, durations));
    }
    let weight = if ended { Weight::WHOLE } else { Weight::PARTIAL };
    report.transcript =
        call.spoken("transcription_text").map(|text| (weight, Transcript { text, ..Transcript::default() }));
    if state == "blocked" {
        report.hangup = Some(Hangup { by: Some("us".to_owned()), reason: Some(state) });
    }
    parties(&call, &mut report);
    Ok(Changes::at(event.occurred_at).call(report).notes(notes.into_vec()))
}

/// `{event_type, payload: {call: {id, direction, from, to, started_at, ended_at, duration, status}}}`.
pub(super) fn in_house(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let body = Reader::new(&json, &notes);
    let inner = body.object("payload");
    let call = inner.object("call");
    let event_type = body.text("event_type").unwrap_or_default();
    let state = event_type.strip_prefix("call.").unwrap_or(&event_type);
    let status = match state {
        "started" => Some(CallStatus::Initiated),
        "ring" => Some(CallStatus::Ringing),
        "ended" | "recording.completed" => Some(CallStatus::Ended),
        state => payload::status(state),
    };
    let word = call.text("status");
    let mut report = CallReport {
        call_id: call.text("id").ok_or_else(|| Failure::dead("payload.call.id is missing"))?,
        direction: payload::direction(&call),
        status,
        provider_status: word.clone(),
        from: call.phone("from"),
        to: call.phone("to"),
        initiated_at: call.time_ms("started_at"),
        answered_at: call.time_ms("answered_at"),
        ..CallReport::default()
    };
    if status == Some(CallStatus::Ended) {
        report.ended_at = call.time_ms("ended_at");
        report.disposition = word
            .as_deref()
            .and_then(payload::in_house_disposition)
            .or_else(|| (state == "missed").then_some(Disposition::NoAnswer));
        report.durations =
            call.seconds_as_ms("duration").map(|ms| (Weight::WHOLE, Durations { total_ms: Some(ms), talk_ms: None }));
    }
    let link = call.text("recording_url").or_else(|| inner.text("recording_url"));
    report.recordings = link
        .or_else(|| inner.object("recording").text("url"))
        .map(|url| RecordingReport {
            kind: RecordingKind::Call,
            key: url.clone(),
            stored: None,
            url: Some(url),
            duration_ms: None,
            started_at: None,
        })
        .into_iter()
        .collect();
    Ok(Changes::at(event.occurred_at).call(report).notes(notes.into_vec()))
}

/// A text message. Inbound ones say `pending` all their life.
pub(super) fn sms(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let sms = Reader::new(&json, &notes);
    let direction = match sms.text("direction").as_deref() {
        Some("inbound") => Direction::Inbound,
        Some("outbound") => Direction::Outbound,
        _ => return Err(Failure::dead("direction is missing")),
    };
    let to = payload::texts(&sms, "to_number");
    if to.len() > 1 {
        notes.add(format!("to_number lists {} numbers; the first is kept", to.len()));
    }
    let status = match (direction, sms.text("message_status").as_deref()) {
        (Direction::Inbound, _) => Some(MessageStatus::Received),
        (_, Some("pending")) => Some(MessageStatus::Pending),
        (_, Some("success")) => Some(MessageStatus::Sent),
        (_, Some("failed")) => Some(MessageStatus::Failed),
        _ => None,
    };
    let report = MessageReport {
        at: None,
        message_id: sms.text("id").ok_or_else(|| Failure::dead("id is missing"))?,
        channel: "sms",
        direction,
        from: sms.phone("from_number"),
        to: to.into_iter().next().map(Phone::new),
        contact_name: payload::contact_name(&sms.object("contact")),
        // Absent without the scope message_content_export.
        body: sms.spoken("text").or_else(|| sms.spoken("text_content")),
        status,
        error: sms.text("message_delivery_result").filter(|result| result != "accepted"),
        sent_at: sms.time_ms("created_date"),
        callback_data: None,
    };
    Ok(Changes::at(event.occurred_at).message(report).notes(notes.into_vec()))
}

/// A person in the address book: every number of theirs.
pub(super) fn contact(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let body = Reader::new(&json, &notes);
    let contact = body.object("contact");
    let parts = [contact.text("first_name"), contact.text("last_name")];
    let name = contact
        .text("display_name")
        .or_else(|| Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" ")))
        .filter(|name| name.chars().any(char::is_alphabetic));
    let emails = contact.text("primary_email").into_iter().chain(payload::texts(&contact, "emails"));
    let email = emails.into_iter().find(|email| email.contains('@'));
    let phones: BTreeSet<String> =
        payload::texts(&contact, "primary_phone").into_iter().chain(payload::texts(&contact, "phones")).collect();
    let mut changes = Changes::at(event.occurred_at);
    for phone in phones {
        changes = changes.contact(ContactReport {
            phone: Phone::new(phone),
            name: name.clone().map(|name| (Weight(3), PersonName::new(name))),
            email: email.clone().map(|email| (Weight(3), Email::new(email))),
            ..ContactReport::default()
        });
    }
    Ok(changes.notes(notes.into_vec()))
}

/// None of the kinds of event.
pub(super) fn unrecognized(_: &Event) -> Result<Changes, Failure> {
    Err(Failure::dead(
        "not a Dialpad webhook: a call (`call_id`, `state`), a message (`message_status`, `direction`), an agent's \
         status, a contact, a change log entry, or an object with `event_type` was expected",
    ))
}

/// Who speaks with whom.
fn parties(call: &Reader<'_>, report: &mut CallReport) {
    let (external, internal) = (call.phone("external_number"), call.phone("internal_number"));
    (report.from, report.to) = match call.text("direction").as_deref() {
        Some("inbound") => (external.clone(), internal),
        Some("outbound") => (internal, external.clone()),
        _ => (None, None),
    };
    let contact = call.object("contact");
    // The contact's own number may be another than the one they call from.
    report.contact_number = external.or_else(|| contact.phone("phone"));
    report.our_number = payload::our_number(call);
    report.contact_name = payload::contact_name(&contact);
    report.contact_email = contact.email("email").map(|email| (Weight(3), email));
    let target = call.object("target");
    if target.text("type").as_deref() == Some("user") {
        report.agent_id = target.text("id");
        report.agent_name = target.name("name");
    }
    if report.direction == Some(Direction::Internal) {
        // Among colleagues nobody is a lead.
        report.contact_number = None;
        report.contact_name = None;
        report.contact_email = None;
    }
}
