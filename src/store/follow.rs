//! What follows calls a moment later, so that events need not wait for it: the words of their transcripts, and forgetting
//! which calls have changed, where nothing was added up of them.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::forgotten;
use crate::db::{self, Link};

/// Transcripts of one transaction: some thirty milliseconds of parsing.
const CALLS_AT_ONCE: i64 = 500;
/// How long it may take until somebody finds a call by what was said in it, when nothing else is to be done.
const INTERVAL: Duration = Duration::from_secs(1);
/// Behind a backlog it rests so many times as long as it works: events come first.
const REST: u32 = 3;
/// How often changes are looked for that nobody will: they take room, and nothing waits for them.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Changes that are forgotten at once.
const CHANGES_AT_ONCE: i64 = 100_000;

/// Follows at intervals until told to stop. Several processes may: one of them does.
pub async fn run(pool: PgPool, link: Link, stop: CancellationToken) {
    let (mut wait, mut calls, mut sweep_at) = (INTERVAL, CALLS_AT_ONCE, Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let began = Instant::now();
        (wait, calls) = match link.watched(parse_words(&pool, calls)).await {
            Ok(marks) => (if marks == calls { began.elapsed() * REST } else { INTERVAL }, CALLS_AT_ONCE.min(calls * 2)),
            Err(error) => {
                tracing::warn!(error = %db::describe(&error), calls, "words of transcripts are parsed later");
                // Should so many be more than a statement has time for, fewer are not.
                (INTERVAL, (calls / 2).max(1))
            }
        };
        if sweep_at <= began {
            let is_more = link.watched(sweep(&pool)).await.unwrap_or_else(|error| {
                tracing::warn!(error = %db::describe(&error), "changes of calls are forgotten later");
                false
            });
            sweep_at = Instant::now() + if is_more { INTERVAL } else { SWEEP_INTERVAL };
        }
    }
}

/// Everything that is due, unless another process is at it.
pub async fn drain(pool: &PgPool) -> Result<(), sqlx::Error> {
    while parse_words(pool, CALLS_AT_ONCE).await? > 0 {}
    while sweep(pool).await? {}
    Ok(())
}

/// Parses the words of some transcripts; returns how many marks it took.
async fn parse_words(pool: &PgPool, calls: i64) -> Result<i64, sqlx::Error> {
    if !sqlx::query_file_scalar!("sql/store/words_are_due.sql").fetch_one(pool).await? {
        return Ok(0);
    }
    let mut transaction = pool.begin().await?;
    if !sqlx::query_file_scalar!("sql/store/lock_words.sql").fetch_one(&mut *transaction).await? {
        return Ok(0);
    }
    // Else an erasure could look for what it left before these words are there.
    forgotten::hold_off_erasure(&mut transaction).await?;
    let marks = sqlx::query_file_scalar!("sql/store/parse_words.sql", calls).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(marks)
}

/// Forgets changes of one tenant's calls, where nobody looks at its numbers. Returns whether there may be more.
async fn sweep(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let tenant: Option<Uuid> =
        sqlx::query_file_scalar!("sql/store/tenant_with_unread_changes.sql").fetch_optional(pool).await?;
    let Some(tenant_id) = tenant else { return Ok(false) };
    let mut transaction = pool.begin().await?;
    if !sqlx::query_file_scalar!("sql/people/lock_quarters.sql", tenant_id).fetch_one(&mut *transaction).await? {
        // Somebody looks at its numbers just now, and reads the changes.
        return Ok(false);
    }
    let forgotten = sqlx::query_file!("sql/store/forget_unread_changes.sql", tenant_id, CHANGES_AT_ONCE)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(forgotten.rows_affected() > 0)
}
