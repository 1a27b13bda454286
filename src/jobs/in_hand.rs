//! The jobs that a process is working on: as long as it lives it says so, and what a killed process had in hand stands in
//! nobody's way for long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Desk, OnUnknown, Policy};
use crate::db;
use crate::outbox::{self, Job};

/// How often it is said. Most jobs end before that, and cost nothing.
const INTERVAL: Duration = Duration::from_secs(5);

/// The jobs in hand, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct InHand(Arc<Mutex<HashMap<Uuid, Claimed>>>);

#[derive(Clone, Debug)]
struct Claimed {
    policy: Policy,
    job: Job,
    at: Instant,
}

/// A job that is in hand until this is dropped.
pub(super) struct Held {
    all: InHand,
    id: Uuid,
    claim: i32,
}

impl InHand {
    pub(super) fn hold(&self, policy: &Policy, job: &Job) -> Held {
        self.lock().insert(job.id, Claimed { policy: policy.clone(), job: job.clone(), at: Instant::now() });
        Held { all: self.clone(), id: job.id, claim: job.claim }
    }

    /// Those that must not be done twice.
    pub(super) fn messages(&self) -> Vec<(Policy, Job)> {
        let all = self.lock();
        let messages = all.values().filter(|claimed| claimed.policy.on_unknown == OnUnknown::AskAPerson);
        messages.map(|claimed| (claimed.policy.clone(), claimed.job.clone())).collect()
    }

    /// Says that they are worked on, for ever.
    pub(super) async fn say_so<T>(&self, desk: &Desk) -> T {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let (ids, claims) = self.older_than(INTERVAL / 2);
            if ids.is_empty() {
                continue;
            }
            let said = outbox::stay_alive(&desk.pool, &ids, &claims, desk.frozen_now());
            if let Err(error) = desk.link.watched(said).await {
                tracing::warn!(error = %db::describe(&error), "it could not be said that jobs are still worked on");
            }
        }
    }

    fn older_than(&self, age: Duration) -> (Vec<Uuid>, Vec<i32>) {
        let all = self.lock();
        all.iter()
            .filter(|(_, claimed)| claimed.at.elapsed() >= age)
            .map(|(id, claimed)| (*id, claimed.job.claim))
            .unzip()
    }

    /// Nothing panics while this is held.
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Claimed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        // Claimed once more meanwhile, it is held by another.
        if all.get(&self.id).is_some_and(|claimed| claimed.job.claim == self.claim) {
            all.remove(&self.id);
        }
    }
}
