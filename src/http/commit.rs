//! Group commit: webhooks in flight share one insert and one commit. While one commit is on its way to the disk the
//! next batch gathers, and one request alone waits for nobody. A statement that takes long does not hold the others up:
//! the next one goes beside it. Where none ends, and there is a spool, nobody waits for them: what comes then is kept there.

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
use crate::db::{self, Leases, Link};
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

/// What Postgres may use of `http.answer_timeout` where there is a spool, as a share, counted from when the webhook came: a
/// disk that lets Postgres wait lets the files wait as well, and needs the other half.
const POSTGRES_SHARE: u32 = 2;
/// How long webhooks wait, as a share of it, behind statements of which none ends.
const QUEUE_SHARE: u32 = 4;

/// Batches that are on their way into the spool at once at most: the others wait for the same disk, where they are counted.
const KEEPS_MAX: usize = 16;

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
    came_at: Instant,
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
            leases: Leases::of(pool, link),
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
        let came_at = Instant::now();
        self.entries.send(Entry { event, audio, came_at, reply }).await.map_err(|_| StoreError::Unavailable)?;
        answer.await.map_err(|_| StoreError::Unavailable)?
    }
}

struct Flusher {
    leases: Leases,
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
        let (mut writes, mut keeps) = (FuturesUnordered::new(), FuturesUnordered::new());
        loop {
            let is_busy = writes.len() >= self.statements_max;
            let keeper = self.keeper();
            let is_full = if keeper.is_some() { keeps.len() >= KEEPS_MAX } else { is_busy };
            if is_full {
                tokio::select! {
                    Some(_) = writes.next() => {}
                    Some(_) = keeps.next() => {}
                    () = self.stalled(), if keeper.is_none() => {}
                }
                continue;
            }
            let mut batch = Vec::new();
            let received = tokio::select! {
                received = entries.recv_many(&mut batch, self.rows_max) => received,
                Some(_) = writes.next() => continue,
                Some(_) = keeps.next() => continue,
            };
            if received == 0 {
                break;
            }
            // It may have been turned on while nothing came.
            if let Some(spool) = self.keeper().or(keeper.filter(|_| is_busy)) {
                keeps.push(AssertUnwindSafe(keep(spool, batch)).catch_unwind());
                continue;
            }
            // A panic is these webhooks' trouble, and not that of all that come after them.
            writes.push(AssertUnwindSafe(self.flush_all(batch)).catch_unwind());
            // A full batch means that more is waiting: then the next one goes at once.
            if received < self.rows_max {
                tokio::time::timeout(COMPANY_WAIT, writes.next()).await.ok();
            }
        }
        while writes.next().await.is_some() {}
        while keeps.next().await.is_some() {}
    }

    /// The spool, while webhooks go there. The probe knows of trouble before anybody has waited.
    fn keeper(&self) -> Option<&Spool> {
        let spool = self.spool.as_ref()?;
        if self.link.is_in_trouble() {
            spool.turn_on();
        }
        spool.is_on().then_some(spool)
    }

    /// Returns when webhooks have waited long enough behind statements of which none has ended, and go to the spool now.
    async fn stalled(&self) {
        let Some(spool) = self.roomy_spool() else { return std::future::pending().await };
        tokio::time::timeout(self.patience / QUEUE_SHARE, self.link.trouble()).await.ok();
        spool.turn_on();
    }

    /// The spool, if it takes more: where it is full, Postgres may take its time.
    fn roomy_spool(&self) -> Option<&Spool> {
        self.spool.as_ref().filter(|spool| spool.has_room())
    }

    async fn flush_all(&self, batch: Vec<Entry>) {
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

    /// Where there is a spool, it must have the time to write as well: then this takes so long, whatever happens, and ends
    /// when the probe finds trouble.
    async fn write(&self, chunk: &[Entry]) -> Result<Vec<Accepted>, sqlx::Error> {
        let result = match self.roomy_spool() {
            None => self.write_in(self.patience, chunk).await,
            Some(_) => {
                let waited = chunk.iter().map(|entry| entry.came_at.elapsed()).max().unwrap_or_default();
                let left = (self.patience / POSTGRES_SHARE).saturating_sub(waited);
                tokio::select! {
                    biased;
                    written = tokio::time::timeout(left, self.write_in(left, chunk)) => {
                        written.unwrap_or_else(|_| Err(db::silent()))
                    }
                    () = self.link.trouble() => Err(db::silent()),
                }
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
        let mut lease = self.leases.take().await?;
        let stored = store(&mut lease, chunk).await;
        match &stored {
            Ok(_) => self.leases.keep(lease),
            Err(error) if db::is_lost(error) => drop(lease),
            // The pool ends what was begun.
            Err(_) => lease.end(),
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
    let kept = chunk.into_iter().map(|Entry { event, audio, reply, .. }| async move {
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
