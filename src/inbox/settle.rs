//! Settling: what became of a claimed event, in the transaction of its effects.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its changes are in the tables.
    Processed,
    /// It changes nothing, on purpose or because nobody registered its type.
    Ignored,
    /// It failed for good.
    Dead,
}

impl Outcome {
    /// The word in the database and in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
        }
    }
}

/// An event that is done with.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Which.
    pub id: Uuid,
    /// How it ended.
    pub outcome: Outcome,
    /// Whose it was found to be.
    pub tenant_id: Option<Uuid>,
    /// Which campaign it was found to belong to.
    pub campaign_rank: Option<String>,
    /// Why it is dead.
    pub last_error: Option<String>,
    /// What a person should know.
    pub note: Option<String>,
    /// Whether this was a failed attempt.
    pub failed: bool,
}

/// An event that is tried again later.
#[derive(Clone, Debug)]
pub struct Postponed {
    /// Which.
    pub id: Uuid,
    /// How long from now.
    pub wait: Duration,
    /// Why.
    pub last_error: String,
    /// Whether an attempt is spent.
    pub failed: bool,
}

/// Marks events as done.
pub async fn settle(connection: &mut PgConnection, events: &[Settled]) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "sql/inbox/settle.sql",
        events.iter().map(|event| event.id).collect::<Vec<_>>() as _,
        events.iter().map(|event| event.outcome.as_str()).collect::<Vec<_>>() as _,
        events.iter().map(|event| event.tenant_id).collect::<Vec<_>>() as _,
        events.iter().map(|event| event.campaign_rank.as_deref()).collect::<Vec<_>>() as _,
        events.iter().map(|event| event.last_error.as_deref()).collect::<Vec<_>>() as _,
        events.iter().map(|event| event.note.as_deref()).collect::<Vec<_>>() as _,
        events.iter().map(|event| i32::from(event.failed)).collect::<Vec<_>>() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts events back into the queue.
pub async fn postpone(connection: &mut PgConnection, events: &[Postponed]) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let wait_ms = |event: &Postponed| i64::try_from(event.wait.as_millis()).unwrap_or(i64::MAX);
    sqlx::query_file!(
        "sql/inbox/postpone.sql",
        events.iter().map(|event| event.id).collect::<Vec<_>>() as _,
        events.iter().map(wait_ms).collect::<Vec<_>>() as _,
        events.iter().map(|event| event.last_error.as_str()).collect::<Vec<_>>() as _,
        events.iter().map(|event| i32::from(event.failed)).collect::<Vec<_>>() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the payloads of these events away for good; the rows and their keys stay. Returns how many had one.
pub async fn remove_payloads(connection: &mut PgConnection, ids: &[Uuid]) -> Result<u64, sqlx::Error> {
    if ids.is_empty() {
        return Ok(0);
    }
    let result = sqlx::query_file!("sql/inbox/remove_payloads.sql", ids).execute(connection).await?;
    Ok(result.rows_affected())
}
