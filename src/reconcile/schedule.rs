//! The schedule: every connection whose key is there and is its alone, once in a while, in one process at a time.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::connections::{Candidate, candidates, unambiguous};
use super::run::{Failure, Options, Reconciler};
use super::{Report, Settings};
use crate::access::Actor;
use crate::db;
use crate::integrations::platforms::Window;

/// How often it is looked whether it is time.
const TICK: Duration = Duration::from_secs(30);

/// How long nothing may happen: a platform may think for long, and each of its requests has a time-out.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Reconciles on a schedule. Any number may run: the leases say whose turn it is.
pub struct Schedule {
    reconciler: Arc<Reconciler>,
    settings: Settings,
}

impl Schedule {
    /// A schedule with these settings.
    pub fn new(reconciler: Arc<Reconciler>, settings: Settings) -> Self {
        Self { reconciler, settings }
    }

    /// Looks at intervals until told to stop. A run in hand is dropped then: what it has found is stored, and the next
    /// one finds the rest.
    pub async fn run(&self, stop: CancellationToken) {
        if self.settings.every.is_zero() {
            return;
        }
        let mut told = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TICK.min(self.settings.every)) => {}
            }
            let turn = tokio::select! {
                () = stop.cancelled() => return,
                turn = self.reconciler.desk.link.watched_for(SILENCE_MAX, self.turn()) => turn,
            };
            match turn {
                Ok((_, left_out)) if left_out != told => {
                    for connection in &left_out {
                        tracing::warn!(%connection, "not reconciled: it shares its platform's key with others; give its tenant a key of its own");
                    }
                    told = left_out;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(error = %db::describe(&error), "the schedule could not be looked at"),
            }
        }
    }

    /// Runs whatever is due, once. Also says which connections have a key that is not theirs alone.
    pub async fn turn(&self) -> Result<(Vec<Report>, Vec<String>), sqlx::Error> {
        let mut with_key = Vec::new();
        for candidate in candidates(&self.reconciler.desk.pool).await? {
            match self.reconciler.is_configured(&candidate).await {
                Ok(true) => with_key.push(candidate),
                Ok(false) => {}
                Err(failure) => self.failed(&candidate, failure)?,
            }
        }
        let (due, left_out) = unambiguous(with_key);
        let mut reports = Vec::new();
        for candidate in due {
            match self.reconciler.run(&candidate, &self.options()).await {
                Ok(report) => reports.push(report),
                Err(Failure::Busy) => {}
                Err(failure) => self.failed(&candidate, failure)?,
            }
        }
        Ok((reports, left_out))
    }

    fn failed(&self, candidate: &Candidate, failure: Failure) -> Result<(), sqlx::Error> {
        match failure {
            Failure::Database(error) => Err(error),
            failure => {
                tracing::warn!(connection = %candidate.name, error = %failure, "not reconciled");
                Ok(())
            }
        }
    }

    fn options(&self) -> Options {
        let until = self.reconciler.desk.now();
        let lookback = TimeDelta::from_std(self.settings.lookback).unwrap_or(TimeDelta::days(1));
        let since = until.checked_sub_signed(lookback).unwrap_or(until);
        Options {
            window: Window { since, until },
            grace: self.settings.grace,
            every: Some(self.settings.every),
            dry_run: false,
            actor: Actor::program("reconcile"),
        }
    }
}
