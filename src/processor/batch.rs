//! One batch, in one straight line and one transaction.

use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::Processor;
use super::forget::forget;
use super::plan::Plan;
use super::trouble::Trouble;
use super::turns::Seen;
use super::write::{Effect, Step, Written, write};
use crate::crypto::DigestKey;
use crate::db::Lease;
use crate::domain::{TenantError, TenantFacts};
use crate::inbox::{self, Event, Lanes, Look, Outcome, Postponed, Settled};
use crate::queue::Failure;
use crate::store;

/// How long a batch waits for a lock. Other batches hold theirs for less than a second; whoever holds one for longer is no
/// batch, and 500 events need not wait for it.
const LOCK_WAIT: Duration = Duration::from_secs(3);
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
pub(super) struct Ledger {
    pub(super) settled: Vec<Settled>,
    pub(super) postponed: Vec<Postponed>,
    forgotten: Vec<Uuid>,
}

/// What a batch came to.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) report: Report,
    pub(super) seen: Seen,
    /// Events that were left to the lane of those with a handler of the user's own.
    pub(super) handed_over: usize,
}

/// What is counted once a batch is committed: its events, what became of them, halvings, and when it began.
type Counts = (Vec<EventFacts>, Ledger, u64, Instant);

impl Processor {
    /// Claims the events that `look` finds and carries them to their commit. Where one event alone is in trouble, it is
    /// put off, and that is what the batch came to; else the trouble is returned, and smaller batches will tell.
    pub(super) async fn batch(&self, look: &Look, lanes: Lanes) -> Result<Batch, Trouble> {
        let alone = OnceLock::new();
        // A panic is a bug of ours: it must not end the worker.
        let result = AssertUnwindSafe(self.carry(look, lanes, &alone)).catch_unwind().await;
        let trouble = match result {
            Ok(Ok(batch)) => return Ok(batch),
            Ok(Err(trouble)) => trouble,
            Err(_) => Trouble::panicked(),
        };
        self.metrics.rolled_back(trouble.cause());
        match (trouble, alone.get()) {
            (Trouble::Lost(error), _) => Err(Trouble::Lost(error)),
            (trouble, Some(id)) => self.put_off(look, lanes, Some(*id), trouble).await,
            // Not even the claim succeeded.
            (Trouble::Event(failure), None) if look.is_single() => {
                self.put_off(look, lanes, None, Trouble::Event(failure)).await
            }
            (trouble, None) => Err(trouble),
        }
    }

    async fn carry(&self, look: &Look, lanes: Lanes, alone: &OnceLock<Uuid>) -> Result<Batch, Trouble> {
        let key = self.keys.load(&self.pool).await.map_err(Trouble::Lost)?;
        let mut lease = Lease::of(&self.pool).await?;
        let result = self.carry_on(&mut lease, key, look, lanes, alone).await;
        // A connection that is lost, or whose batch was given up, is closed.
        if !matches!(result, Err(Trouble::Lost(_))) {
            lease.end();
        }
        result
    }

    async fn carry_on(
        &self,
        connection: &mut PgConnection,
        key: &DigestKey,
        look: &Look,
        lanes: Lanes,
        alone: &OnceLock<Uuid>,
    ) -> Result<Batch, Trouble> {
        let mut transaction = connection.begin_with(AssertSqlSafe(self.begin_statement(lanes))).await?;
        let result = self.work(&mut transaction, key, look, lanes, alone).await;
        match &result {
            Ok(_) => transaction.commit().await?,
            Err(Trouble::Lost(_)) => {}
            // Waited for, so that the next claim finds the locks gone.
            Err(_) => transaction.rollback().await?,
        }
        let (batch, counts) = result?;
        if let Some((facts, ledger, splits, began)) = counts {
            let report = self.account(&facts, &ledger, splits, began.elapsed());
            return Ok(Batch { report, ..batch });
        }
        Ok(batch)
    }

