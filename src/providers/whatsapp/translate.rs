//! From Meta's deliveries to changes.

use super::payload::{self, Change};
use crate::domain::{Changes, ContactReport, Direction, MessageReport, MessageStatus, Weight};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;
use crate::redact::Spoken;

/// The code of a failed status that is an opt-out: the person has switched this business's marketing off.
const OPTED_OUT_CODE: &str = "131050";

/// A delivery: every message, status and preference in it.
pub(super) fn delivery(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let mut changes = Changes::at(event.occurred_at);
    for change in payload::changes(&Reader::new(&json, &notes)) {
        match change.kind.as_str() {
            "messages" | "statuses" => messages(&change, &notes, &mut changes),
            "smb_message_echoes" => {
                let echoes = change.value.list("message_echoes");
                changes.messages.extend(echoes.iter().filter_map(|echo| echoed(echo, &change.value, &notes)));
            }
            "user_preferences" => {
                let preferences = change.value.list("user_preferences");
                changes.contacts.extend(preferences.iter().filter_map(|item| preference(item, &change.value)));
            }
            // It came together with what is read.
            _ => notes.add("skipped a change of another field".to_owned()),
        }
    }
    Ok(changes.notes(notes.into_vec()))
}

/// Neither of the things that Meta sends.
pub(super) fn unrecognized(_: &Event) -> Result<Changes, Failure> {
    Err(Failure::dead(
        "not a WhatsApp webhook: an object with `object: whatsapp_business_account` and `entry[].changes[]` was expected",
    ))
}

/// What came in, and how what went out fared.
fn messages(change: &Change<'_>, notes: &Notes, changes: &mut Changes) {
    let value = &change.value;
    for message in value.list("messages") {
        match message.text("type").as_deref() {
            Some("system") => changes.contacts.extend(system(&message, value, notes)),
            // The person has opened the chat and written nothing.
            Some("request_welcome") => notes.add("a chat was opened".to_owned()),
            _ => changes.messages.extend(received(&message, value, notes)),
        }
    }
    for status in value.list("statuses") {
        let report = reported(&status, value, notes);
        changes.contacts.extend(report.as_ref().and_then(refusal));
        changes.messages.extend(report);
    }
    if let Some(code) = payload::error_code(value) {
        notes.add(format!("WhatsApp reports error {code}"));
    }
}

/// A message that came in. An edit is the original with other words, a deletion the original without any.
fn received(message: &Reader<'_>, value: &Reader<'_>, notes: &Notes) -> Option<MessageReport> {
    let kind = message.text("type").unwrap_or_default();
    let (from, name) = payload::writer(message, value);
    let report = report(message, Direction::Inbound, notes)?;
    Some(MessageReport {
        from,
        to: payload::our_number(value),
        contact_name: name.map(|name| (Weight(1), name)),
        body: match kind.as_str() {
            "edit" => payload::body(&message.object("edit").object("message")),
            "revoke" => Some(Spoken::new("[deleted]")),
            _ => payload::body(message),
        },
        status: Some(MessageStatus::Received),
        sent_at: report.sent_at.filter(|_| !matches!(kind.as_str(), "edit" | "revoke")),
        ..report
    })
}

/// A message that one of us has written in the WhatsApp Business app.
fn echoed(echo: &Reader<'_>, value: &Reader<'_>, notes: &Notes) -> Option<MessageReport> {
    Some(MessageReport {
        from: payload::our_number(value),
        to: payload::person(echo, &["to", "to_user_id"]),
        body: payload::body(echo),
        status: Some(MessageStatus::Sent),
        ..report(echo, Direction::Outbound, notes)?
    })
}

/// How far a message of ours has come.
fn reported(status: &Reader<'_>, value: &Reader<'_>, notes: &Notes) -> Option<MessageReport> {
    let word = status.text("status").unwrap_or_default();
    let known = payload::status(&word);
    if known.is_none() {
        status.skipped("status", "one that is known");
    }
    Some(MessageReport {
        from: payload::our_number(value),
        to: payload::person(status, &["recipient_id", "recipient_user_id"]),
        status: known,
        error: payload::error_code(status).filter(|_| known == Some(MessageStatus::Failed)),
        callback_data: status.text("biz_opaque_callback_data"),
        ..report(status, Direction::Outbound, notes)?
    })
}

/// What all of them have: an id and a time.
fn report(item: &Reader<'_>, direction: Direction, notes: &Notes) -> Option<MessageReport> {
    let Some(message_id) = payload::subject(item) else {
        notes.add("skipped a message without an id".to_owned());
        return None;
    };
    let at = item.time_s("timestamp");
    Some(MessageReport {
        at,
        message_id,
        channel: "whatsapp",
        direction,
        from: None,
        to: None,
        contact_name: None,
        body: None,
        status: None,
        error: None,
        sent_at: at,
        callback_data: None,
    })
}

/// A failure that says that the person wants no marketing.
fn refusal(report: &MessageReport) -> Option<ContactReport> {
    (report.error.as_deref() == Some(OPTED_OUT_CODE)).then_some(())?;
    Some(ContactReport {
        at: report.at,
        phone: report.to.clone()?,
        our_number: report.from.clone(),
        opt_out: Some(true),
        ..ContactReport::default()
    })
}

/// The switch for marketing messages, in a change of its own.
fn preference(item: &Reader<'_>, value: &Reader<'_>) -> Option<ContactReport> {
    let is_marketing = item.text("category").is_none_or(|category| category == "marketing_messages");
    let opt_out = item.text("value").filter(|_| is_marketing).and_then(|word| payload::opts_out(&word));
    if opt_out.is_none() {
        item.skipped("value", "stop or resume of marketing messages");
    }
    switched(item, value, opt_out?, &["wa_id", "user_id"])
}

/// What WhatsApp itself tells in the chat. Leads are kept by telephone number: a new number is a new lead.
fn system(message: &Reader<'_>, value: &Reader<'_>, notes: &Notes) -> Option<ContactReport> {
    let system = message.object("system");
    let opt_out = system.text("marketing").and_then(|word| payload::opts_out(&word));
    match system.text("type").as_deref() {
        Some("user_preference_changed") if opt_out.is_some() => {
            return switched(message, value, opt_out?, &["from", "from_user_id"]);
        }
        Some("user_changed_number" | "customer_changed_number") => {
            notes.add("a person has another number now, and is another lead by it".to_owned());
        }
        Some("user_changed_user_id") => notes.add("a person has another WhatsApp user id now".to_owned()),
        Some("customer_identity_changed") => notes.add("a person has another device now".to_owned()),
        _ => notes.add("skipped a system message".to_owned()),
    }
    None
}

fn switched(item: &Reader<'_>, value: &Reader<'_>, opt_out: bool, keys: &[&str]) -> Option<ContactReport> {
    Some(ContactReport {
        at: item.time_s("timestamp"),
        phone: payload::person(item, keys)?,
        our_number: payload::our_number(value),
        opt_out: Some(opt_out),
        ..ContactReport::default()
    })
}
