//! Everything that happened between a person and the team, in one line of time, page by page, the newest first.

use std::cmp::{Ordering, Reverse};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lead::jobs_of;
use super::{
    CallFilter, CallItem, LeadAppointment, LeadChange, LeadJob, LeadNote, MessageItem, Page, Place, calls,
    lead_history, messages,
};
use crate::access::Scope;

/// What happened, of a page: of each kind as much is read, so that the page is whole whatever it is made of. Jobs stand
/// on the page of their call or message, and are not counted.
const ROWS: usize = 100;

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

/// A place in the line of time: when, which kind, which one. What has no time comes last.
pub type TimelinePlace = (Option<DateTime<Utc>>, u8, Uuid);

/// A page of a lead after a place, masked; `None`: there is none of this id, or it is not theirs.
pub async fn page(
    connection: &mut PgConnection,
    scope: &Scope,
    lead: Uuid,
    after: Option<TimelinePlace>,
) -> Result<Option<Page<Moment, TimelinePlace>>, sqlx::Error> {
    let row =
        sqlx::query_file!("sql/people/find_lead.sql", lead, scope.tenant_id()).fetch_optional(&mut *connection).await?;
    let Some((row, within)) = row.and_then(|row| scope.within(row.tenant_id).map(|within| (row, within))) else {
        return Ok(None);
    };
    let (scope, number, limit) = (&within, row.phone, i64::try_from(ROWS + 1).unwrap_or(i64::MAX));
    let filter = CallFilter { number: Some(number.clone()), ..CallFilter::default() };
    let calls = calls::list(&mut *connection, scope, &filter, of_kind(after, 0), limit).await?.items;
    let messages = messages::of_number(&mut *connection, scope, &number, of_kind(after, 1), limit).await?;
    let notes = lead_history::notes(&mut *connection, scope, &number, of_kind(after, 2), limit).await?;
    let bookings = lead_history::bookings(&mut *connection, scope, &number, of_kind(after, 3), limit).await?;
    let changes = lead_history::changes(&mut *connection, lead, of_kind(after, 4), limit).await?;
    let mut found: Vec<(TimelinePlace, Happened)> = Vec::new();
    found.extend(calls.into_iter().map(|one| ((one.started_at, 0, one.id), Happened::Call(Box::new(one)))));
    found.extend(messages.into_iter().map(|one| ((one.sent_at, 1, one.id), Happened::Message(one))));
    found.extend(notes.into_iter().map(|one| ((Some(one.at), 2, one.id), Happened::Note(one))));
    found.extend(bookings.into_iter().map(|one| ((Some(one.created_at), 3, one.id), Happened::Appointment(one))));
    found.extend(changes.into_iter().map(|one| ((Some(one.at), 4, one.id), Happened::Change(one))));
    found.sort_by_key(|((at, kind, id), _)| (Reverse(*at), *kind, *id));
    let is_more = found.len() > ROWS;
    found.truncate(ROWS);
    let next = found.last().filter(|_| is_more).map(|(place, _)| *place);
    let ids = |kind: u8| -> Vec<Uuid> {
        found.iter().filter(|((_, of, _), _)| *of == kind).map(|((.., id), _)| *id).collect()
    };
    let jobs = jobs_of(connection, scope, lead, &ids(0), &ids(1)).await?;
    let mut items: Vec<Moment> = found.into_iter().map(|((at, ..), happened)| Moment { at, happened }).collect();
    items.extend(
        jobs.into_iter()
            .map(|job| Moment { at: Some(job.settled_at.unwrap_or(job.due_at)), happened: Happened::Job(job) }),
    );
    items.sort_by_key(|moment| Reverse(moment.at));
    Ok(Some(Page { items, next, left_out: false }))
}

/// A place among the rows of one kind: at the same moment, kinds stand in their order.
fn of_kind(after: Option<TimelinePlace>, kind: u8) -> Option<Place> {
    let (at, last, id) = after?;
    Some(match kind.cmp(&last) {
        Ordering::Less => (at, Uuid::max()),
        Ordering::Equal => (at, id),
        Ordering::Greater => (at, Uuid::nil()),
    })
}
