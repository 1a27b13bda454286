//! Putting jobs up, in the transaction of the event that caused them, once for ever.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A job to put up.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// Whose.
    pub tenant_id: Uuid,
    /// What to do.
    pub kind: &'a str,
    /// What about; unique with the kind, for ever.
    pub key: &'a str,
    /// The details.
    pub payload: &'a serde_json::Value,
    /// When.
    pub due_at: DateTime<Utc>,
}

/// Puts up jobs. Those that exist are left alone, but for an earlier time. One row a key, sorted by key.
pub async fn put(connection: &mut PgConnection, jobs: &[NewJob<'_>]) -> Result<(), sqlx::Error> {
    if jobs.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "sql/outbox/put.sql",
        jobs.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>() as _,
        jobs.iter().map(|job| job.tenant_id).collect::<Vec<_>>() as _,
        jobs.iter().map(|job| job.kind).collect::<Vec<_>>() as _,
        jobs.iter().map(|job| job.key).collect::<Vec<_>>() as _,
        jobs.iter().map(|job| job.payload.to_string()).collect::<Vec<_>>() as _,
        jobs.iter().map(|job| job.due_at).collect::<Vec<_>>() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
