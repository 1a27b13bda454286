//! One process at a time asks about a connection. Asking takes minutes, so it is no lock but a lease: a row that says until
//! when, and that a run which dies leaves behind to end by itself.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

/// Longer than anything that happens between two renewals: one request with all its repetitions.
const LEASE: Duration = Duration::from_secs(600);

/// Takes the lease. `every`: only if the last scheduled run is so long ago; `None`: by hand, whenever it is free.
pub(super) async fn take(
    pool: &PgPool,
    connection_id: Uuid,
    run_id: Uuid,
    every: Option<Duration>,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let every_s = every.map(|every| every.as_secs_f64());
    let taken = sqlx::query_file_scalar!(
        "sql/reconcile/take_lease.sql",
        connection_id,
        run_id,
        now,
        LEASE.as_secs_f64(),
        every_s
    )
    .fetch_optional(pool)
    .await?;
    Ok(taken.is_some())
}

/// Holds it longer. `false`: another run has taken over.
pub(super) async fn renew(
    pool: &PgPool,
    connection_id: Uuid,
    run_id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let renewed = sqlx::query_file!("sql/reconcile/renew_lease.sql", connection_id, run_id, now, LEASE.as_secs_f64())
        .execute(pool)
        .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Gives it back.
pub(super) async fn end(pool: &PgPool, connection_id: Uuid, run_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/reconcile/end_lease.sql", connection_id, run_id).execute(pool).await?;
    Ok(())
}
