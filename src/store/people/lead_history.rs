//! What was noted of a person, what they have booked, and what people decided about them.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Place, place};
use crate::access::TenantScope;

/// Something that was noted during a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LeadNote {
    /// Its id.
    pub id: Uuid,
    /// note, preference, flag, callback.
    pub kind: String,
    /// What it says.
    pub body: Option<String>,
    /// The agent, or the platform, that noted it.
    pub author: Option<String>,
    /// When a callback is wanted, by the tenant's clock.
    pub wanted_at: Option<NaiveDateTime>,
    /// When it was noted.
    pub at: DateTime<Utc>,
    /// When somebody has seen to it; flags and callbacks wait for that.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Whether only the caller said that the number is theirs.
    pub unverified: bool,
}

/// An appointment of theirs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LeadAppointment {
    /// Its id.
    pub id: Uuid,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// The name that it was booked in.
    pub name: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Whether only the caller said that the number is theirs.
    pub unverified: bool,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When it was called off, or moved.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// The appointment that it was moved to.
    pub moved_to: Option<Uuid>,
}

/// What somebody decided about a lead.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LeadChange {
    /// The line in the operator log.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: the name that they sign in with, or that of the token.
    pub by: String,
    /// name, email, stage, tags, do_not_contact. What was set is not kept, but for the next two.
    pub fields: Vec<String>,
    /// The stage that was set; null: another field, or what is derived counts again.
    pub stage: Option<String>,
    /// Whether they are never to be written to; null: another field, or what they said counts.
    pub do_not_contact: Option<bool>,
}

/// All three of a person, each the newest first, appointments by when they begin.
pub(super) async fn of(
    connection: &mut PgConnection,
    scope: &TenantScope,
    (id, number): (Uuid, &str),
    limit: i64,
) -> Result<(Vec<LeadNote>, Vec<LeadAppointment>, Vec<LeadChange>), sqlx::Error> {
    let notes = notes(&mut *connection, scope, number, None, limit).await?;
    let mut appointments =
        sqlx::query_file_as!(LeadAppointment, "sql/people/appointments_of_number.sql", scope.tenant(), number, limit)
            .fetch_all(&mut *connection)
            .await?;
    appointments.iter_mut().for_each(|appointment| appointment.mask(scope));
    Ok((notes, appointments, changes(connection, id, None, limit).await?))
}

/// What was noted of a person, after a place.
pub(super) async fn notes(
    connection: &mut PgConnection,
    scope: &TenantScope,
    number: &str,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<LeadNote>, sqlx::Error> {
    let (at, id) = place(after);
    let mut notes =
        sqlx::query_file_as!(LeadNote, "sql/people/notes_of_number.sql", scope.tenant(), number, limit, at, id)
            .fetch_all(connection)
            .await?;
    notes.iter_mut().for_each(|note| scope.scope().spoken(&mut note.body));
    Ok(notes)
}

/// What a person has booked, after a place, by when it was booked.
pub(super) async fn bookings(
    connection: &mut PgConnection,
    scope: &TenantScope,
    number: &str,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<LeadAppointment>, sqlx::Error> {
    let (at, id) = place(after);
    let mut bookings = sqlx::query_file_as!(
        LeadAppointment,
        "sql/people/bookings_of_number.sql",
        scope.tenant(),
        number,
        limit,
        at,
        id
    )
    .fetch_all(connection)
    .await?;
    bookings.iter_mut().for_each(|booking| booking.mask(scope));
    Ok(bookings)
}

/// What people decided about a lead, after a place.
pub(super) async fn changes(
    connection: &mut PgConnection,
    lead: Uuid,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<LeadChange>, sqlx::Error> {
    let (at, id) = place(after);
    let rows = sqlx::query_file!("sql/people/changes_of_lead.sql", lead.to_string(), limit, at, id)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| LeadChange {
            id: row.id,
            at: row.at,
            by: row.by,
            fields: serde_json::from_str(&row.fields).unwrap_or_default(),
            stage: row.stage,
            do_not_contact: row.do_not_contact.and_then(|word| word.parse().ok()),
        })
        .collect())
}

impl LeadAppointment {
    fn mask(&mut self, scope: &TenantScope) {
        scope.scope().name(&mut self.name);
        scope.scope().spoken(&mut self.purpose);
    }
}
