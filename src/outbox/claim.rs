//! Claiming jobs with a lease: network work takes time, so no transaction is held; a crash gives the job back when the
//! lease ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use crate::redact::Hidden;

/// A claimed job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub tenant_id: Uuid,
    /// What to do.
    pub kind: &'static str,
    /// What about.
    pub key: String,
    /// The details.
    pub payload: Hidden<Value>,
    /// Failed attempts before this one.
    pub attempts: u32,
    /// The fence: the number of this claim.
    pub claim: i32,
    /// When it was first claimed.
    pub waiting_since: DateTime<Utc>,
    /// Whether the attempt before had begun to send, and nobody knows what became of it.
    pub was_sending: bool,
}

/// Claims due jobs of one kind: `most` of them, and no more than `per_tenant` of one tenant are in hand at once.
/// `now`: `None` means the database's clock.
pub async fn claim(
    pool: &PgPool,
    kind: &'static str,
    now: Option<DateTime<Utc>>,
    lease: Duration,
    most: i64,
    per_tenant: i64,
) -> Result<Vec<Job>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/outbox/claim.sql", kind, now, lease.as_secs_f64(), most, per_tenant)
        .fetch_all(pool)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Job {
            id: row.id,
            tenant_id: row.tenant_id,
            kind,
            key: row.key,
            payload: Hidden::new(serde_json::from_str(&row.payload).unwrap_or_default()),
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            claim: row.claims,
            waiting_since: row.waiting_since,
            was_sending: row.was_sending,
        })
        .collect())
}

/// Writes down that the vendor is about to be asked. `false`: the lease is lost, and the vendor must not be asked.
pub async fn begin(pool: &PgPool, job: &Job, now: Option<DateTime<Utc>>) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!("sql/outbox/begin.sql", job.id, job.claim, now).execute(pool).await?;
    Ok(result.rows_affected() == 1)
}
