//! Everything that happened between a person and the team, in one line of time, the newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CallItem, LEAD_SHOWN_MAX, LeadAppointment, LeadChange, LeadDetail, LeadJob, LeadNote, MessageItem};

/// Something that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Moment {
    /// When; null: nobody knows, and it comes last.
    pub at: Option<DateTime<Utc>>,
    /// What.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", content = "what", rename_all = "lowercase")]
pub enum Happened {
    /// They called, or were called.
    Call(Box<CallItem>),
    /// They wrote, or were written to.
    Message(MessageItem),
    /// Something was to be done for them.
    Job(LeadJob),
    /// Something was noted.
    Note(LeadNote),
    /// They booked something.
    Appointment(LeadAppointment),
    /// Somebody decided something.
    Change(LeadChange),
}

/// The line of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Timeline {
    /// What happened, the newest first.
    pub items: Vec<Moment>,
    /// Before then not everything is here, and nothing is shown: there is more of something than is read of a person.
    pub since: Option<DateTime<Utc>>,
}

/// All of it, merged.
pub fn of_lead(lead: &LeadDetail) -> Timeline {
    let moment = |at, happened| Moment { at, happened };
    let mut items: Vec<Moment> = Vec::new();
    items.extend(lead.calls.iter().map(|call| moment(call.started_at, Happened::Call(Box::new(call.clone())))));
    items.extend(lead.messages.iter().map(|message| moment(message.sent_at, Happened::Message(message.clone()))));
    items.extend(
        lead.jobs.iter().map(|job| moment(Some(job.settled_at.unwrap_or(job.due_at)), Happened::Job(job.clone()))),
    );
    items.extend(lead.notes.iter().map(|note| moment(Some(note.at), Happened::Note(note.clone()))));
    let appointments = lead.appointments.iter();
    items.extend(appointments.map(|one| moment(Some(one.created_at), Happened::Appointment(one.clone()))));
    items.extend(lead.changes.iter().map(|change| moment(Some(change.at), Happened::Change(change.clone()))));
    let since = since(lead);
    items.retain(|item| since.is_none_or(|since| item.at.is_some_and(|at| at >= since)));
    // What has no time comes last.
    items.sort_by_key(|item| std::cmp::Reverse(item.at));
    Timeline { items, since }
}

/// Where a list was cut off, everything before its end is left away: a line of time with gaps tells a wrong story.
fn since(lead: &LeadDetail) -> Option<DateTime<Utc>> {
    let most = usize::try_from(LEAD_SHOWN_MAX).unwrap_or(usize::MAX);
    let end = |length: usize, last: Option<DateTime<Utc>>| last.filter(|_| length >= most);
    [
        end(lead.calls.len(), lead.calls.last().and_then(|call| call.started_at)),
        end(lead.messages.len(), lead.messages.last().and_then(|message| message.sent_at)),
        end(lead.notes.len(), lead.notes.last().map(|note| note.at)),
        end(lead.changes.len(), lead.changes.last().map(|change| change.at)),
    ]
    .into_iter()
    .flatten()
    .max()
}
