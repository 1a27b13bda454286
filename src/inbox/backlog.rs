//! The size of the inbox, for the metrics.

use sqlx::PgExecutor;

/// How much is waiting, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Backlog {
    /// Events not yet processed.
    pub pending: i64,
    /// Pending events that have failed at least once.
    pub retrying: i64,
    /// Events that failed for good.
    pub dead: i64,
    /// Age of the oldest pending event, in seconds.
    pub oldest_pending_seconds: f64,
    /// Jobs not yet done.
    pub jobs_pending: i64,
    /// Jobs whose time has come.
    pub jobs_due: i64,
    /// Jobs that failed for good.
    pub jobs_dead: i64,
}

/// Reads the size of the inbox.
pub async fn backlog(executor: impl PgExecutor<'_>) -> Result<Backlog, sqlx::Error> {
    sqlx::query_file_as!(Backlog, "sql/inbox/backlog.sql").fetch_one(executor).await
}
