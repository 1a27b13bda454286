//! One batch, in one straight line and one transaction.

use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::Processor;
use super::forget::forget;
use super::plan::Plan;
use super::write::{Effect, Step, Written};
use crate::crypto::DigestKey;
use crate::db::{self, Lease};
use crate::domain::{TenantError, TenantFacts};
use crate::inbox::{self, Event, Outcome, Postponed, Settled};
use crate::queue::Failure;
use crate::store;

/// What became of the events of one batch, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Claimed.
    pub claimed: u64,
    /// Their changes are in the tables.
    pub processed: u64,
    /// They change nothing.
    pub ignored: u64,
    /// They will be tried again.
    pub failed: u64,
    /// They failed for good.
    pub dead: u64,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.claimed += other.claimed;
        self.processed += other.processed;
        self.ignored += other.ignored;
        self.failed += other.failed;
        self.dead += other.dead;
    }
}

/// Everything that will be settled, collected along the line.
#[derive(Debug, Default)]
struct Ledger {
    settled: Vec<Settled>,
    postponed: Vec<Postponed>,
    forgotten: Vec<Uuid>,
}

impl Processor {
    /// Claims up to `batch_size` events and carries them to their commit. `from`: where in the queue to begin.
    /// Returns when the last claimed event was due, beside the report.
    pub async fn batch(
        &self,
        batch_size: u32,
        from: DateTime<Utc>,
    ) -> Result<(Report, Option<DateTime<Utc>>), sqlx::Error> {
        let ids = self.keys.load(&self.pool).await?;
        let mut lease = Lease::of(&self.pool).await?;
        let result = self.batch_on(&mut lease, ids, batch_size, from).await;
        // A lost connection, and one whose batch is given up, is closed.
        if !result.as_ref().is_err_and(db::is_lost) {
            lease.end();
        }
        result
    }

    async fn batch_on(
        &self,
        connection: &mut PgConnection,
        key: &DigestKey,
        batch_size: u32,
        from: DateTime<Utc>,
    ) -> Result<(Report, Option<DateTime<Utc>>), sqlx::Error> {
        let began = Instant::now();
        let mut transaction = connection.begin().await?;
        let claim = inbox::claim(&mut transaction, batch_size, from).await?;
        if claim.last_due_at.is_none() {
            transaction.rollback().await?;
            return Ok((Report::default(), None));
        }
        let facts: Vec<EventFacts> = claim.events.iter().map(EventFacts::of).collect();
        let mut ledger = Ledger::default();
        let planned = self.plan_all(claim.events, &mut ledger);
        let mut steps = self.resolve_all(&mut transaction, key, planned, &mut ledger).await?;
        forget(&mut transaction, key, &mut steps).await?;
        let written = self.write(&mut transaction, &steps).await?;
        let splits = written.splits;
        self.conclude(steps, written, &mut ledger);
        inbox::settle(&mut transaction, &ledger.settled).await?;
        inbox::remove_payloads(&mut transaction, &ledger.forgotten).await?;
        inbox::postpone(&mut transaction, &ledger.postponed).await?;
        transaction.commit().await?;
        Ok((self.account(&facts, &ledger, splits, began.elapsed()), claim.last_due_at))
    }

    /// Translates: payload to changes. What is ignored or unreadable is settled here, on its own.
    fn plan_all(&self, events: Vec<Event>, ledger: &mut Ledger) -> Vec<(Event, Plan)> {
        let mut planned = Vec::with_capacity(events.len());
        for event in events {
            match self.plan(&event) {
                Plan::Ignore(reason) => ledger.settled.push(Settled {
                    id: event.id,
                    outcome: Outcome::Ignored,
                    tenant_id: event.tenant_id,
                    campaign_rank: None,
                    last_error: None,
                    note: Some(reason),
                    failed: false,
                }),
                Plan::Fail(failure) => self.fail(&event, failure, ledger),
                plan => planned.push((event, plan)),
            }
        }
        planned
    }

    /// Resolves: whose the events are, and which rows they change. One statement for the whole batch.
    async fn resolve_all(
        &self,
        connection: &mut PgConnection,
        ids: &DigestKey,
        planned: Vec<(Event, Plan)>,
        ledger: &mut Ledger,
    ) -> Result<Vec<Step>, sqlx::Error> {
        let mut numbers = BTreeSet::new();
        let mut agents = BTreeSet::new();
        let tenants: HashMap<Uuid, TenantFacts> =
            planned.iter().filter_map(|(event, _)| Some((event.id, tenant_facts(event)?))).collect();
        for (event, plan) in &planned {
            if let Plan::Write(changes) = plan {
                let (some_numbers, some_agents) = self.resolver(ids, event, tenants.get(&event.id)).lookups(changes);
                numbers.extend(some_numbers);
                agents.extend(some_agents);
            }
        }
        let directory = store::owners(connection, numbers, agents).await?;
        let mut steps = Vec::with_capacity(planned.len());
        for (event, plan) in planned {
            let effect = match plan {
                Plan::Write(changes) => {
                    match self.resolver(ids, &event, tenants.get(&event.id)).resolve(&changes, &directory) {
                        Ok(resolved) => Effect::Rows(Box::new(resolved)),
                        Err(error) => {
                            let failure = match error {
                                TenantError::Nobody => Failure::retry(error.to_string()),
                                TenantError::Several => Failure::dead(error.to_string()),
                            };
                            self.fail(&event, failure, ledger);
                            continue;
                        }
                    }
                }
                Plan::Call(function) => Effect::Call(function),
                Plan::Select(name) => Effect::Select(name),
                Plan::Ignore(_) | Plan::Fail(_) => continue,
            };
            steps.push(Step { event, effect });
        }
        Ok(steps)
    }

