//! The loops: polling is the truth, a ring of the door is a hint.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::trouble::Trouble;
use super::turns::Turns;
use super::{Processor, Report};
use crate::inbox::{Lanes, Look};
use crate::queue::WakeUp;

/// How much longer than its time-out a user's function is waited for: the time-out says more than the silence.
const GRACE: Duration = Duration::from_secs(2);
/// The wait after a batch that found the database away, or refusing.
const LOST_WAIT: Duration = Duration::from_secs(1);
/// The wait, on average, after a batch that was rolled back for another reason.
const TROUBLE_WAIT: Duration = Duration::from_millis(100);

impl Processor {
    /// Works until it is told to stop; the batches in hand are finished first. Events with a handler of the user's own are
    /// worked off beside the others, so that a slow one holds nobody up.
    pub async fn run(&self, stop: CancellationToken) {
        let handed_over = WakeUp::new();
        tokio::join!(
            self.run_lanes(Lanes::Tenants, &self.wake_up, &handed_over, &stop),
            self.run_lanes(Lanes::Handlers, &handed_over, &handed_over, &stop),
        );
    }

    async fn run_lanes(&self, lanes: Lanes, bell: &WakeUp, handed_over: &WakeUp, stop: &CancellationToken) {
        let mut turns = Turns::new(lanes, 1, self.settings.batch_size, self.settings.batch_bytes);
        while !stop.is_cancelled() {
            let began = Instant::now();
            let look = turns.next(u64::MAX);
            let wait = match self.watched(&look, lanes).await {
                Ok(Batch { seen, handed_over: given, .. }) => {
                    turns.advance(&seen, began.elapsed());
                    if given > 0 {
                        handed_over.notify_one();
                    }
                    // A full batch means that more is waiting. Less: gather for a moment before the next.
                    if seen.is_full {
                        continue;
                    }
                    if seen.taken > 0 {
                        tokio::time::sleep(self.settings.linger.saturating_sub(began.elapsed())).await;
                        continue;
                    }
                    self.settings.poll_interval.mul_f64(0.75 + rand::random::<f64>() / 2.0)
                }
                Err(trouble) => {
                    turns.set_back();
                    tracing::error!(error = %trouble, cause = trouble.cause(), "batch rolled back");
                    match trouble {
                        Trouble::Lost(_) => LOST_WAIT,
                        _ => TROUBLE_WAIT.mul_f64(0.5 + rand::random::<f64>()),
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = bell.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// A batch that is given up where nothing happens for too long.
    async fn watched(&self, look: &Look, lanes: Lanes) -> Result<Batch, Trouble> {
        let batch = async { Ok(self.batch(look, lanes).await) };
        match self.link.watched_for(self.longest_silence(), batch).await {
            Ok(result) => result.inspect_err(|trouble| {
                if let Trouble::Lost(error) = trouble {
                    self.link.note(error);
                }
            }),
            Err(error) => Err(Trouble::Lost(error)),
        }
    }

    /// A user's function may be silent for as long as it may run.
    fn longest_silence(&self) -> Duration {
        self.link.longest().max(self.settings.handler_timeout.saturating_add(GRACE))
    }

    /// Works off what is due now, at most `max_events`, and returns what became of it.
    pub async fn drain(&self, max_events: u64, batch_size: u32) -> Result<Report, sqlx::Error> {
        let mut total = Report::default();
        for lanes in [Lanes::Tenants, Lanes::Handlers] {
            let mut turns = Turns::new(lanes, batch_size, batch_size, self.settings.batch_bytes);
            while total.claimed < max_events {
                let began = Instant::now();
                let look = turns.next_from_the_start(max_events - total.claimed);
                match self.batch(&look, lanes).await {
                    Ok(batch) if batch.seen.taken == 0 => break,
                    Ok(batch) => {
                        turns.advance(&batch.seen, began.elapsed());
                        total += batch.report;
                    }
                    Err(Trouble::Lost(error)) => return Err(error),
                    Err(trouble) => {
                        tracing::warn!(error = %trouble, cause = trouble.cause(), "batch rolled back");
                        turns.set_back();
                        tokio::time::sleep(TROUBLE_WAIT.mul_f64(0.5 + rand::random::<f64>())).await;
                    }
                }
            }
        }
        Ok(total)
    }
}
