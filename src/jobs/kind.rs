//! What a kind of job is, and what an attempt can come to.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use super::Desk;
use crate::integrations::Verdict;
use crate::outbox::Job;
use crate::queue::Backoff;

/// A kind of job.
pub trait Kind: Send + Sync {
    /// Its rules.
    fn policy(&self) -> Policy;

    /// Does it, once.
    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt>;
}

/// The rules of a kind.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name in `jobs.kind`.
    pub name: &'static str,
    /// How long an attempt may take; the lease is a little longer.
    pub timeout: Duration,
    /// Jobs of this kind that one process has in hand at most.
    pub concurrency: i64,
    /// Jobs of this kind that one tenant has in hand at most, in all processes.
    pub per_tenant: i64,
    /// What happens to a job of which nobody knows whether the vendor did it.
    pub on_unknown: OnUnknown,
    /// When a failed attempt is made again.
    pub retry: Backoff,
    /// After this long a job is given up, however often a vendor has asked to wait.
    pub age_max: Duration,
}

/// What to do when an answer is missing: no vendor of ours takes an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Do it again: twice costs money, never a person's patience.
    Resend,
    /// Leave it, and ask a person: a customer must not be written to twice.
    AskAPerson,
}

/// What is written together with the end of a job. It may be tried more than once.
pub type Effect = Arc<dyn for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<(), sqlx::Error>> + Send + Sync>;

/// What an attempt came to. The texts are stored and shown: no personal data.
pub enum Attempt {
    /// Done; the effect commits with it.
    Done(Option<String>, Effect),
    /// Not to be done, and why.
    Skipped(String),
    /// Nothing is configured to do it with: what would have been sent, masked.
    DryRun(String),
    /// Called off by what happened meanwhile.
    Cancelled(String),
    /// Not done; try again.
    Retry(String),
    /// Not done; not before this long, and no attempt is spent.
    Wait(Duration, String),
    /// Not done, and never will be.
    Dead(String),
    /// Not done, and nothing of this kind will be until a person acts.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

impl Attempt {
    /// Done, with nothing to write.
    pub fn done(note: impl Into<String>) -> Self {
        Self::Done(Some(note.into()), nothing())
    }

    /// What a vendor's error comes to.
    pub fn of(verdict: Verdict, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        match verdict {
            Verdict::Retry => Self::Retry(reason),
            Verdict::Wait(wait) => Self::Wait(wait, reason),
            Verdict::Stop => Self::Dead(reason),
            Verdict::Refused => Self::Refused(reason),
            Verdict::Unknown => Self::Unknown(reason),
        }
    }
}

impl From<sqlx::Error> for Attempt {
    fn from(error: sqlx::Error) -> Self {
        let reason = crate::db::describe(&error);
        if crate::db::is_data_error(&error) { Self::Dead(reason) } else { Self::Retry(reason) }
    }
}

/// An effect that writes nothing.
pub(super) fn nothing() -> Effect {
    Arc::new(|_| Box::pin(async { Ok(()) }))
}
