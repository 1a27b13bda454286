//! What this process has sent lately. A server that was promoted may not know of it, where it followed asynchronously: there
//! the jobs are due once more, or not there at all. One that was long away knows what was sent as begun, by a process that it
//! takes to be gone. So each process says again what it has sent, before anybody claims such jobs: nobody is written to
//! twice, and no person is asked what a process knows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::carry_out::{End, settle};
use super::in_hand::InHand;
use super::runner::lease;
use super::{Attempt, Desk, Policy};
use crate::db::{self, Link};
use crate::outbox::{self, Job};

/// So long is remembered what was sent: a standby that is further behind is none to fail over to.
const REMEMBERED: Duration = Duration::from_secs(600);
/// And so much of it at most, of some KB each: more than WhatsApp takes of one number in two minutes.
const REMEMBERED_MAX: usize = 10_000;
/// So long after another server has answered, or one that was long away, nobody claims: every process notices within a second,
/// and says what it knows.
const HOLD: Duration = Duration::from_secs(3);
/// The wait before it is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// What was sent.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) policy: Policy,
    pub(super) job: Job,
    /// What came of it, to be written with its end.
    pub(super) attempt: Arc<Attempt>,
}

/// What was sent lately.
#[derive(Clone, Default)]
pub(super) struct Sent(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lately: VecDeque<(Instant, Message)>,
    /// So many changes of the server are dealt with.
    changes: u64,
}

impl Sent {
    /// Remembers a message, and how its job ended here.
    pub(super) async fn remember(&self, message: Message, end: End, desk: &Desk) {
        {
            let mut state = self.lock();
            while state.lately.len() >= REMEMBERED_MAX
                || state.lately.front().is_some_and(|(at, _)| at.elapsed() > REMEMBERED)
            {
                state.lately.pop_front();
            }
            state.lately.push_back((Instant::now(), message.clone()));
        }
        // The server may have become another one while the vendor was asked.
        if end == End::Lost
            && desk.link.server().changes > 0
            && let Err(error) = desk.link.watched(settle_again(&message, desk)).await
        {
            tracing::error!(job_id = %message.job.id, error = %db::describe(&error), "a message was sent, and its job does not say so");
        }
    }

    /// Whether this server knows what was sent.
    pub(super) fn is_known(&self, link: &Link) -> bool {
        let server = link.server();
        server.changes == self.lock().changes && server.changed_at.is_none_or(|at| at.elapsed() >= HOLD)
    }

    /// Whenever another server answers, or one that was long away, says what was sent, for ever.
    pub(super) async fn follow<T>(&self, in_hand: &InHand, desk: &Desk) -> T {
        loop {
            let (dealt_with, server) = (self.lock().changes, desk.link.server());
            if server.changes == dealt_with {
                desk.link.another_server(dealt_with).await;
                continue;
            }
            match desk.link.watched(self.say_again(in_hand, desk)).await {
                Ok(()) => self.lock().changes = server.changes,
                Err(error) => {
                    tracing::warn!(error = %db::describe(&error), "the server that answers now does not take what was sent lately yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn say_again(&self, in_hand: &InHand, desk: &Desk) -> Result<(), sqlx::Error> {
        for (policy, job) in in_hand.messages() {
            outbox::restore(&desk.pool, &job, desk.frozen_now(), lease(&policy)).await?;
        }
        let messages: Vec<Message> = self.lock().lately.iter().map(|(_, message)| message.clone()).collect();
        let kinds: Vec<&str> = messages.iter().map(|message| message.job.kind).collect();
        let keys: Vec<&str> = messages.iter().map(|message| message.job.key.as_str()).collect();
        let mut said = 0;
        for place in outbox::unsettled(&desk.pool, &kinds, &keys).await? {
            if let Some(message) = messages.get(place) {
                said += u64::from(settle_again(message, desk).await?);
            }
        }
        tracing::info!(
            said,
            remembered = messages.len(),
            "the server that answers now was told of messages that it did not know to be sent"
        );
        Ok(())
    }

    /// Nothing panics while this is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Settles a job on a server that does not know it to be settled; whether it was one.
async fn settle_again(message: &Message, desk: &Desk) -> Result<bool, sqlx::Error> {
    let Message { policy, job, attempt } = message;
    match outbox::restore(&desk.pool, job, desk.frozen_now(), lease(policy)).await? {
        Some(job) => Ok(settle(policy, &job, desk, attempt).await != End::Lost),
        None => Ok(false),
    }
}
