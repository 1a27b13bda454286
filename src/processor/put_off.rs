//! Putting the one event off that a batch was in trouble with, so that it does not keep those behind it waiting.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::Processor;
use super::batch::{Batch, EventFacts, Ledger};
use super::trouble::Trouble;
use super::turns::Seen;
use crate::inbox::{self, Event, Lanes, Look};
use crate::queue::Failure;

/// The shortest and the longest wait of an event that others were in the way of.
const BUSY_WAIT_MIN: Duration = Duration::from_secs(2);
const BUSY_WAIT_MAX: Duration = Duration::from_secs(300);

impl Processor {
    /// Settles or postpones the event that `look` finds, if it is the one that was in trouble: the one with this id, or,
    /// where the claim itself failed, one whose payload cannot be read.
    pub(super) async fn put_off(
        &self,
        look: &Look,
        lanes: Lanes,
        id: Option<Uuid>,
        trouble: Trouble,
    ) -> Result<Batch, Trouble> {
        let began = Instant::now();
        let mut transaction = self.pool.begin_with(AssertSqlSafe(self.begin_statement(lanes))).await?;
        // Claimed anew, so that the locks are taken in the order of all batches.
        let claim = inbox::claim(&mut transaction, &look.clone().without_payloads()).await?;
        let [event] = &*claim.events else { return Err(trouble) };
        let is_it = match id {
            Some(id) => event.id == id,
            None => !is_readable(&mut transaction, event.id).await?,
        };
        if !is_it {
            return Err(trouble);
        }
        let mut ledger = Ledger::default();
        match trouble {
            Trouble::Event(failure) => self.fail(event, failure, &mut ledger),
            Trouble::Busy(reason) => self.fail(event, Failure::Busy(reason), &mut ledger),
            Trouble::Lost(_) => {}
        }
        let mut seen = Seen { last_due_at: claim.last_due_at, taken: claim.taken, is_full: true, stuck: None };
        let written = async {
            inbox::settle(&mut transaction, &ledger.settled).await?;
            inbox::postpone(&mut transaction, &ledger.postponed).await
        };
        match written.await.map_err(Trouble::from) {
            Ok(()) => transaction.commit().await?,
            Err(Trouble::Lost(error)) => return Err(Trouble::Lost(error)),
            // Its row in the inbox is what somebody holds: it stays where it is, and this worker passes it by for a while.
            Err(_) => {
                transaction.rollback().await?;
                (seen.stuck, ledger) = (Some(event.id), Ledger::default());
            }
        }
        let facts = [EventFacts::of(event)];
        Ok(Batch { report: self.account(&facts, &ledger, 0, began.elapsed()), seen, handed_over: 0 })
    }

    /// The longer an event has waited for others, the longer it may wait: a quarter of that time, so that it is soon there
    /// when they are done, and is not tried for ever each second.
    pub(super) fn busy_wait(&self, event: &Event) -> Duration {
        let waited = (self.clock.now() - event.received_at).to_std().unwrap_or_default();
        (waited / 4).clamp(BUSY_WAIT_MIN, BUSY_WAIT_MAX).mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }
}

/// Whether the event's payload can be read as text: a gigabyte is the most that Postgres makes, and 1e131071 is a number.
async fn is_readable(connection: &mut PgConnection, id: Uuid) -> Result<bool, Trouble> {
    sqlx::raw_sql("savepoint reading").execute(&mut *connection).await?;
    match inbox::load(&mut *connection, &[id]).await.map_err(Trouble::from) {
        Ok(_) => Ok(true),
        Err(Trouble::Lost(error)) => Err(Trouble::Lost(error)),
        Err(_) => {
            sqlx::raw_sql("rollback to savepoint reading").execute(connection).await?;
            Ok(false)
        }
    }
}
