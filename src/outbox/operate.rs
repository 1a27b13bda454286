//! What operators do with jobs: look, call off, do again, pause.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::redact::Hidden;

/// A job as people see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0005_outbox.sql say what each is")]
pub struct JobItem {
    pub id: Uuid,
    pub kind: String,
    pub key: String,
    pub tenant: Option<String>,
    pub state: String,
    pub due_at: DateTime<Utc>,
    pub attempts: i32,
    pub claims: i32,
    pub lease_until: Option<DateTime<Utc>>,
    pub sending_at: Option<DateTime<Utc>>,
    pub settled_at: Option<DateTime<Utc>>,
    pub unknown_outcomes: i32,
    pub last_error: Option<String>,
    pub note: Option<String>,
    pub preview: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// Jobs of one kind, counted.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "sql/outbox/counts.sql says what each is")]
pub struct KindCount {
    pub kind: String,
    pub pending: i64,
    pub due: i64,
    pub running: i64,
    pub dead: i64,
    pub done: i64,
    pub skipped: i64,
    pub cancelled: i64,
    pub unknown_outcomes: i64,
    pub oldest_due_seconds: f64,
    pub paused: Option<String>,
}

/// A kind of which no job is claimed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the columns' names say what each is")]
pub struct Pause {
    pub kind: String,
    pub reason: String,
    pub paused_at: DateTime<Utc>,
}

/// Which jobs are meant; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the columns' names say what each is")]
pub struct Filter {
    pub ids: Option<Vec<Uuid>>,
    pub kind: Option<String>,
    pub key: Option<String>,
}

/// Lists jobs, the newest first.
pub async fn list(
    executor: impl PgExecutor<'_>,
    kind: Option<&str>,
    state: Option<&str>,
    tenant_id: Option<Uuid>,
    id: Option<Uuid>,
    limit: i64,
) -> Result<Vec<JobItem>, sqlx::Error> {
    sqlx::query_file_as!(JobItem, "sql/outbox/list.sql", kind, state, tenant_id, id, limit).fetch_all(executor).await
}

/// A page of jobs, the newest first, of this tenant or of all.
pub async fn page(
    executor: impl PgExecutor<'_>,
    kind: Option<&str>,
    state: Option<&str>,
    tenant_id: Option<Uuid>,
    id: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<JobItem>, sqlx::Error> {
    sqlx::query_file_as!(JobItem, "sql/outbox/page.sql", kind, state, tenant_id, id, before, limit)
        .fetch_all(executor)
        .await
}

/// Those of these jobs that are a tenant's, or all.
pub async fn ids_of(
    executor: impl PgExecutor<'_>,
    ids: &[Uuid],
    tenant_id: Option<Uuid>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/outbox/ids_of_tenant.sql", ids, tenant_id).fetch_all(executor).await
}

/// Counts jobs by kind.
pub async fn counts(executor: impl PgExecutor<'_>) -> Result<Vec<KindCount>, sqlx::Error> {
    sqlx::query_file_as!(KindCount, "sql/outbox/counts.sql").fetch_all(executor).await
}

/// Calls jobs off that nobody is working on; returns how many.
pub async fn cancel(
    executor: impl PgExecutor<'_>,
    filter: &Filter,
    reason: &str,
    now: Option<DateTime<Utc>>,
) -> Result<u64, sqlx::Error> {
    let Filter { ids, kind, key } = filter;
    let result =
        sqlx::query_file!("sql/outbox/cancel.sql", ids.as_deref(), kind.as_deref(), key.as_deref(), reason, now)
            .execute(executor)
            .await?;
    Ok(result.rows_affected())
}

/// Begins jobs afresh that are not done; returns how many. A job whose last outcome is unknown is done again too: that
/// is what the person has decided.
pub async fn retry(
    executor: impl PgExecutor<'_>,
    filter: &Filter,
    now: Option<DateTime<Utc>>,
) -> Result<u64, sqlx::Error> {
    let Filter { ids, kind, key } = filter;
    let result = sqlx::query_file!("sql/outbox/retry.sql", ids.as_deref(), kind.as_deref(), key.as_deref(), now)
        .execute(executor)
        .await?;
    Ok(result.rows_affected())
}

/// No job of this kind is claimed until it is resumed.
pub async fn pause(executor: impl PgExecutor<'_>, kind: &str, reason: &str) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/outbox/pause.sql", kind, reason).execute(executor).await?;
    Ok(())
}

/// The kinds that are paused.
pub async fn pauses(executor: impl PgExecutor<'_>) -> Result<Vec<Pause>, sqlx::Error> {
    sqlx::query_file_as!(Pause, "sql/outbox/pauses.sql").fetch_all(executor).await
}

/// Jobs of this kind are claimed again. `false`: they were.
pub async fn resume(executor: impl PgExecutor<'_>, kind: &str) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query_file!("sql/outbox/resume.sql", kind).execute(executor).await?.rows_affected() == 1)
}

/// What a job was given, as indented JSON. It may be personal data: only for who asks for it.
pub async fn find_payload(connection: &mut PgConnection, id: Uuid) -> Result<Option<Hidden<String>>, sqlx::Error> {
    let payload = sqlx::query_file_scalar!("sql/outbox/find_payload.sql", id).fetch_optional(connection).await?;
    Ok(payload.map(Hidden::new))
}
