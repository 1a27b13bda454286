//! Group commit: webhooks in flight share one insert and one commit. While one commit is on its way to the disk the
//! next batch gathers, and one request alone waits for nobody. A statement that takes long does not hold the others up:
//! the next one goes beside it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Settings;
use crate::clock::Clock;
use crate::db::{self, Lease, Link};
use crate::inbox::{self, Accepted, Audio, NewEvent};
use crate::queue::WakeUp;
use crate::spool::{Record, Spool};
use crate::telemetry::Metrics;

/// Bytes of payload in one statement at most: one message to Postgres must stay far below its limit of 1 GiB.
const STATEMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Webhooks that wait to be written at most; more wait for a place, and then hear 503.
const QUEUE_ROWS_MAX: usize = 4_096;
/// How long a batch gathers at most while another is written. Two quick statements side by side would only halve each
/// other's batches; beside a slow one (a slow disk, a recording of megabytes) the next need not wait.
const COMPANY_WAIT: Duration = Duration::from_millis(5);

/// How long a failure counts as the state of things.
const FAILING_FOR: Duration = Duration::from_secs(5);
/// The wait before another try on another connection: a server that starts again refuses for a moment.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Why an event was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database cannot be reached, or is in trouble: the sender should try again.
    Unavailable,
    /// Postgres can never hold this.
    Unstorable,
}

#[derive(Debug)]
struct Entry {
    event: NewEvent,
    audio: Option<Audio>,
    reply: oneshot::Sender<Result<Accepted, StoreError>>,
}

/// The way to the disk.
#[derive(Clone, Debug)]
pub struct Committer {
    entries: mpsc::Sender<Entry>,
    failed_at: Arc<Mutex<Option<Instant>>>,
}

impl Committer {
    /// Starts writing, with `http.flushers` statements at once at most. It ends when the last clone of the committer is gone
    /// and everything is on disk.
    pub fn start(
        pool: &PgPool,
        link: &Link,
        settings: &Settings,
        spool: Option<&Spool>,
        metrics: &Arc<Metrics>,
        wake_up: &Arc<WakeUp>,
    ) -> (Self, JoinHandle<()>) {
        let (entries, receiver) = mpsc::channel(QUEUE_ROWS_MAX);
        let failed_at = Arc::default();
        let flusher = Flusher {
            pool: pool.clone(),
            link: link.clone(),
            spool: spool.cloned(),
            patience: settings.answer_timeout,
            statements_max: settings.flushers.max(1),
            rows_max: settings.commit_rows_max.max(1),
            failed_at: Arc::clone(&failed_at),
            metrics: Arc::clone(metrics),
            wake_up: Arc::clone(wake_up),
        };
        (Self { entries, failed_at }, tokio::spawn(flusher.run(receiver)))
    }

    /// Whether the last that was to be stored could not be, just now: where nothing has come in since, nobody knows.
    pub fn is_failing(&self) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|failed_at| failed_at.elapsed() < FAILING_FOR)
    }

    /// Stores an event, and returns once its row is durable.
    pub async fn store(&self, event: NewEvent, audio: Option<Audio>) -> Result<Accepted, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.entries.send(Entry { event, audio, reply }).await.map_err(|_| StoreError::Unavailable)?;
        answer.await.map_err(|_| StoreError::Unavailable)?
    }
}

struct Flusher {
    pool: PgPool,
    link: Link,
    spool: Option<Spool>,
    /// How long the database may be silent while it stores: nobody waits longer for the answer.
    patience: Duration,
    statements_max: usize,
    rows_max: usize,
    failed_at: Arc<Mutex<Option<Instant>>>,
    metrics: Arc<Metrics>,
    wake_up: Arc<WakeUp>,
}

impl Flusher {
    async fn run(self, mut entries: mpsc::Receiver<Entry>) {
        let mut writes = FuturesUnordered::new();
        loop {
            let mut batch = Vec::new();
            let received = tokio::select! {
                received = entries.recv_many(&mut batch, self.rows_max) => received,
                Some(_) = writes.next() => continue,
            };
            if received == 0 {
                break;
            }
            // A panic is these webhooks' trouble, and not that of all that come after them.
            writes.push(AssertUnwindSafe(self.flush_all(batch)).catch_unwind());
            // A full batch means that more is waiting: then the next one goes at once.
            if received < self.rows_max {
                tokio::time::timeout(COMPANY_WAIT, writes.next()).await.ok();
            }
            while writes.len() >= self.statements_max {
                writes.next().await;
            }
        }
        while writes.next().await.is_some() {}
    }

    async fn flush_all(&self, batch: Vec<Entry>) {
        if let Some(spool) = &self.spool {
            // The probe knows before anybody has waited.
            if self.link.is_in_trouble() {
                spool.turn_on();
            }
            if spool.is_on() {
                return keep(spool, batch).await;
            }
        }
        // Also those whose sender has hung up: some senders never come again.
        let (with_audio, plain): (Vec<Entry>, Vec<Entry>) = batch.into_iter().partition(|entry| entry.audio.is_some());
        for chunk in chunks(plain) {
            self.flush(chunk).await;
        }
        for entry in with_audio {
            self.flush(vec![entry]).await;
        }
    }

