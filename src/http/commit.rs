//! Group commit: webhooks in flight share one insert and one commit. While one commit is on its way to the disk the
//! next batch gathers, and one request alone waits for nobody. A statement that takes long does not hold the others up:
//! the next one goes beside it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sqlx::{PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::db;
use crate::inbox::{self, Accepted, Audio, NewEvent};
use crate::queue::WakeUp;
use crate::telemetry::Metrics;

/// Bytes of payload in one statement at most: one message to Postgres must stay far below its limit of 1 GiB.
const STATEMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Webhooks that wait to be written at most; more wait for a place, and then hear 503.
const QUEUE_ROWS_MAX: usize = 4_096;
/// How long a batch gathers at most while another is written. Two quick statements side by side would only halve each
/// other's batches; beside a slow one (a slow disk, a recording of megabytes) the next need not wait.
const COMPANY_WAIT: Duration = Duration::from_millis(5);

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
}

impl Committer {
    /// Starts writing, with this many statements at once at most. It ends when the last clone of the committer is gone
    /// and everything is on disk.
    pub fn start(
        pool: &PgPool,
        flushers: usize,
        rows_max: usize,
        metrics: &Arc<Metrics>,
        wake_up: &Arc<WakeUp>,
    ) -> (Self, JoinHandle<()>) {
        let (entries, receiver) = mpsc::channel(QUEUE_ROWS_MAX);
        let flusher = Flusher {
            pool: pool.clone(),
            statements_max: flushers.max(1),
            rows_max: rows_max.max(1),
            metrics: Arc::clone(metrics),
            wake_up: Arc::clone(wake_up),
        };
        (Self { entries }, tokio::spawn(flusher.run(receiver)))
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
    statements_max: usize,
    rows_max: usize,
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
                Some(()) = writes.next() => continue,
            };
            if received == 0 {
                break;
            }
            writes.push(self.flush_all(batch));
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
                        Err(error) => refuse(vec![entry], &error),
                    }
                }
            }
            Err(error) => refuse(chunk, &error),
        }
    }

    async fn write(&self, chunk: &[Entry]) -> Result<Vec<Accepted>, sqlx::Error> {
        match self.write_once(chunk).await {
            // A connection that died while it lay idle shows only now. Trying again is safe: what was stored after
            // all is found as its own duplicate.
            Err(error) if !db::is_statement_error(&error) && !matches!(error, sqlx::Error::PoolTimedOut) => {
                self.write_once(chunk).await
            }
            result => result,
        }
    }

    async fn write_once(&self, chunk: &[Entry]) -> Result<Vec<Accepted>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let accepted = store(&mut connection, chunk).await?;
        self.metrics.committed(chunk.len());
        Ok(accepted)
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

fn refuse(chunk: Vec<Entry>, error: &sqlx::Error) {
    let reason = if db::is_data_error(error) { StoreError::Unstorable } else { StoreError::Unavailable };
    tracing::error!(rows = chunk.len(), error = %db::describe(error), "webhooks could not be stored");
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
