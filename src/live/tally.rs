//! The promise, measured: answers by minute and endpoint, and a row for each that took too long. Counted in memory and
//! added to the database behind the answer; while it is away the counts wait.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lookups::SILENCE_MAX;
use crate::clock::Clock;
use crate::db;

/// How often counts are added to the database.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);
/// How often what is old is taken away.
const TRIM_INTERVAL: Duration = Duration::from_secs(3_600);
/// Slow answers kept while the database is away; more say nothing new, and the counts have them all.
const SLOW_ROWS_MAX: usize = 1_000;

/// An answer that took too long.
#[derive(Clone, Debug)]
pub struct Slow {
    /// When.
    pub at: DateTime<Utc>,
    /// What was asked.
    pub endpoint: &'static str,
    /// By whom.
    pub connection_id: Uuid,
    /// For whom, where that was found out.
    pub tenant_id: Option<Uuid>,
    /// How long.
    pub took: Duration,
    /// Whether it was given without the database.
    pub is_fallback: bool,
    /// Where the time went.
    pub steps: Value,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    answers: i64,
    slow: i64,
    fallbacks: i64,
}

/// What is not yet in the database.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    minutes: BTreeMap<(DateTime<Utc>, &'static str), Counts>,
    slow: Vec<Slow>,
}

impl Tally {
    /// Counts an answer. `slow`: it was over the budget.
    pub fn count(&self, at: DateTime<Utc>, endpoint: &'static str, is_fallback: bool, slow: Option<Slow>) {
        let minute = at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at);
        let Ok(mut pending) = self.0.lock() else { return };
        let counts = pending.minutes.entry((minute, endpoint)).or_default();
        counts.answers += 1;
        counts.fallbacks += i64::from(is_fallback);
        counts.slow += i64::from(slow.is_some());
        if pending.slow.len() < SLOW_ROWS_MAX {
            pending.slow.extend(slow);
        }
    }

    /// Adds what is counted to the database, at intervals, until told to stop.
    pub async fn run(&self, pool: &PgPool, clock: &Clock, stop: CancellationToken) {
        let mut since_trim = TRIM_INTERVAL;
        loop {
            let stopping = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(FLUSH_INTERVAL) => false,
            };
            if let Err(error) = self.flush(pool).await {
                tracing::warn!(error = %db::describe(&error), "the counts of live answers could not be written");
            }
            if stopping {
                return;
            }
            since_trim += FLUSH_INTERVAL;
            if since_trim >= TRIM_INTERVAL {
                let trim = sqlx::query_file!("sql/live/trim.sql", clock.now()).execute(pool);
                if db::unless_silent(SILENCE_MAX, trim).await.is_ok() {
                    since_trim = Duration::ZERO;
                }
            }
        }
    }

    /// Adds what is counted to the database. What cannot be written is kept for the next time.
    pub async fn flush(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let Pending { minutes, slow } = match self.0.lock() {
            Ok(mut pending) => std::mem::take(&mut *pending),
            Err(_) => return Ok(()),
        };
        if minutes.is_empty() {
            return Ok(());
        }
        let written = db::unless_silent(SILENCE_MAX, write(pool, &minutes, &slow)).await;
        if let (Err(_), Ok(mut pending)) = (&written, self.0.lock()) {
            for (key, counts) in minutes {
                let kept = pending.minutes.entry(key).or_default();
                kept.answers += counts.answers;
                kept.slow += counts.slow;
                kept.fallbacks += counts.fallbacks;
            }
            pending.slow.extend(slow);
            pending.slow.truncate(SLOW_ROWS_MAX);
        }
        written
    }
}

async fn write(
    pool: &PgPool,
    minutes: &BTreeMap<(DateTime<Utc>, &'static str), Counts>,
    slow: &[Slow],
) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query_file!(
        "sql/live/add_minutes.sql",
        &minutes.keys().map(|(minute, _)| *minute).collect::<Vec<_>>(),
        minutes.keys().map(|(_, endpoint)| *endpoint).collect::<Vec<_>>() as _,
        &minutes.values().map(|counts| counts.answers).collect::<Vec<_>>(),
        &minutes.values().map(|counts| counts.slow).collect::<Vec<_>>(),
        &minutes.values().map(|counts| counts.fallbacks).collect::<Vec<_>>(),
    )
    .execute(&mut *transaction)
    .await?;
    if !slow.is_empty() {
        sqlx::query_file!(
            "sql/live/add_slow.sql",
            &slow.iter().map(|row| row.at).collect::<Vec<_>>(),
            slow.iter().map(|row| row.endpoint).collect::<Vec<_>>() as _,
            &slow.iter().map(|row| row.connection_id).collect::<Vec<_>>(),
            slow.iter().map(|row| row.tenant_id).collect::<Vec<_>>() as _,
            &slow.iter().map(|row| i32::try_from(row.took.as_millis()).unwrap_or(i32::MAX)).collect::<Vec<_>>(),
            &slow.iter().map(|row| row.is_fallback).collect::<Vec<_>>(),
            &slow.iter().map(|row| row.steps.to_string()).collect::<Vec<_>>(),
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}
