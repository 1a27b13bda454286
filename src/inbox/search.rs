//! Finding events: what people look through, one by one or by type.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Outcome;
use crate::redact::Hidden;

/// Which events; every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(default)]
pub struct Filter {
    /// Of this platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Of this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// Received then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Received earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// One of these; empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Uuid>,
    /// Of this connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<Uuid>,
    /// Whose last attempt failed of exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet processed.
    Pending,
    /// Done with, in this way.
    Settled(Outcome),
}

/// An event without its payload.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventRow {
    /// Its id.
    pub id: Uuid,
    /// The platform.
    pub provider: String,
    /// What it is.
    pub event_type: String,
    /// The slug of its tenant.
    pub tenant: Option<String>,
    /// The slug of its connection; only its beginning where the slug is a secret.
    pub connection: Option<String>,
    /// What makes it one.
    pub external_event_id: String,
    /// When it happened, by the platform.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// When it was settled; `None`: pending.
    pub processed_at: Option<DateTime<Utc>>,
    /// When a pending one is due.
    pub next_attempt_at: DateTime<Utc>,
    /// How often it has failed.
    pub attempts: i32,
    /// How it was settled.
    pub outcome: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// What a person should know.
    pub note: Option<String>,
    /// `reconciled`: fetched from the platform's list of calls; `None`: it came as a webhook.
    pub origin: Option<String>,
}

/// Dead events that died of the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cause {
    /// The platform.
    pub provider: String,
    /// What they are.
    pub event_type: String,
    /// Why they died.
    pub last_error: String,
    /// How many.
    pub rows: i64,
    /// When the first was received.
    pub oldest_at: DateTime<Utc>,
    /// When the last was received.
    pub newest_at: DateTime<Utc>,
    /// The last one.
    pub newest_id: Uuid,
}

/// Rows that a filter is looked for in, for one page that somebody waits for.
const LOOK_MAX: i64 = 20_000;

/// Lists events, the newest first: at most `limit`, and only ids before `before`; as long as it takes.
pub async fn list(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<EventRow>, sqlx::Error> {
    look(connection, filter, state, before, limit, None).await
}

/// The same for a page that somebody waits for: what fits little is looked for among the next rows only. Returns the
/// events, and where the next page begins.
pub async fn page(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u32,
) -> Result<(Vec<EventRow>, Option<Uuid>), sqlx::Error> {
    let mut events = look(&mut *connection, filter, state, before, limit.saturating_add(1), Some(LOOK_MAX)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if events.len() > limit {
        events.truncate(limit);
        let next = events.last().map(|event| event.id);
        return Ok((events, next));
    }
    // Pending and dead ones have indexes of their own, and are looked at to the end.
    if !filter.ids.is_empty() || matches!(state, Some(State::Pending | State::Settled(Outcome::Dead))) {
        return Ok((events, None));
    }
    let last = sqlx::query_file_scalar!("sql/inbox/last_event_looked_at.sql", before, LOOK_MAX);
    Ok((events, last.fetch_optional(connection).await?))
}

async fn look(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u32,
    look_max: Option<i64>,
) -> Result<Vec<EventRow>, sqlx::Error> {
    let Filter { provider, event_type, tenant_id, since, until, ids, connection_id, last_error } = filter;
    let (provider, event_type, error) = (provider.as_deref(), event_type.as_deref(), last_error.as_deref());
    let limit = i64::from(limit);
    match state {
        Some(State::Pending) => {
            sqlx::query_file_as!(
                EventRow,
                "sql/inbox/list_pending.sql",
                provider,
                event_type,
                *tenant_id,
                *since,
                *until,
                ids,
                before,
                limit,
                *connection_id,
                error,
            )
            .fetch_all(connection)
            .await
        }
        Some(State::Settled(Outcome::Dead)) => {
            sqlx::query_file_as!(
                EventRow,
                "sql/inbox/list_dead.sql",
                provider,
                event_type,
                *tenant_id,
                *since,
                *until,
                ids,
                before,
                limit,
                *connection_id,
                error,
            )
            .fetch_all(connection)
            .await
        }
        None | Some(State::Settled(Outcome::Processed | Outcome::Ignored)) => {
            let outcome = state.and_then(outcome);
            sqlx::query_file_as!(
                EventRow,
                "sql/inbox/list_events.sql",
                provider,
                event_type,
                *tenant_id,
                *since,
                *until,
                ids,
                outcome,
                before,
                limit,
                look_max,
                *connection_id,
                error,
            )
            .fetch_all(connection)
            .await
        }
    }
}

/// One event.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<EventRow>, sqlx::Error> {
    sqlx::query_file_as!(EventRow, "sql/inbox/find_event.sql", id).fetch_optional(connection).await
}

/// The payload of an event, as indented JSON. It is personal data: only for who asks for it.
pub async fn find_payload(connection: &mut PgConnection, id: Uuid) -> Result<Option<Hidden<String>>, sqlx::Error> {
    let payload = sqlx::query_file_scalar!("sql/inbox/find_payload.sql", id).fetch_optional(connection).await?;
    Ok(payload.map(Hidden::new))
}

/// Dead events by what they died of, the most frequent cause first; `among` so many of the newest, or all.
pub async fn dead_by_cause(
    connection: &mut PgConnection,
    filter: &Filter,
    among: Option<i64>,
) -> Result<Vec<Cause>, sqlx::Error> {
    sqlx::query_file_as!(
        Cause,
        "sql/inbox/dead_by_cause.sql",
        filter.provider.as_deref(),
        filter.event_type.as_deref(),
        filter.tenant_id,
        filter.since,
        filter.until,
        &filter.ids,
        filter.connection_id,
        filter.last_error.as_deref(),
        among,
    )
    .fetch_all(connection)
    .await
}

fn outcome(state: State) -> Option<&'static str> {
    match state {
        State::Pending => None,
        State::Settled(outcome) => Some(outcome.as_str()),
    }
}
