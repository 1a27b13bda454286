//! `reconciliations`: what each run asked for and found.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::run::{Counts, Options};
use crate::store::operator_log::{Action, Line};

/// A run as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct RunRow {
    /// Its id.
    pub id: Uuid,
    /// The platform.
    pub provider: String,
    /// The slug of the connection; only its beginning where it is a secret.
    pub connection: String,
    /// The slug of its tenant.
    pub tenant: Option<String>,
    /// Calls that began then or later.
    pub since: DateTime<Utc>,
    /// Calls that began earlier.
    pub until: DateTime<Utc>,
    /// Whether it was on the schedule.
    pub scheduled: bool,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None`: it goes on, or its process died.
    pub finished_at: Option<DateTime<Utc>>,
    /// Calls that the platform listed.
    pub listed: i64,
    /// Those that were not there, or not whole.
    pub missing: i64,
    /// Events made of them.
    pub inserted: i64,
    /// Why it ended early.
    pub error: Option<String>,
}

/// The last runs, of a platform, of a connection, or all.
pub async fn runs(
    pool: &PgPool,
    provider: Option<&str>,
    connection_id: Option<Uuid>,
    rows_max: u32,
) -> Result<Vec<RunRow>, sqlx::Error> {
    sqlx::query_file_as!(RunRow, "sql/reconcile/list_runs.sql", provider, connection_id, i64::from(rows_max))
        .fetch_all(pool)
        .await
}

/// Writes down that a run begins, and lets go of those that nobody asks for any more.
pub(super) async fn begin(
    pool: &PgPool,
    id: Uuid,
    connection_id: Uuid,
    options: &Options,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/reconcile/forget_runs.sql", now).execute(pool).await?;
    let (window, scheduled) = (options.window, options.every.is_some());
    let mut transaction = pool.begin().await?;
    let tenant_id = sqlx::query_file_scalar!(
        "sql/reconcile/begin_run.sql",
        id,
        connection_id,
        window.since,
        window.until,
        scheduled,
        now
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if !scheduled {
        let line = Line::by(options.actor, Action::Reconcile).tenant(tenant_id.flatten()).with("run_id", id);
        let line = line.with("connection_id", connection_id).with("since", window.since).with("until", window.until);
        line.write(&mut transaction).await?;
    }
    transaction.commit().await
}

/// Writes down how far it is; with `finished_at`, that it is over.
pub(super) async fn note(
    pool: &PgPool,
    id: Uuid,
    counts: &Counts,
    error: Option<&str>,
    finished_at: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let [listed, missing, inserted] = [counts.listed, counts.missing, counts.inserted].map(number);
    sqlx::query_file!("sql/reconcile/note_run.sql", id, listed, missing, inserted, error, finished_at)
        .execute(pool)
        .await?;
    Ok(())
}
