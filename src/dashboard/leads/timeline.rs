//! Everything that happened between a person and the team, in words.

use chrono::{DateTime, Utc};

use super::super::shell::Shell;
use super::super::show;
use crate::store::people::{CallItem, Happened, LeadAppointment, LeadChange, LeadJob, LeadNote, MessageItem, Moment};

/// One thing that happened.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) at: Option<DateTime<Utc>>,
    /// call, message, job, note, appointment, change.
    pub(super) kind: &'static str,
    pub(super) title: String,
    /// A mark: its class and its words.
    pub(super) mark: Option<(&'static str, String)>,
    /// What was said, written or noted.
    pub(super) text: Option<String>,
    pub(super) by: Option<String>,
    /// The page of it.
    pub(super) href: Option<String>,
}

/// A page of it, in words.
pub(super) fn of(moments: &[Moment], shell: &Shell) -> Vec<Entry> {
    moments.iter().map(|moment| Entry { at: moment.at, ..entry(&moment.happened, shell) }).collect()
}

fn entry(happened: &Happened, shell: &Shell) -> Entry {
    match happened {
        Happened::Call(call) => of_call(call, shell),
        Happened::Message(message) => of_message(message),
        Happened::Job(job) => of_job(job),
        Happened::Note(note) => of_note(note),
        Happened::Appointment(appointment) => of_appointment(appointment, shell),
        Happened::Change(change) => of_change(change),
    }
}

fn of_call(call: &CallItem, shell: &Shell) -> Entry {
    let direction = match call.direction.as_deref() {
        Some("inbound") => "They called",
        Some("outbound") => "We called",
        _ => "A call",
    };
    let length = call.duration_ms.map(|ms| format!(", {}", show::length(&Some(ms)))).unwrap_or_default();
    let outcome = call.disposition.as_deref().or(call.status.as_deref());
    let mark = match (call.is_missed, outcome) {
        (true, _) => Some(("bad", "Missed".to_owned())),
        (_, Some("answered")) => Some(("good", "Answered".to_owned())),
        (_, word) => word.map(|word| ("", show::words(word))),
    };
    Entry {
        kind: "call",
        title: format!("{direction}{length}"),
        mark,
        text: call.summary.clone(),
        by: call.agent_name.clone(),
        href: Some(shell.to(&format!("/calls/{}", call.id))),
        ..Entry::default()
    }
}

fn of_message(message: &MessageItem) -> Entry {
    let channel = match message.channel.as_str() {
        "whatsapp" => "WhatsApp".to_owned(),
        "sms" => "SMS".to_owned(),
        other => show::words(other),
    };
    let who = if message.direction == "inbound" { "They wrote" } else { "We wrote" };
    let mark = match (&message.error, message.status.as_deref()) {
        (Some(error), _) => Some(("bad", format!("Failed: {error}"))),
        (None, Some("failed")) => Some(("bad", "Failed".to_owned())),
        (None, word) => word.filter(|_| message.direction != "inbound").map(|word| ("", show::words(word))),
    };
    Entry {
        kind: "message",
        title: format!("{who} over {channel}"),
        mark,
        text: message.body.clone(),
        ..Entry::default()
    }
}

fn of_job(job: &LeadJob) -> Entry {
    let title = match job.kind.as_str() {
        "start_outreach" => "Outreach after a missed call".to_owned(),
        "send_reminder" => "Reminder".to_owned(),
        "resend_message" => "Message to be sent again".to_owned(),
        "analyze_call" => "Analysis of a call".to_owned(),
        "analyze_lead" => "Analysis of the person".to_owned(),
        "send_alert" => "Colleagues told".to_owned(),
        other => show::words(other),
    };
    let class = match job.state.as_str() {
        "done" => "good",
        "dead" => "bad",
        "pending" => "on",
        _ => "",
    };
    Entry {
        kind: "job",
        title,
        mark: Some((class, show::words(&job.state))),
        text: job.last_error.clone().filter(|_| job.state == "dead" || job.state == "pending").or(job.note.clone()),
        ..Entry::default()
    }
}

fn of_note(note: &LeadNote) -> Entry {
    let wanted = note.wanted_at.map(|at| format!(", wanted {}", at.format("%-d %b %Y, %H:%M"))).unwrap_or_default();
    let is_open = note.resolved_at.is_none() && ["flag", "callback"].contains(&note.kind.as_str());
    Entry {
        kind: "note",
        title: format!("{}{wanted}{}", show::words(&note.kind), verification(note.unverified)),
        mark: is_open.then(|| ("warn", "Open".to_owned())),
        text: note.body.clone(),
        by: note.author.clone(),
        ..Entry::default()
    }
}

fn of_appointment(appointment: &LeadAppointment, shell: &Shell) -> Entry {
    let mark = match (appointment.moved_to, appointment.cancelled_at) {
        (Some(_), _) => Some(("", "Moved".to_owned())),
        (None, Some(_)) => Some(("bad", "Called off".to_owned())),
        (None, None) if appointment.starts_at >= shell.now => Some(("on", "To come".to_owned())),
        (None, None) => None,
    };
    let name = appointment.name.as_ref().map(|name| format!(" for {name}")).unwrap_or_default();
    Entry {
        kind: "appointment",
        title: format!(
            "Booked{name}: {}{}",
            show::moment(&appointment.starts_at, shell.zone),
            verification(appointment.unverified)
        ),
        mark,
        text: appointment.purpose.clone(),
        ..Entry::default()
    }
}

/// Whoever asked for it gave this number, and no platform vouched for it.
fn verification(is_unverified: bool) -> &'static str {
    if is_unverified { " (number not verified)" } else { "" }
}

fn of_change(change: &LeadChange) -> Entry {
    let said: Vec<String> = change
        .fields
        .iter()
        .map(|field| match (field.as_str(), &change.stage, change.do_not_contact) {
            ("stage", Some(stage), _) => format!("stage to {stage}"),
            ("stage", None, _) => "stage to what is derived".to_owned(),
            ("do_not_contact", _, Some(true)) => "never to be written to".to_owned(),
            ("do_not_contact", _, Some(false)) => "may be written to".to_owned(),
            ("do_not_contact", _, None) => "written to as they asked".to_owned(),
            (other, ..) => other.to_owned(),
        })
        .collect();
    Entry {
        kind: "change",
        title: format!("Set by hand: {}", said.join(", ")),
        by: Some(change.by.clone()),
        ..Entry::default()
    }
}