    /// Settles what was written, and decides what becomes of what was not.
    fn conclude(&self, steps: Vec<Step>, written: Written, ledger: &mut Ledger) {
        let mut failures: HashMap<Uuid, Failure> = written.failures.into_iter().collect();
        for Step { event, effect } in steps {
            if let Some(failure) = failures.remove(&event.id) {
                self.fail(&event, failure, ledger);
                continue;
            }
            let resolved = match effect {
                Effect::Rows(resolved) => *resolved,
                _ => crate::domain::Resolved { tenant_id: event.tenant_id, ..Default::default() },
            };
            if resolved.forgot {
                ledger.forgotten.push(event.id);
            }
            ledger.settled.push(Settled {
                id: event.id,
                outcome: Outcome::Processed,
                tenant_id: resolved.tenant_id,
                campaign_rank: resolved.campaign_rank,
                last_error: None,
                note: (!resolved.notes.is_empty()).then(|| resolved.notes.join("; ")),
                failed: false,
            });
        }
    }

    /// A failed event is tried again later, or is dead.
    fn fail(&self, event: &Event, failure: Failure, ledger: &mut Ledger) {
        let attempt = u32::try_from(event.attempts).unwrap_or(0).saturating_add(1);
        let last_error = failure.to_string();
        let wait = match failure {
            Failure::Snooze(wait) => Some((wait, false)),
            Failure::Retry(_) => self.settings.retry.wait(attempt, rand::random()).map(|wait| (wait, true)),
            Failure::Dead(_) => None,
        };
        tracing::warn!(
            event_id = %event.id,
            provider = %event.provider,
            attempt,
            verdict = if wait.is_some() { "retry" } else { "dead" },
            error = %last_error,
            "event failed"
        );
        match wait {
            Some((wait, failed)) => {
                ledger.postponed.push(Postponed { id: event.id, wait, last_error, failed });
            }
            None => ledger.settled.push(Settled {
                id: event.id,
                outcome: Outcome::Dead,
                tenant_id: event.tenant_id,
                campaign_rank: None,
                last_error: Some(last_error),
                note: None,
                failed: true,
            }),
        }
    }

    /// Counts and logs a committed batch.
    fn account(&self, facts: &[EventFacts], ledger: &Ledger, splits: u64, took: Duration) -> Report {
        let count = |outcome: Outcome| ledger.settled.iter().filter(|event| event.outcome == outcome).count() as u64;
        let report = Report {
            claimed: facts.len() as u64,
            processed: count(Outcome::Processed),
            ignored: count(Outcome::Ignored),
            failed: ledger.postponed.len() as u64,
            dead: count(Outcome::Dead),
        };
        let by_id: HashMap<Uuid, &EventFacts> = facts.iter().map(|event| (event.id, event)).collect();
        let mut counts: HashMap<(&'static str, &'static str), u64> = HashMap::new();
        for event in &ledger.settled {
            if let Some(facts) = by_id.get(&event.id) {
                *counts.entry((facts.provider, event.outcome.as_str())).or_default() += 1;
            }
        }
        for ((provider, outcome), count) in counts {
            self.metrics.settled(provider, outcome, count);
        }
        for event in &ledger.postponed {
            if let Some(facts) = by_id.get(&event.id) {
                self.metrics.failed(facts.provider);
            }
        }
        let now = self.clock.now();
        for event in &ledger.settled {
            if let Some(facts) = by_id.get(&event.id) {
                self.metrics.lag((now - facts.received_at).to_std().unwrap_or_default());
            }
        }
        self.metrics.batch(facts.len(), took, splits);
        tracing::info!(
            events = report.claimed,
            processed = report.processed,
            ignored = report.ignored,
            failed = report.failed,
            dead = report.dead,
            splits,
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "batch committed"
        );
        report
    }
}

/// What is remembered of an event for the counts.
struct EventFacts {
    id: Uuid,
    provider: &'static str,
    received_at: DateTime<Utc>,
}

impl EventFacts {
    fn of(event: &Event) -> Self {
        // Hand-inserted rows may name a platform that we do not know; labels come from a fixed list.
        let provider = crate::providers::find(&event.provider).map_or("other", |provider| provider.name());
        Self { id: event.id, provider, received_at: event.received_at }
    }
}

fn tenant_facts(event: &Event) -> Option<TenantFacts> {
    Some(TenantFacts {
        id: event.tenant_id?,
        region: event.tenant_region.clone(),
        outreach_delay: event.tenant_outreach_delay_ms.map(TimeDelta::milliseconds),
    })
}
