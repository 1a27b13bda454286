//! Group commit: webhooks in flight share one insert and one commit. While one commit is on its way to the disk the
//! next batch gathers, so there is no timer, and one request alone waits for nobody.

use std::sync::Arc;

use sqlx::{PgConnection, PgPool};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::db;
use crate::inbox::{self, Accepted, Audio, NewEvent};
use crate::queue::WakeUp;
use crate::telemetry::Metrics;

/// Bytes of payload in one statement at most: one message to Postgres must stay far below its limit of 1 GiB.
const STATEMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Webhooks that wait for a flusher at most; more wait for a place, and then hear 503.
const QUEUE_ROWS_MAX: usize = 4_096;

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
    /// Starts the flushers. They end when the last clone of the committer is gone and everything is on disk.
    pub fn start(
        pool: &PgPool,
        flushers: usize,
        rows_max: usize,
        metrics: &Arc<Metrics>,
        wake_up: &Arc<WakeUp>,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let (entries, receiver) = mpsc::channel(QUEUE_ROWS_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let tasks = (0..flushers.max(1)).map(|_| {
            let flusher = Flusher {
                pool: pool.clone(),
                rows_max: rows_max.max(1),
                metrics: Arc::clone(metrics),
                wake_up: Arc::clone(wake_up),
            };
            tokio::spawn(flusher.run(Arc::clone(&receiver)))
        });
        let tasks = tasks.collect();
        (Self { entries }, tasks)
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
    rows_max: usize,
    metrics: Arc<Metrics>,
    wake_up: Arc<WakeUp>,
}

impl Flusher {
    async fn run(self, receiver: Arc<Mutex<mpsc::Receiver<Entry>>>) {
        let mut batch = Vec::with_capacity(self.rows_max);
        loop {
            // Held while waiting for the first entry, never while writing: the other flusher gathers meanwhile.
            let received = receiver.lock().await.recv_many(&mut batch, self.rows_max).await;
            if received == 0 {
                return;
            }
            // Nobody waits for an answer any more: the sender will come again.
            batch.retain(|entry| !entry.reply.is_closed());
            let (with_audio, plain): (Vec<Entry>, Vec<Entry>) = batch.drain(..).partition(|entry| entry.audio.is_some());
            for chunk in chunks(plain) {
                self.flush(chunk).await;
            }
            for entry in with_audio {
                self.flush(vec![entry]).await;
            }
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
