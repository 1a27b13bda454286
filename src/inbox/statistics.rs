//! The inbox in numbers: by type and outcome, and how long events wait.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

/// How many events of one type stand where.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TypeCounts {
    /// The platform.
    pub provider: String,
    /// What they are.
    pub event_type: String,
    /// Not yet processed, however old.
    pub pending: i64,
    /// Processed, of those received in the window.
    pub processed: i64,
    /// Ignored, of those received in the window.
    pub ignored: i64,
    /// Failed for good, however old.
    pub dead: i64,
    /// When the oldest pending one was received.
    pub oldest_pending_at: Option<DateTime<Utc>>,
}

/// How long events took from the door to the commit of their effects.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Lag {
    /// Settled events received in the window.
    pub events: i64,
    /// Half of them were faster.
    pub p50_seconds: Option<f64>,
    /// Nine in ten were faster.
    pub p90_seconds: Option<f64>,
    /// Ninety-nine in a hundred were faster.
    pub p99_seconds: Option<f64>,
    /// The slowest.
    pub max_seconds: Option<f64>,
}

/// Counts by type; settled events only where they were received since then.
pub async fn counts_by_type(
    connection: &mut PgConnection,
    since: DateTime<Utc>,
) -> Result<Vec<TypeCounts>, sqlx::Error> {
    sqlx::query_file_as!(TypeCounts, "sql/inbox/counts_by_type.sql", since).fetch_all(connection).await
}

/// The lag of the events that were received since then.
pub async fn lag(connection: &mut PgConnection, since: DateTime<Utc>) -> Result<Lag, sqlx::Error> {
    sqlx::query_file_as!(Lag, "sql/inbox/lag.sql", since).fetch_one(connection).await
}
