//! Settling a job, behind the fence of its claim.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Job;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not to be done, for a reason.
    Skipped,
    /// Somebody or something called it off.
    Cancelled,
    /// It failed for good.
    Dead,
}

impl Outcome {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }
}

/// What is written of a job that ended. No personal data in the texts.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Why it failed.
    pub error: Option<String>,
    /// What a person should know.
    pub note: Option<String>,
    /// What would have been sent, masked.
    pub preview: Option<String>,
    /// Whether nobody knows what the vendor did.
    pub is_unknown: bool,
}

/// Settles a job. `false`: somebody else has claimed it meanwhile, and nothing was written.
pub async fn settle(
    connection: &mut PgConnection,
    job: &Job,
    now: Option<DateTime<Utc>>,
    outcome: Outcome,
    settled: &Settled,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!(
        "sql/outbox/settle.sql",
        job.id,
        job.claim,
        now,
        outcome.as_str(),
        settled.error.as_deref(),
        settled.note.as_deref(),
        settled.preview.as_deref(),
        i32::from(settled.is_unknown),
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Why a job is put off. No personal data in the reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delay<'a> {
    /// Why.
    pub reason: &'a str,
    /// Whether an attempt was spent.
    pub is_spent: bool,
    /// Whether nobody knows what the vendor did.
    pub is_unknown: bool,
    /// Whether nothing will help but a person.
    pub needs_person: bool,
}

/// Puts a job off.
pub async fn postpone(
    connection: &mut PgConnection,
    job: &Job,
    due_at: DateTime<Utc>,
    delay: Delay<'_>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!(
        "sql/outbox/postpone.sql",
        job.id,
        job.claim,
        due_at,
        i32::from(delay.is_spent),
        delay.reason,
        i32::from(delay.is_unknown),
        delay.needs_person,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
