//! Dead jobs: by what they died of, listed, and the next of a cause.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::operate::JobItem;

/// Dead jobs that are looked at to say what they died of.
const LOOKED_AT: i64 = 20_000;

/// Jobs that died of the same.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = JobCause)]
pub struct Cause {
    /// What they were to do.
    pub kind: String,
    /// Why they died; empty: it was not said.
    pub last_error: String,
    /// How many.
    pub rows: i64,
    /// When the first died.
    pub oldest_at: Option<DateTime<Utc>>,
    /// When the last died.
    pub newest_at: Option<DateTime<Utc>>,
}

/// Which dead jobs; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Which {
    /// Of this kind.
    pub kind: Option<String>,
    /// That died of exactly this.
    pub last_error: Option<String>,
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
}

/// What jobs died of, the most frequent cause first.
pub async fn by_cause(connection: &mut PgConnection, tenant_id: Option<Uuid>) -> Result<Vec<Cause>, sqlx::Error> {
    sqlx::query_file_as!(Cause, "sql/outbox/dead_by_cause.sql", tenant_id, LOOKED_AT).fetch_all(connection).await
}

/// Dead jobs, the newest first.
pub async fn list(
    connection: &mut PgConnection,
    which: &Which,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<JobItem>, sqlx::Error> {
    let Which { kind, last_error, tenant_id } = which;
    sqlx::query_file_as!(
        JobItem,
        "sql/outbox/list_dead.sql",
        kind.as_deref(),
        last_error.as_deref(),
        *tenant_id,
        before,
        limit
    )
    .fetch_all(connection)
    .await
}

/// How many there are, and the last of them by id.
pub async fn count(connection: &mut PgConnection, which: &Which) -> Result<(i64, Option<Uuid>), sqlx::Error> {
    let Which { kind, last_error, tenant_id } = which;
    let row = sqlx::query_file!("sql/outbox/count_dead.sql", kind.as_deref(), last_error.as_deref(), *tenant_id)
        .fetch_one(connection)
        .await?;
    Ok((row.rows, row.last_id))
}

/// The ids of the next ones after `from` and up to `last_id`.
pub async fn next(
    connection: &mut PgConnection,
    which: &Which,
    from: Uuid,
    last_id: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let Which { kind, last_error, tenant_id } = which;
    sqlx::query_file_scalar!(
        "sql/outbox/next_dead.sql",
        kind.as_deref(),
        last_error.as_deref(),
        *tenant_id,
        from,
        last_id,
        limit
    )
    .fetch_all(connection)
    .await
}
