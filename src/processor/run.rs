//! The loop: polling is the truth, a ring of the door is a hint.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::{Processor, Report};
use crate::db;

/// A transaction may commit after a younger one was claimed: claims reach this far back behind the last one.
const REACH_BACK: TimeDelta = TimeDelta::seconds(5);
/// How often the whole queue is looked at, from its very beginning.
const FULL_SCAN_INTERVAL: Duration = Duration::from_secs(1);
/// The whole queue is looked at for at most this fraction of the time: an old snapshot makes that slow.
const FULL_SCAN_SHARE: u32 = 10;
/// How much longer than its time-out a user's function is waited for: the time-out says more than the silence.
const GRACE: Duration = Duration::from_secs(2);
/// The wait after a failed batch: the database is away, or refuses.
const TROUBLE_WAIT: Duration = Duration::from_secs(1);

/// Where in the queue the next claim begins.
#[derive(Debug)]
struct Scan {
    floor: DateTime<Utc>,
    next_full: Instant,
}

impl Scan {
    fn new() -> Self {
        Self { floor: DateTime::UNIX_EPOCH, next_full: Instant::now() }
    }

    fn begin(&self) -> (DateTime<Utc>, bool) {
        if Instant::now() >= self.next_full { (DateTime::UNIX_EPOCH, true) } else { (self.floor, false) }
    }

    fn end(&mut self, full: bool, took: Duration, last_due_at: Option<DateTime<Utc>>) {
        if full {
            self.next_full = Instant::now() + FULL_SCAN_INTERVAL.max(took * FULL_SCAN_SHARE);
        }
        if let Some(last_due_at) = last_due_at {
            self.floor = last_due_at - REACH_BACK;
        }
    }
}

impl Processor {
    /// Works until it is told to stop; the batch in hand is finished first.
    pub async fn run(&self, stop: CancellationToken) {
        let mut scan = Scan::new();
        while !stop.is_cancelled() {
            let began = Instant::now();
            let (from, full) = scan.begin();
            let wait =
                match self.link.watched_for(self.longest_silence(), self.batch(self.settings.batch_size, from)).await {
                    Ok((report, last_due_at)) => {
                        scan.end(full, began.elapsed(), last_due_at);
                        // A full batch means that more is waiting. Less: gather for a moment before the next.
                        if report.claimed >= u64::from(self.settings.batch_size) {
                            continue;
                        }
                        if report.claimed > 0 {
                            tokio::time::sleep(self.settings.linger.saturating_sub(began.elapsed())).await;
                            continue;
                        }
                        self.settings.poll_interval.mul_f64(0.75 + rand::random::<f64>() / 2.0)
                    }
                    Err(error) => {
                        tracing::error!(error = %db::describe(&error), "batch rolled back");
                        TROUBLE_WAIT
                    }
                };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake_up.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// A user's function may be silent for as long as it may run.
    fn longest_silence(&self) -> Duration {
        self.link.longest().max(self.settings.handler_timeout.saturating_add(GRACE))
    }

    /// Works off what is due now, at most `max_events`, and returns what became of it.
    pub async fn drain(&self, max_events: u64, batch_size: u32) -> Result<Report, sqlx::Error> {
        let mut total = Report::default();
        while total.claimed < max_events {
            let rest = u32::try_from(max_events - total.claimed).unwrap_or(u32::MAX);
            let (report, last_due_at) = self.batch(batch_size.min(rest), DateTime::UNIX_EPOCH).await?;
            if last_due_at.is_none() {
                break;
            }
            total += report;
        }
        Ok(total)
    }
}
