//! What is true in the end: whether each webhook is there once, each person was written to once, and the rows are those of
//! a run in which nothing happened.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::bodies::bad;
use crate::cli::story::Asked;
use crate::clock::Clock;
use crate::db;

/// How long it may take until everything is worked off.
const IDLE_MAX: Duration = Duration::from_secs(900);
const POLL: Duration = Duration::from_millis(200);

/// What was found. All but `sent`, `bad`, `people` and `rows` must be nothing.
#[derive(Debug, Default, Serialize)]
pub(super) struct Verdict {
    /// Webhooks that were sent, each until it was answered 200; a tenth of them twice.
    pub(super) sent: u64,
    /// That never were.
    pub(super) never_taken: u64,
    /// That were answered 200 and are not there.
    pub(super) lost: u64,
    /// That are there more than once.
    pub(super) doubled: u64,
    /// Bad ones among them, and how many ended otherwise than dead with a reason.
    pub(super) bad: u64,
    pub(super) bad_and_not_dead: u64,
    /// Good ones that are dead.
    pub(super) good_and_dead: u64,
    /// People who were written to, and those who were more than once.
    pub(super) people: u64,
    pub(super) people_written_to_again: u64,
    /// Rows of calls, leads, recordings and jobs; and those that are not as in the calm run.
    pub(super) rows: u64,
    pub(super) rows_that_differ: u64,
}

impl Verdict {
    /// Whether all is as it must be.
    pub(super) fn is_good(&self) -> bool {
        let wrong = [
            self.never_taken,
            self.lost,
            self.doubled,
            self.bad_and_not_dead,
            self.good_and_dead,
            self.people_written_to_again,
            self.rows_that_differ,
        ];
        wrong == [0; 7] && self.sent > 0
    }

    /// Counts the rows that are in one of both only.
    pub(super) fn compare(&mut self, turbulent: &[String], calm: &[String]) {
        let mut seen: HashMap<&str, i64> = HashMap::new();
        turbulent.iter().for_each(|row| *seen.entry(row).or_default() += 1);
        calm.iter().for_each(|row| *seen.entry(row).or_default() -= 1);
        self.rows = calm.len() as u64;
        self.rows_that_differ = seen.values().map(|more| more.unsigned_abs()).sum();
    }
}

/// What waits for a worker.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) events: i64,
    pub(super) jobs: i64,
}

impl Waiting {
    /// Whether nothing does.
    pub(super) fn is_nothing(&self) -> bool {
        self.events == 0 && self.jobs == 0
    }
}

/// How much of what came before this waits for a worker; `None`: the database does not say. What a killed worker had in
/// hand is another's only when its lease is over, and that is left out here.
pub(super) async fn waiting(pool: &PgPool, before: DateTime<Utc>) -> Option<Waiting> {
    sqlx::query_file_as!(Waiting, "sql/torture/waiting.sql", before, false).fetch_one(pool).await.ok()
}

/// Waits until nothing waits any more.
pub(super) async fn wait_until_idle(pool: &PgPool) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let now = Clock::system().now();
        let left = sqlx::query_file_as!(Waiting, "sql/torture/waiting.sql", now, true).fetch_one(pool).await;
        let left = left.map_err(described);
        if left.as_ref().is_ok_and(Waiting::is_nothing) {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < IDLE_MAX, "not worked off within {IDLE_MAX:?}: {left:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// Compares what is stored with what was sent and answered, and what the vendor was asked for.
pub(super) async fn judge(pool: &PgPool, sent: u64, taken: &HashSet<u64>, asked: &[Asked]) -> anyhow::Result<Verdict> {
    let stored = sqlx::query_file!("sql/torture/stored.sql").fetch_all(pool).await.map_err(described)?;
    let mut times: HashMap<u64, i64> = HashMap::with_capacity(stored.len());
    let mut verdict = Verdict { sent, never_taken: sent - taken.len() as u64, ..Verdict::default() };
    for row in stored {
        let number = u64::try_from(row.number).unwrap_or(u64::MAX);
        times.insert(number, row.times);
        verdict.doubled += u64::from(row.times > 1);
        verdict.good_and_dead += u64::from(row.is_dead && bad(number).is_none());
        verdict.bad_and_not_dead += u64::from(!row.is_dead && bad(number).is_some());
        verdict.bad += u64::from(bad(number).is_some());
    }
    verdict.lost = taken.iter().filter(|number| !times.contains_key(number)).count() as u64;
    let mut people: BTreeMap<&str, u64> = BTreeMap::new();
    for person in asked.iter().filter_map(|asked| asked.to.as_deref()) {
        *people.entry(person).or_default() += 1;
    }
    verdict.people = people.len() as u64;
    verdict.people_written_to_again = people.values().filter(|times| **times > 1).count() as u64;
    Ok(verdict)
}

/// Digests of all rows that events have made.
pub(super) async fn rows(pool: &PgPool) -> anyhow::Result<Vec<String>> {
    sqlx::query_file_scalar!("sql/torture/rows.sql").fetch_all(pool).await.map_err(described)
}

/// Takes away what events have made, and has all of them worked off again.
pub(super) async fn forget(pool: &PgPool) -> anyhow::Result<()> {
    let mut transaction = pool.begin().await.map_err(described)?;
    for statement in [
        "truncate calls, leads, lead_analytics, jobs, messages, recordings",
        "update webhook_events set processed_at = null",
    ] {
        sqlx::raw_sql(statement).execute(&mut *transaction).await.map_err(described)?;
    }
    transaction.commit().await.map_err(described)
}

fn described(error: sqlx::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", db::describe(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_in_one_run_only_differs_and_so_does_one_that_is_there_twice() {
        let of = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
        let mut verdict = Verdict { sent: 1, ..Verdict::default() };
        verdict.compare(&of(&["a", "b"]), &of(&["b", "a"]));
        assert!((verdict.rows, verdict.rows_that_differ) == (2, 0) && verdict.is_good());
        verdict.compare(&of(&["a", "a", "b"]), &of(&["a", "c"]));
        assert_eq!(verdict.rows_that_differ, 3);
        assert!(!verdict.is_good());
    }
}
