//! `idempotency_keys`: a write that is asked for twice is done once, and answered twice alike.

use sqlx::PgPool;
use uuid::Uuid;

/// How long an answer is kept, in seconds.
const KEPT_SECONDS: f64 = 24.0 * 3600.0;
/// A request that has not been answered for so long died with its program.
const LOST_SECONDS: f64 = 120.0;

/// What becomes of a request that names a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// It is the first: do it, and keep the answer.
    First,
    /// It was done: this is the answer.
    Done(u16, String),
    /// It is being done.
    Running,
    /// The key stands for another request.
    Other,
}

/// Claims a key for a request.
pub async fn claim(pool: &PgPool, principal_id: Uuid, key: &[u8], request: &[u8]) -> Result<Claim, sqlx::Error> {
    let claimed =
        sqlx::query_file!("sql/console/claim_key.sql", principal_id, key, request, KEPT_SECONDS, LOST_SECONDS)
            .execute(pool)
            .await?
            .rows_affected();
    if claimed == 1 {
        return Ok(Claim::First);
    }
    let Some(row) = sqlx::query_file!("sql/console/find_key.sql", principal_id, key).fetch_optional(pool).await? else {
        return Ok(Claim::Running);
    };
    Ok(match row.status {
        _ if row.request_digest != request => Claim::Other,
        None => Claim::Running,
        Some(status) => Claim::Done(u16::try_from(status).unwrap_or(200), row.body.unwrap_or_default()),
    })
}

/// Keeps the answer for whoever asks again.
pub async fn keep(pool: &PgPool, principal_id: Uuid, key: &[u8], status: u16, body: &str) -> Result<(), sqlx::Error> {
    let status = i16::try_from(status).unwrap_or(500);
    sqlx::query_file!("sql/console/keep_answer.sql", principal_id, key, status, body).execute(pool).await?;
    Ok(())
}

/// Gives the key free: the request failed on our side.
pub async fn free(pool: &PgPool, principal_id: Uuid, key: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/free_key.sql", principal_id, key).execute(pool).await?;
    Ok(())
}
