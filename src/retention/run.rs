//! Carrying the rules out: what is old is found in one pass over its table, and goes in small batches, each a
//! transaction of its own, so that nobody waits for long.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::rules::{Action, Kind, Rule, rules};
use super::target::Target;
use crate::access::Actor;
use crate::db;
use crate::store::operator_log::{self, Id, Line};

/// Rows that one pass over a table finds at most: their ids are held in memory (16 MB). The next pass finds the rest.
const PASS_ROWS_MAX: i64 = 1_000_000;

/// How it is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Count only.
    pub dry_run: bool,
    /// Rows in one transaction at most.
    pub batch: u32,
    /// The wait after each, so that others get their turn.
    pub pause: Duration,
    /// Who, in the operator log.
    pub actor: Actor,
}

impl Default for Options {
    /// As a scheduler runs it: batches of some milliseconds, and as much rest between them.
    fn default() -> Self {
        Self { dry_run: false, batch: 500, pause: Duration::from_millis(50), actor: Actor::program("retention") }
    }
}

/// What became of one rule at one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleReport {
    /// The slug of the tenant; `None`: all that have no rule of their own.
    pub tenant: Option<String>,
    /// The kind of data.
    pub kind: Kind,
    /// What was done.
    pub action: Action,
    /// The table, and what of it.
    pub place: &'static str,
    /// Rows that went; in a dry run, that would go.
    pub rows: u64,
}

/// What became of all rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Whether it was only counted.
    pub dry_run: bool,
    /// Rule by rule.
    pub rules: Vec<RuleReport>,
}

impl Report {
    /// Rows altogether.
    pub fn rows(&self) -> u64 {
        self.rules.iter().map(|rule| rule.rows).sum()
    }
}

/// Carries every rule out, once. It may be dropped or killed at any moment: what was committed has gone, is in the
/// operator log, and the next run goes on. Two at once do the same work, not twice the harm.
pub async fn run_once(pool: &PgPool, options: &Options) -> Result<Report, sqlx::Error> {
    let mut report = Report { dry_run: options.dry_run, rules: Vec::new() };
    for rule in rules(pool).await?.iter().filter(|rule| rule.keep_seconds.is_some()) {
        for target in rule.kind.targets() {
            let rows = if options.dry_run {
                count(pool, rule, *target).await?
            } else {
                run(pool, rule, *target, options).await?
            };
            report.rules.push(RuleReport {
                tenant: rule.tenant.clone(),
                kind: rule.kind,
                action: rule.action,
                place: target.as_str(),
                rows,
            });
        }
    }
    Ok(report)
}

async fn count(pool: &PgPool, rule: &Rule, target: Target) -> Result<u64, sqlx::Error> {
    let mut reading = db::patient(pool).await?;
    let rows = target.count(&mut reading, rule.id).await?;
    reading.rollback().await?;
    Ok(rows)
}

async fn run(pool: &PgPool, rule: &Rule, target: Target, options: &Options) -> Result<u64, sqlx::Error> {
    let line = Line::by(options.actor, operator_log::Action::Retention)
        .tenant(rule.tenant_id)
        .with("tenant", rule.tenant.as_deref().map(Id))
        .with("kind", rule.kind.as_str())
        .with("keep_seconds", rule.keep_seconds)
        .with("action", rule.action.as_str())
        .with("place", target.as_str());
    let log_id = Uuid::now_v7();
    let mut total = 0;
    loop {
        // Within a transaction that is given up at once: a pass may take long, and must hold nothing.
        let mut reading = db::patient(pool).await?;
        let found = target.find(&mut reading, rule.id, PASS_ROWS_MAX).await?;
        reading.rollback().await?;
        let mut removed_in_pass = 0;
        for batch in found.chunks(options.batch.max(1) as usize) {
            let mut transaction = pool.begin().await?;
            let removed = target.remove(&mut transaction, batch, rule.action).await?;
            if removed > 0 {
                line.clone().rows(removed).write_step(&mut transaction, log_id).await?;
            }
            transaction.commit().await?;
            removed_in_pass += removed;
            tokio::time::sleep(options.pause).await;
        }
        total += removed_in_pass;
        // A full pass means that more may be left; one that could remove nothing would find the same again.
        if i64::try_from(found.len()).unwrap_or(i64::MAX) < PASS_ROWS_MAX || removed_in_pass == 0 {
            return Ok(total);
        }
    }
}
