//! Carrying out one job: an attempt, bounded in time, and its end in the table, behind the fence of its claim.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;

use super::sent::{Message, Sent};
use super::{Attempt, Desk, Effect, Kind, OnUnknown, Policy};
use crate::db;
use crate::outbox::{self, Delay, Job, Outcome, Settled};
use crate::store::forgotten;

/// How often settling is tried while the database is away. What was sent must not be forgotten for a hiccup.
const SETTLE_TRIES: u32 = 20;
/// The wait between those tries. Should they outlast the lease, the fence decides.
const SETTLE_PAUSE: Duration = Duration::from_millis(1_000);
/// How often it is tried to write what a job came to while the database answers that it cannot be, for a reason that may
/// pass as a schema changes. Then the job ends without it.
const REFUSED_TRIES: u32 = 3;
/// So many attempts of a job may have asked a vendor and then vanished: a lease that ended, a process that was killed, a
/// database that stayed away. Each has cost money, and more of them mean that something is wrong with this very job. Those
/// that were counted as attempts have a bound of their own.
const VANISHED_MAX: u32 = 5;
/// The longest wait that a vendor's answer can ask for.
const WAIT_MAX: Duration = Duration::from_secs(86_400);
/// The wait after credentials or money were refused: a person has to act first.
pub(super) const REFUSED_WAIT: Duration = Duration::from_secs(900);

/// How an attempt ended in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Settled(Outcome),
    Postponed,
    Lost,
}

/// Carries out a job. What was sent is remembered.
pub(super) async fn carry_out(
    kind: Arc<dyn Kind>,
    policy: Policy,
    job: Job,
    desk: Arc<Desk>,
    sent: Sent,
) -> (&'static str, End) {
    let began = std::time::Instant::now();
    let attempt = if job.was_sending && policy.on_unknown == OnUnknown::AskAPerson {
        Attempt::Unknown("the program ended after it had begun to send".to_owned())
    } else if has_vanished_too_often(&job) {
        Attempt::Dead(format!(
            "it was done {VANISHED_MAX} times, and what came of it could not be written: it is not done again"
        ))
    } else {
        attempt(kind.as_ref(), &policy, &job, &desk).await
    };
    let attempt = Arc::new(attempt);
    let end = match AssertUnwindSafe(settle(&policy, &job, &desk, &attempt)).catch_unwind().await {
        Ok(end) => end,
        Err(_) => {
            let attempt = Arc::new(not_written("the program's log says where it panicked"));
            settle(&policy, &job, &desk, &attempt).await
        }
    };
    tracing::info!(job_id = %job.id, kind = policy.name, end = ?end, took_ms = began.elapsed().as_millis() as u64, "job");
    desk.metrics.job(policy.name, end.word());
    let name = policy.name;
    if policy.on_unknown == OnUnknown::AskAPerson && matches!(*attempt, Attempt::Done(..) | Attempt::Unknown(_)) {
        // Seldom needed, and large.
        Box::pin(sent.remember(Message { policy, job, attempt }, end, &desk)).await;
    }
    (name, end)
}

/// Whether it would be done for money once more, without end.
fn has_vanished_too_often(job: &Job) -> bool {
    job.was_sending && job.unknown_outcomes >= job.attempts + VANISHED_MAX
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Settled(outcome) => outcome.as_str(),
            Self::Postponed => "postponed",
            Self::Lost => "lost",
        }
    }
}

/// One attempt, bounded in time; a panic is a verdict. Once sending has begun, neither means that nothing was sent.
async fn attempt(kind: &dyn Kind, policy: &Policy, job: &Job, desk: &Desk) -> Attempt {
    let run = AssertUnwindSafe(async { kind.run(job, desk).await }).catch_unwind();
    let (late, reason) = match tokio::time::timeout(policy.timeout, run).await {
        Ok(Ok(attempt)) => return attempt,
        Ok(Err(_)) => (false, "the job panicked; the program's log says where"),
        Err(_) => (true, "the job took longer than it may"),
    };
    match desk.link.watched(desk.has_begun(job)).await {
        Ok(true) | Err(_) => Attempt::Unknown(reason.to_owned()),
        Ok(false) if late => Attempt::Retry(reason.to_owned()),
        Ok(false) => Attempt::Dead(reason.to_owned()),
    }
}

/// It was done, and what it wrote can never be written: done again, it would only be done twice.
fn not_written(reason: &str) -> Attempt {
    Attempt::Dead(format!("it was done, and what came of it could not be written: {reason}"))
}