    /// Writes a chunk; if Postgres refuses what it says, its rows one by one, so that nobody pays for another.
    async fn flush(&self, chunk: Vec<Entry>) {
        match self.write(&chunk).await {
            Ok(accepted) => self.answer(chunk, accepted),
            Err(error) if db::is_statement_error(&error) && chunk.len() > 1 => {
                for entry in chunk {
                    match self.write(std::slice::from_ref(&entry)).await {
                        Ok(accepted) => self.answer(vec![entry], accepted),
                        Err(error) => self.give_up(vec![entry], &error).await,
                    }
                }
            }
            Err(error) => self.give_up(chunk, &error).await,
        }
    }

    /// What Postgres cannot take now is kept elsewhere; what it refuses for what it says is not.
    async fn give_up(&self, chunk: Vec<Entry>, error: &sqlx::Error) {
        tracing::error!(rows = chunk.len(), error = %db::describe(error), "webhooks could not be stored");
        match &self.spool {
            Some(spool) if !db::is_statement_error(error) => {
                spool.turn_on();
                keep(spool, chunk).await;
            }
            _ => {
                let reason = if db::is_data_error(error) { StoreError::Unstorable } else { StoreError::Unavailable };
                refuse(chunk, reason);
            }
        }
    }

    /// Where there is a spool, it must have the time to write as well: then this takes so long, whatever happens.
    async fn write(&self, chunk: &[Entry]) -> Result<Vec<Accepted>, sqlx::Error> {
        let result = match self.spool {
            None => self.write_in(self.patience, chunk).await,
            Some(_) => {
                let longest = self.patience * 3 / 4;
                let written = tokio::time::timeout(longest, self.write_in(longest, chunk)).await;
                written.unwrap_or_else(|_| Err(db::silent()))
            }
        };
        let has_failed = result.as_ref().is_err_and(|error| !db::is_statement_error(error));
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = has_failed.then(Instant::now);
        result
    }

    async fn write_in(&self, longest: Duration, chunk: &[Entry]) -> Result<Vec<Accepted>, sqlx::Error> {
        let began = Instant::now();
        loop {
            match self.link.watched_for(longest, self.write_once(chunk)).await {
                // A connection that died while it lay idle shows only now, and it is not the only one. Trying again is
                // safe: what was stored after all is found as its own duplicate.
                Err(error) if db::is_lost(&error) && began.elapsed() < longest => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn write_once(&self, chunk: &[Entry]) -> Result<Vec<Accepted>, sqlx::Error> {
        let mut lease = Lease::of(&self.pool).await?;
        let stored = store(&mut lease, chunk).await;
        if !stored.as_ref().is_err_and(db::is_lost) {
            lease.end();
        }
        if stored.is_ok() {
            self.metrics.committed(chunk.len());
        }
        stored
    }

    fn answer(&self, chunk: Vec<Entry>, accepted: Vec<Accepted>) {
        self.wake_up.notify_one();
        for (entry, accepted) in chunk.into_iter().zip(accepted) {
            let accepted = match accepted {
                Accepted::Duplicate(id) if id == entry.event.id => Accepted::New(id),
                accepted => accepted,
            };
            // The request may have given up meanwhile; the row is stored all the same.
            entry.reply.send(Ok(accepted)).ok();
        }
    }
}

async fn store(connection: &mut PgConnection, chunk: &[Entry]) -> Result<Vec<Accepted>, sqlx::Error> {
    if let [Entry { event, audio: Some(audio), .. }] = chunk {
        return Ok(vec![inbox::accept_with_audio(connection, event, audio).await?]);
    }
    let events: Vec<&NewEvent> = chunk.iter().map(|entry| &entry.event).collect();
    inbox::accept(connection, &events).await
}

/// Keeps webhooks beside the database. Each is answered when it is on disk.
async fn keep(spool: &Spool, chunk: Vec<Entry>) {
    let kept = chunk.into_iter().map(|Entry { event, audio, reply }| async move {
        let id = event.id;
        let kept = spool.keep(Record { received_at: Clock::system().now(), event, audio }).await;
        let said = kept.map(|()| Accepted::Spooled(id)).map_err(|error| {
            tracing::error!(%error, "a webhook could not be kept");
            StoreError::Unavailable
        });
        reply.send(said).ok();
    });
    futures_util::future::join_all(kept).await;
}

fn refuse(chunk: Vec<Entry>, reason: StoreError) {
    for entry in chunk {
        entry.reply.send(Err(reason)).ok();
    }
}

/// Cuts a batch into statements of bounded size.
fn chunks(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut chunks: Vec<Vec<Entry>> = Vec::new();
    let mut bytes = usize::MAX;
    for entry in entries {
        let length = entry.event.payload.len();
        if bytes.saturating_add(length) > STATEMENT_BYTES_MAX {
            chunks.push(Vec::new());
            bytes = 0;
        }
        bytes += length;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(entry);
        }
    }
    chunks
}
