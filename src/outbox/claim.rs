//! Claiming jobs with a lease: network work takes time, so no transaction is held; a crash gives the job back when the
//! lease ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
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
    /// Attempts of which nobody knows what became of them, that one included.
    pub unknown_outcomes: u32,
}

/// So long is whoever has claimed a job taken to live without a word of it. Many times the pause between two words, so that
/// neither a busy machine nor a database that is silent for a moment makes a process look dead.
const ALIVE: Duration = Duration::from_secs(20);

/// On which terms jobs are claimed.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long whoever claims them has them.
    pub lease: Duration,
    /// So many at most.
    pub most: i64,
    /// So many of one tenant are in hand at once, whoever claimed them.
    pub per_tenant: i64,
    /// Whether one of which nobody knows what became of it is simply done again, and counted.
    pub is_resent: bool,
    /// The run of the server that is known, by its start: another one gives nothing. `None`: any does.
    pub server: Option<DateTime<Utc>>,
}

/// Claims due jobs of one kind. `now`: `None` means the database's clock.
pub async fn claim(
    pool: &PgPool,
    kind: &'static str,
    now: Option<DateTime<Utc>>,
    terms: Terms,
) -> Result<Vec<Job>, sqlx::Error> {
    let Terms { lease, most, per_tenant, is_resent, server } = terms;
    // The lock is a statement of its own: the next one sees what the claim before it has taken.
    let mut transaction = pool.begin().await?;
    let locked = sqlx::query_file!("sql/outbox/lock_claims.sql", kind).fetch_one(&mut *transaction).await?;
    if server.is_some_and(|known| known != locked.server_started_at) {
        transaction.rollback().await?;
        return Ok(Vec::new());
    }
    let tenants =
        sqlx::query_file_scalar!("sql/outbox/tenants_due.sql", kind, now).fetch_one(&mut *transaction).await?;
    let tenants = tenants.unwrap_or_default();
    if tenants.is_empty() {
        // Nothing is due, or the kind is paused: the transaction ends with its lock.
        transaction.rollback().await?;
        return Ok(Vec::new());
    }
    let lease = lease.as_secs_f64();
    let rows = sqlx::query_file!(
        "sql/outbox/claim.sql",
        kind,
        now,
        lease,
        most,
        per_tenant,
        is_resent,
        &tenants,
        ALIVE.as_secs_f64()
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
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
            unknown_outcomes: u32::try_from(row.unknown_outcomes).unwrap_or(0),
        })
        .collect())
}

/// Says that these jobs, under these claims, are worked on.
pub async fn stay_alive(
    pool: &PgPool,
    ids: &[Uuid],
    claims: &[i32],
    now: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/outbox/stay_alive.sql", ids, claims, now, ALIVE.as_secs_f64()).execute(pool).await?;
    Ok(())
}

/// Those that were settled, by kind and key, of which this server does not know it: their places.
pub async fn unsettled(pool: &PgPool, kinds: &[&str], keys: &[&str]) -> Result<Vec<usize>, sqlx::Error> {
    let places = sqlx::query_file_scalar!("sql/outbox/unsettled.sql", kinds as _, keys as _).fetch_all(pool).await?;
    Ok(places.into_iter().filter_map(|place| usize::try_from(place - 1).ok()).collect())
}

/// Claims a job once more, as it was claimed on a server that is gone: with what it has there, or with nothing but what is known
/// here. `None`: it has ended, or is somebody else's by now.
pub async fn restore(
    pool: &PgPool,
    job: &Job,
    now: Option<DateTime<Utc>>,
    lease: Duration,
) -> Result<Option<Job>, sqlx::Error> {
    let id = sqlx::query_file_scalar!(
        "sql/outbox/restore.sql",
        job.id,
        job.tenant_id,
        job.kind,
        job.key,
        job.payload.expose().to_string(),
        i32::try_from(job.attempts).unwrap_or(i32::MAX),
        job.claim,
        job.waiting_since,
        now,
        lease.as_secs_f64(),
        ALIVE.as_secs_f64(),
    );
    let id = id.fetch_optional(pool).await?;
    Ok(id.map(|id| Job { id, ..job.clone() }))
}

/// Writes down that the vendor is about to be asked. `false`: the lease is lost, and the vendor must not be asked.
pub async fn begin(connection: &mut PgConnection, job: &Job, now: Option<DateTime<Utc>>) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!("sql/outbox/begin.sql", job.id, job.claim, now).execute(connection).await?;
    Ok(result.rows_affected() == 1)
}