/// Settles it, however often that has to be tried.
pub(super) async fn settle(policy: &Policy, job: &Job, desk: &Desk, attempt: &Arc<Attempt>) -> End {
    let (mut refused, mut attempt) = (0, Arc::clone(attempt));
    for _ in 0..SETTLE_TRIES {
        match desk.link.watched(settle_once(policy, job, desk, &attempt)).await {
            Ok(end) => return end,
            Err(error) => {
                let is_done = matches!(*attempt, Attempt::Done(..));
                refused += u32::from(db::is_mistake(&error));
                if is_done && (db::is_data_error(&error) || refused >= REFUSED_TRIES) {
                    attempt = Arc::new(not_written(&db::describe(&error)));
                    continue;
                }
                tracing::warn!(job_id = %job.id, error = %db::describe(&error), "a job could not be settled yet");
                tokio::time::sleep(SETTLE_PAUSE).await;
            }
        }
    }
    End::Lost
}

async fn settle_once(policy: &Policy, job: &Job, desk: &Desk, attempt: &Attempt) -> Result<End, sqlx::Error> {
    let ended = |outcome, settled| async move { end(job, desk, outcome, &settled, None).await };
    let note = |note: &str| Settled { note: Some(note.to_owned()), ..Settled::default() };
    let error = |error: &str| Settled { error: Some(error.to_owned()), ..Settled::default() };
    match attempt {
        Attempt::Done(text, effect) => {
            let settled = Settled { note: text.clone(), ..Settled::default() };
            end(job, desk, Outcome::Done, &settled, Some(effect)).await
        }
        Attempt::Skipped(reason) => ended(Outcome::Skipped, note(reason)).await,
        Attempt::DryRun(preview) => {
            let text = "dry run: no credentials are configured; this would have been sent".to_owned();
            let settled = Settled { note: Some(text), preview: Some(preview.clone()), ..Settled::default() };
            ended(Outcome::Skipped, settled).await
        }
        Attempt::Cancelled(reason) => ended(Outcome::Cancelled, note(reason)).await,
        Attempt::Dead(reason) => ended(Outcome::Dead, error(reason)).await,
        Attempt::Retry(reason) => retry(policy, job, desk, Delay { reason, is_spent: true, ..Delay::default() }).await,
        Attempt::Wait(wait, reason) => put_off(policy, job, desk, *wait, Delay { reason, ..Delay::default() }).await,
        Attempt::Refused(reason) => {
            desk.alarm(job, policy.name, reason).await;
            put_off(policy, job, desk, REFUSED_WAIT, Delay { reason, needs_person: true, ..Delay::default() }).await
        }
        Attempt::Unknown(reason) => match policy.on_unknown {
            OnUnknown::Resend => {
                let delay = Delay { reason, is_spent: true, is_unknown: true, ..Delay::default() };
                retry(policy, job, desk, delay).await
            }
            OnUnknown::AskAPerson => {
                let text = format!(
                    "{reason}: nobody knows whether it was sent. Look whether it arrived; \
                     `switchhook jobs retry --id {}` sends it again",
                    job.id
                );
                ended(Outcome::Dead, Settled { is_unknown: true, ..error(&text) }).await
            }
        },
    }
}

/// Ends a job, together with what it writes.
async fn end(
    job: &Job,
    desk: &Desk,
    outcome: Outcome,
    settled: &Settled,
    effect: Option<&Effect>,
) -> Result<End, sqlx::Error> {
    let mut transaction = desk.pool.begin().await?;
    if effect.is_some() {
        // Before the job's row is locked, as an erasure does it.
        forgotten::hold_off_erasure(&mut transaction).await?;
    }
    if !outbox::settle(&mut transaction, job, desk.frozen_now(), outcome, settled).await? {
        tracing::warn!(job_id = %job.id, kind = job.kind, "the lease was lost: somebody else has this job");
        return Ok(End::Lost);
    }
    if let Some(effect) = effect {
        effect(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(End::Settled(outcome))
}

/// Tries again later, until the last attempt.
async fn retry(policy: &Policy, job: &Job, desk: &Desk, delay: Delay<'_>) -> Result<End, sqlx::Error> {
    match policy.retry.wait(job.attempts + 1, rand::random()) {
        Some(wait) => put_off(policy, job, desk, wait, delay).await,
        None => {
            let (error, is_unknown) = (Some(delay.reason.to_owned()), delay.is_unknown);
            end(job, desk, Outcome::Dead, &Settled { error, is_unknown, ..Settled::default() }, None).await
        }
    }
}

async fn put_off(
    policy: &Policy,
    job: &Job,
    desk: &Desk,
    wait: Duration,
    delay: Delay<'_>,
) -> Result<End, sqlx::Error> {
    let now = desk.now();
    if (now - job.waiting_since).to_std().unwrap_or_default() > policy.age_max {
        let reason = format!("given up, too old: {}", delay.reason);
        let settled = Settled { error: Some(reason), is_unknown: delay.is_unknown, ..Settled::default() };
        return end(job, desk, Outcome::Dead, &settled, None).await;
    }
    let due_at = now + TimeDelta::from_std(wait.min(WAIT_MAX)).unwrap_or(TimeDelta::days(1));
    let mut connection = desk.pool.acquire().await?;
    let was_ours = outbox::postpone(&mut connection, job, due_at, delay).await?;
    Ok(if was_ours { End::Postponed } else { End::Lost })
}