    async fn work(
        &self,
        transaction: &mut PgConnection,
        key: &DigestKey,
        look: &Look,
        lanes: Lanes,
        alone: &OnceLock<Uuid>,
    ) -> Result<(Batch, Option<Counts>), Trouble> {
        let began = Instant::now();
        let claim = inbox::claim(&mut *transaction, look).await?;
        let seen = Seen { last_due_at: claim.last_due_at, taken: claim.taken, is_full: claim.is_full, stuck: None };
        if seen.taken == 0 {
            return Ok((Batch::default(), None));
        }
        if let [event] = &*claim.events {
            alone.get_or_init(|| event.id);
        }
        let facts: Vec<EventFacts> = claim.events.iter().map(EventFacts::of).collect();
        let mut ledger = Ledger::default();
        let mut planned = self.plan_all(claim.events, &mut ledger);
        let mut handed_over: Vec<Uuid> = Vec::new();
        if lanes == Lanes::Tenants {
            let is_theirs = |(_, plan): &mut (Event, Plan)| matches!(plan, Plan::Call(_) | Plan::Select(_));
            handed_over.extend(planned.extract_if(.., is_theirs).map(|(event, _)| event.id));
        }
        let mut steps = self.resolve_all(&mut *transaction, key, planned, &mut ledger).await?;
        forget(&mut *transaction, key, &mut steps).await?;
        let mut written = write(&mut *transaction, &steps).await?;
        if lanes == Lanes::Handlers {
            let (called, rest) = self.call_handlers(&mut *transaction, steps, &mut written).await?;
            handed_over.extend(rest.iter().map(|step| step.event.id));
            steps = called;
        }
        let splits = written.splits;
        self.conclude(steps, written, &mut ledger);
        inbox::settle(&mut *transaction, &ledger.settled).await?;
        inbox::remove_payloads(&mut *transaction, &ledger.forgotten).await?;
        inbox::postpone(&mut *transaction, &ledger.postponed).await?;
        inbox::hand_over(&mut *transaction, &handed_over).await?;
        let batch = Batch { seen, handed_over: handed_over.len(), ..Batch::default() };
        Ok((batch, Some((facts, ledger, splits, began))))
    }

    /// How a transaction of the processor begins: with the newest rows, whatever the database's default is; with plans made
    /// for the tables as they are now, since one made while the queue was empty stays cached through the burst; and with
    /// bounds on waiting. All of it ends with the transaction, so a pooler may stand between.
    pub(super) fn begin_statement(&self, lanes: Lanes) -> String {
        let mut lock_wait = LOCK_WAIT;
        let mut more = String::new();
        if lanes == Lanes::Handlers {
            let longest = self.settings.handler_timeout;
            lock_wait = lock_wait.min(longest / 2);
            more = format!("; set local statement_timeout = {}", longest.as_millis().max(1));
        }
        format!(
            "begin isolation level read committed; set local plan_cache_mode = force_custom_plan; \
             set local lock_timeout = {}{more}",
            lock_wait.as_millis().max(1)
        )
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
        let mut failures = written.failures;
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
    pub(super) fn fail(&self, event: &Event, failure: Failure, ledger: &mut Ledger) {
        let attempt = u32::try_from(event.attempts).unwrap_or(0).saturating_add(1);
        let last_error = failure.to_string();
        let wait = match failure {
            Failure::Snooze(wait) => Some((wait, false)),
            Failure::Busy(_) => Some((self.busy_wait(event), false)),
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
    pub(super) fn account(&self, facts: &[EventFacts], ledger: &Ledger, splits: u64, took: Duration) -> Report {
        let count = |outcome: Outcome| ledger.settled.iter().filter(|event| event.outcome == outcome).count() as u64;
        let report = Report {
            claimed: (ledger.settled.len() + ledger.postponed.len()) as u64,
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
        self.metrics.batch(ledger.settled.len() + ledger.postponed.len(), took, splits);
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
pub(super) struct EventFacts {
    id: Uuid,
    provider: &'static str,
    received_at: DateTime<Utc>,
}

impl EventFacts {
    pub(super) fn of(event: &Event) -> Self {
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
