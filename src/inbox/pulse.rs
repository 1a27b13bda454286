//! The inbox as it beats: what waits, what came and went of late, how long it took. Bounded, so that it costs the same
//! beside any number of events.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// Newest events that are looked at: some ten milliseconds' work.
const LOOKED_AT: i64 = 10_000;
/// What stands somewhere is counted so far, and then called more.
pub const COUNTED_MAX: i64 = 1_000_000;
/// Pending events that are looked up for their tenant and their age.
const PENDING_LOOKED_AT: i64 = 5_000;

/// A minute of the last hour: seconds, and how many of them.
pub const HOUR: (f64, i32) = (60.0, 60);
/// Half an hour of the last day.
pub const DAY: (f64, i32) = (1800.0, 48);

/// What stands where, now; each count ends at a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Standing {
    /// Events not yet processed; of one tenant, among the first 5,000 that are due.
    pub pending: i64,
    /// Pending events that have failed at least once.
    pub retrying: i64,
    /// Events that failed for good.
    pub dead: i64,
    /// How long the oldest of the first pending events has waited.
    pub oldest_pending_seconds: Option<f64>,
    /// Jobs not yet done.
    pub jobs_pending: i64,
    /// Jobs whose time has come.
    pub jobs_due: i64,
    /// Jobs that failed for good.
    pub jobs_dead: i64,
    /// Whether any event has ever come.
    pub has_events: bool,
}

/// What came and went in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Beat {
    /// When the span begins.
    pub begins_at: DateTime<Utc>,
    /// Events that came in it.
    pub received: i64,
    /// Events that were settled in it.
    pub settled: i64,
    /// Half of those that came waited less; what still waits counts with its time so far.
    pub p50_seconds: Option<f64>,
    /// The longest that one of them waited.
    pub max_seconds: Option<f64>,
    /// There were too many to look at all: these are those since then.
    pub looked_since: Option<DateTime<Utc>>,
}

/// The newest events of one connection and type.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Sender {
    /// The connection.
    pub connection_id: Uuid,
    /// The platform.
    pub provider: String,
    /// What they are.
    pub event_type: String,
    /// The slug of the connection; only its beginning where it is a secret.
    pub connection: Option<String>,
    /// Events that came.
    pub received: i64,
    /// Of these, not yet processed.
    pub pending: i64,
    /// Of these, ignored.
    pub ignored: i64,
    /// Of these, failed for good.
    pub dead: i64,
    /// When the last came.
    pub last_at: DateTime<Utc>,
    /// Half of them waited less.
    pub p50_seconds: Option<f64>,
}

/// What stands where, of a tenant or of all.
pub async fn standing(connection: &mut PgConnection, tenant_id: Option<Uuid>) -> Result<Standing, sqlx::Error> {
    sqlx::query_file_as!(Standing, "sql/inbox/standing.sql", tenant_id, COUNTED_MAX, PENDING_LOOKED_AT)
        .fetch_one(connection)
        .await
}

/// What came and went in the last `spans` spans of `seconds` each, the oldest first.
pub async fn beats(
    connection: &mut PgConnection,
    tenant_id: Option<Uuid>,
    seconds: f64,
    spans: i32,
) -> Result<Vec<Beat>, sqlx::Error> {
    sqlx::query_file_as!(Beat, "sql/inbox/pulse.sql", tenant_id, seconds, spans, LOOKED_AT).fetch_all(connection).await
}

/// The newest events by connection and type, the most frequent first.
pub async fn senders(
    connection: &mut PgConnection,
    tenant_id: Option<Uuid>,
    seconds: f64,
) -> Result<Vec<Sender>, sqlx::Error> {
    sqlx::query_file_as!(Sender, "sql/inbox/pulse_by_sender.sql", tenant_id, seconds, LOOKED_AT)
        .fetch_all(connection)
        .await
}
