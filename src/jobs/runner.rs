//! The runner: claims due jobs with a lease, carries them out side by side, and settles each behind its fence.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::carry_out::{End, carry_out};
use super::in_hand::InHand;
use super::sent::Sent;
use super::{Desk, Kind, OnUnknown, Policy, crm};
use crate::db;
use crate::outbox::{self, Job, Outcome, Terms};
use crate::queue::WakeUp;

/// How much longer than its attempt a lease lasts: time enough to settle.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// Carries out jobs. Any number may run at once, in one process and in several.
pub struct Runner {
    kinds: Vec<Arc<dyn Kind>>,
    desk: Arc<Desk>,
    poll_interval: Duration,
    wake_up: Arc<WakeUp>,
    in_hand: InHand,
    sent: Sent,
}

/// What became of the jobs of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Done.
    pub done: u64,
    /// Not to be done.
    pub skipped: u64,
    /// Called off.
    pub cancelled: u64,
    /// Put off.
    pub postponed: u64,
    /// Failed for good.
    pub dead: u64,
    /// Not settled: somebody else has them by now.
    pub lost: u64,
}

impl Runner {
    /// A runner of these kinds.
    pub fn new(kinds: Vec<Arc<dyn Kind>>, desk: Arc<Desk>, poll_interval: Duration, wake_up: Arc<WakeUp>) -> Self {
        Self { kinds, desk, poll_interval, wake_up, in_hand: InHand::default(), sent: Sent::default() }
    }

    /// Runs until told to stop; jobs in hand are finished.
    pub async fn run(&self, stop: CancellationToken) {
        self.minded(self.work(stop)).await;
    }

    /// Does work with jobs; meanwhile says which are in hand, and what was sent, should another server not know it.
    async fn minded<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.in_hand.say_so(&self.desk) => never,
            // Seldom needed, and large.
            never = Box::pin(self.sent.follow(&self.in_hand, &self.desk)) => never,
        }
    }

    async fn work(&self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        let lanes: Vec<Lane> = self.kinds.iter().map(Lane::new).collect();
        let mut poll = tokio::time::interval(self.poll_interval);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            // Where a job has ended there is room for another of its kind; all kinds are looked at in turn.
            let mut ended = Vec::new();
            let is_their_turn = tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake_up.notified() => true,
                _ = poll.tick() => true,
                Some(job) = running.join_next() => {
                    ended.push(job);
                    false
                }
            };
            while let Some(job) = running.try_join_next() {
                ended.push(job);
            }
            let names: Vec<&str> = ended.into_iter().filter_map(|job| job.ok().map(|(name, _)| name)).collect();
            for lane in lanes.iter().filter(|lane| is_their_turn || names.contains(&lane.policy.name)) {
                self.fill(lane, &mut running).await;
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Gives a kind as much to do as there is room for.
    async fn fill(&self, lane: &Lane, running: &mut JoinSet<(&'static str, End)>) {
        let room = i64::try_from(lane.room.available_permits()).unwrap_or(i64::MAX);
        match self.claim(&lane.policy, room).await {
            Ok(jobs) => {
                for job in jobs {
                    let (place, held) =
                        (Arc::clone(&lane.room).try_acquire_owned(), self.in_hand.hold(&lane.policy, &job));
                    let (kind, policy) = (Arc::clone(&lane.kind), lane.policy.clone());
                    let work = carry_out(kind, policy, job, Arc::clone(&self.desk), self.sent.clone());
                    running.spawn(async move {
                        // Given up when the work ends, in whatever way.
                        let _given_up = (place, held);
                        work.await
                    });
                }
            }
            Err(error) => tracing::warn!(error = %db::describe(&error), kind = lane.policy.name, "no jobs claimed"),
        }
    }

    /// Carries out everything that is due now, until nothing is; for `jobs run` and tests.
    pub async fn drain(&self) -> Result<Report, sqlx::Error> {
        self.minded(self.work_all_off()).await
    }

    async fn work_all_off(&self) -> Result<Report, sqlx::Error> {
        crm::feed(&self.desk).await?;
        let mut report = Report::default();
        loop {
            let mut running = JoinSet::new();
            for kind in &self.kinds {
                let policy = kind.policy();
                for job in self.claim(&policy, policy.concurrency).await? {
                    let held = self.in_hand.hold(&policy, &job);
                    let work =
                        carry_out(Arc::clone(kind), policy.clone(), job, Arc::clone(&self.desk), self.sent.clone());
                    running.spawn(async move {
                        let _given_up = held;
                        work.await
                    });
                }
            }
            if running.is_empty() {
                return Ok(report);
            }
            while let Some(finished) = running.join_next().await {
                if let Ok((_, end)) = finished {
                    report.count(end);
                }
            }
        }
    }

    async fn claim(&self, policy: &Policy, most: i64) -> Result<Vec<Job>, sqlx::Error> {
        if most <= 0 {
            return Ok(Vec::new());
        }
        // What must not be done twice is taken up only where it is known what was done.
        let asks = policy.on_unknown == OnUnknown::AskAPerson;
        if asks && !self.sent.is_known(&self.desk.link) {
            return Ok(Vec::new());
        }
        let terms = Terms {
            lease: lease(policy),
            most,
            server: if asks { self.desk.link.server().started_at } else { None },
            per_tenant: policy.per_tenant,
            is_resent: policy.on_unknown == OnUnknown::Resend,
        };
        let claim = outbox::claim(&self.desk.pool, policy.name, self.desk.frozen_now(), terms);
        self.desk.link.watched(claim).await
    }
}

/// How long a claim of a job of this kind lasts.
pub(super) fn lease(policy: &Policy) -> Duration {
    policy.timeout + LEASE_MARGIN
}

/// A kind, and the room that this process has for its jobs.
struct Lane {
    kind: Arc<dyn Kind>,
    policy: Policy,
    room: Arc<Semaphore>,
}

impl Lane {
    fn new(kind: &Arc<dyn Kind>) -> Self {
        let policy = kind.policy();
        let room = Semaphore::new(usize::try_from(policy.concurrency).unwrap_or_default());
        Self { kind: Arc::clone(kind), policy, room: Arc::new(room) }
    }
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.skipped += other.skipped;
        self.cancelled += other.cancelled;
        self.postponed += other.postponed;
        self.dead += other.dead;
        self.lost += other.lost;
    }
}

impl Report {
    fn count(&mut self, end: End) {
        *match end {
            End::Settled(Outcome::Done) => &mut self.done,
            End::Settled(Outcome::Skipped) => &mut self.skipped,
            End::Settled(Outcome::Cancelled) => &mut self.cancelled,
            End::Settled(Outcome::Dead) => &mut self.dead,
            End::Postponed => &mut self.postponed,
            End::Lost => &mut self.lost,
        } += 1;
    }
}
