//! Everything that happened between a person and the team, in one line of time, page by page, the newest first.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::lead::{LeadJob, jobs_of};
use super::lead_history::{self, LeadAppointment, LeadChange, LeadNote};
use super::{CallFilter, CallItem, MessageItem, Place, calls, messages};
use crate::access::TenantScope;

/// What happened, of a page: of each kind as much is read, so that the page is whole whatever it is made of.
const ROWS: usize = 100;

/// A place in the line of time: when, which kind, which one. What has no time comes last.
pub type StoryPlace = (Option<DateTime<Utc>>, u8, Uuid);

/// A page of what happened.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct Story {
    pub calls: Vec<CallItem>,
    pub messages: Vec<MessageItem>,
    pub notes: Vec<LeadNote>,
    pub appointments: Vec<LeadAppointment>,
    pub changes: Vec<LeadChange>,
    /// Those of the page's calls and messages, whenever they were done.
    pub jobs: Vec<LeadJob>,
    /// Where the next page begins; `None`: there is no more.
    pub next: Option<StoryPlace>,
}

/// A page after a place.
pub async fn page(
    connection: &mut PgConnection,
    scope: &TenantScope,
    lead: Uuid,
    after: Option<StoryPlace>,
) -> Result<Story, sqlx::Error> {
    let number = sqlx::query_file_scalar!("sql/people/number_of_lead.sql", lead, scope.tenant())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(number) = number else { return Ok(Story::default()) };
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let filter = CallFilter { number: Some(number.clone()), ..CallFilter::default() };
    let mut story = Story {
        calls: calls::list(&mut *connection, scope, &filter, of_kind(after, 0), limit).await?.items,
        messages: messages::of_number(&mut *connection, scope, &number, of_kind(after, 1), limit).await?,
        notes: lead_history::notes(&mut *connection, scope, &number, of_kind(after, 2), limit).await?,
        appointments: lead_history::bookings(&mut *connection, scope, &number, of_kind(after, 3), limit).await?,
        changes: lead_history::changes(&mut *connection, lead, of_kind(after, 4), limit).await?,
        ..Story::default()
    };
    story.cut();
    story.jobs = jobs_of(connection, scope, lead, &story.calls, &story.messages).await?;
    Ok(story)
}

/// A place among the rows of one kind: at the same moment, kinds stand in their order.
fn of_kind(after: Option<StoryPlace>, kind: u8) -> Option<Place> {
    let (at, last, id) = after?;
    Some(match kind.cmp(&last) {
        std::cmp::Ordering::Less => (at, Uuid::max()),
        std::cmp::Ordering::Equal => (at, id),
        std::cmp::Ordering::Greater => (at, Uuid::nil()),
    })
}

/// Smaller for what comes first.
fn order((at, kind, id): &StoryPlace) -> (Reverse<Option<DateTime<Utc>>>, u8, Uuid) {
    (Reverse(*at), *kind, *id)
}

impl Story {
    /// Keeps the first rows of all kinds together.
    fn cut(&mut self) {
        let mut places: Vec<StoryPlace> = self.calls.iter().map(place_of_call).collect();
        places.extend(self.messages.iter().map(place_of_message));
        places.extend(self.notes.iter().map(place_of_note));
        places.extend(self.appointments.iter().map(place_of_booking));
        places.extend(self.changes.iter().map(place_of_change));
        if places.len() <= ROWS {
            return;
        }
        places.sort_by_key(order);
        let last = places[ROWS - 1];
        let is_here = |place: StoryPlace| order(&place) <= order(&last);
        self.calls.retain(|call| is_here(place_of_call(call)));
        self.messages.retain(|message| is_here(place_of_message(message)));
        self.notes.retain(|note| is_here(place_of_note(note)));
        self.appointments.retain(|booking| is_here(place_of_booking(booking)));
        self.changes.retain(|change| is_here(place_of_change(change)));
        self.next = Some(last);
    }
}

fn place_of_call(call: &CallItem) -> StoryPlace {
    (call.started_at, 0, call.id)
}

fn place_of_message(message: &MessageItem) -> StoryPlace {
    (message.sent_at, 1, message.id)
}

fn place_of_note(note: &LeadNote) -> StoryPlace {
    (Some(note.at), 2, note.id)
}

fn place_of_booking(booking: &LeadAppointment) -> StoryPlace {
    (Some(booking.created_at), 3, booking.id)
}

fn place_of_change(change: &LeadChange) -> StoryPlace {
    (Some(change.at), 4, change.id)
}
