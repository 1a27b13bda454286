//! Draining: what the spool holds is stored, in order and beside new webhooks, as soon as Postgres takes it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use super::directory::{Directory, TORN};
use super::record::{Record, RecordError};
use super::segment::{self, Found, Reader, Segment, segments};
use super::{Spool, directories};
use crate::crypto::Keys;
use crate::db::{self, Lease, Link};
use crate::inbox;
use crate::queue::WakeUp;

/// How often it is looked whether there is something to drain that nobody has rung for.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// The wait after Postgres has refused: the next try decides whether webhooks go there again.
const PAUSE: Duration = Duration::from_millis(250);
/// Records, and bytes of payload, that are stored in one statement at most.
const ROWS_AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// Drains a spool for as long as the program runs.
pub struct Drain {
    /// What is drained.
    pub spool: Spool,
    /// Its directory's parent: what processes have left there that are gone is drained as well.
    pub dir: std::path::PathBuf,
    /// What it is sealed under.
    pub keys: Keys,
    /// Connections of the endpoint.
    pub pool: PgPool,
    /// The way to the database.
    pub link: Link,
    /// Rung when events were stored.
    pub wake_up: Arc<WakeUp>,
}

/// What became of what a directory held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Drained {
    /// Records that are in the database now, or were already.
    pub stored: u64,
    /// Records that can never be read or stored, and are set aside.
    pub set_aside: u64,
}

impl std::ops::AddAssign for Drained {
    fn add_assign(&mut self, other: Self) {
        self.stored += other.stored;
        self.set_aside += other.set_aside;
    }
}

/// Why draining stopped.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// Postgres does not take it now.
    #[error("{}", db::describe(.0))]
    Database(#[from] sqlx::Error),
    /// The files cannot be read or removed.
    #[error("the spool's files cannot be read or removed: {}", .0.kind())]
    Files(#[from] std::io::Error),
    /// A master key is missing.
    #[error("a record of the spool is {0}: give that key too")]
    Key(crate::crypto::OpenError),
}

impl Drain {
    /// Drains until told to stop. What is in hand is finished first.
    pub async fn run(&self, stop: CancellationToken) {
        let mut told = String::new();
        while !stop.is_cancelled() {
            let wait = if told.is_empty() { LOOK_INTERVAL } else { PAUSE };
            if stop.run_until_cancelled(self.spool.rung(wait)).await.is_none() {
                return;
            }
            if stop.run_until_cancelled(self.link.well()).await.is_none() {
                return;
            }
            match self.turn(&stop).await {
                Ok(()) => told.clear(),
                Err(error) => {
                    let error = error.to_string();
                    if told != error {
                        tracing::warn!(error, "the spool cannot be drained yet");
                        told = error;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The files decide what there is to drain; what was counted is for people.
    async fn turn(&self, stop: &CancellationToken) -> Result<(), DrainError> {
        while self.drain_own(stop).await? {}
        if stop.is_cancelled() {
            return Ok(());
        }
        if self.spool.is_on() {
            // There was nothing that could be tried.
            self.link
                .watched(async { sqlx::query_file!("sql/db/server_state.sql").fetch_one(&self.pool).await })
                .await?;
            self.spool.turn_off();
        }
        self.spool.look_aside()?;
        for path in directories(&self.dir)? {
            if path == self.spool.directory().path() {
                continue;
            }
            // Who is gone has left its lock.
            if let Some(left) = Directory::lock(&path)? {
                self.told(drain_directory(&left, &self.keys, &self.pool, &self.link).await?);
            }
        }
        Ok(())
    }

    /// Drains what is closed of this process's own; whether there was anything.
    async fn drain_own(&self, stop: &CancellationToken) -> Result<bool, DrainError> {
        let below = self.spool.rotate().await;
        let directory = self.spool.directory();
        let closed = segments(directory.path())?.into_iter().filter(|segment| segment.number < below);
        let mut sum = Drained::default();
        let mut is_any = false;
        for segment in closed {
            if stop.is_cancelled() {
                return Ok(false);
            }
            is_any = true;
            let bytes = std::fs::metadata(&segment.path)?.len();
            let drained = drain_segment(directory, &segment, &self.keys, &self.pool, &self.link, || {
                self.spool.turn_off();
                self.wake_up.notify_one();
            })
            .await?;
            let oldest_at = segment::oldest_at(directory.path())?;
            self.spool.0.shared.change(|holds| {
                holds.records = holds.records.saturating_sub(drained.stored + drained.set_aside);
                holds.bytes = holds.bytes.saturating_sub(bytes);
                holds.oldest_at = oldest_at;
            });
            sum += drained;
        }
        self.told(sum);
        Ok(is_any)
    }

    fn told(&self, drained: Drained) {
        if drained != Drained::default() {
            tracing::info!(stored = drained.stored, set_aside = drained.set_aside, "the spool was drained");
        }
    }
}

/// Stores everything that a directory holds which no process has.
pub async fn drain_directory(
    directory: &Directory,
    keys: &Keys,
    pool: &PgPool,
    link: &Link,
) -> Result<Drained, DrainError> {
    let mut sum = Drained::default();
    for segment in segments(directory.path())? {
        sum += drain_segment(directory, &segment, keys, pool, link, || {}).await?;
    }
    Ok(sum)
}

/// Stores what a segment holds, and removes it. `committed` is called whenever something is.
async fn drain_segment(
    directory: &Directory,
    segment: &Segment,
    keys: &Keys,
    pool: &PgPool,
    link: &Link,
    committed: impl Fn(),
) -> Result<Drained, DrainError> {
    let mut reader = segment.read(keys)?;
    let mut drained = Drained::default();
    let (mut damaged, mut refused) = (Vec::new(), Vec::new());
    loop {
        let chunk;
        (reader, chunk) = read_aside(reader).await?;
        for (bytes, error) in chunk.unreadable {
            if let RecordError::Sealed(error) = error {
                return Err(DrainError::Key(error));
            }
            drained.set_aside += 1;
            damaged.extend(bytes);
        }
        let never = store_all(&chunk.records, pool, link).await?;
        drained.stored += (chunk.records.len() - never.len()) as u64;
        drained.set_aside += never.len() as u64;
        refused.extend(never.into_iter().flat_map(|record| record.encode(keys)));
        if !chunk.records.is_empty() {
            committed();
        }
        if chunk.is_last {
            // All at the end: a segment that is read again because Postgres went away sets nothing aside twice.
            directory.set_aside(segment.number, "damaged", &damaged)?;
            directory.set_aside(segment.number, "refused", &refused)?;
            directory.set_aside(segment.number, TORN, &chunk.torn)?;
            std::fs::remove_file(&segment.path)?;
            return Ok(drained);
        }
    }
}

/// Some records of a segment.
#[derive(Default)]
struct Chunk {
    records: Vec<Record>,
    unreadable: Vec<(Vec<u8>, RecordError)>,
    torn: Vec<u8>,
    is_last: bool,
}

/// Reads the next records, on a thread that may wait for the disk.
async fn read_aside(mut reader: Reader) -> Result<(Reader, Chunk), std::io::Error> {
    let reading = tokio::task::spawn_blocking(move || {
        let (mut chunk, mut bytes) = (Chunk::default(), 0);
        while chunk.records.len() < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE {
            match reader.next()? {
                Some(Found::Record(record)) => {
                    bytes += record.event.payload.len() + record.audio.as_ref().map_or(0, |audio| audio.bytes.len());
                    chunk.records.push(*record);
                }
                Some(Found::Unreadable(bytes, error)) => chunk.unreadable.push((bytes, error)),
                Some(Found::Torn(bytes)) => chunk.torn = bytes,
                None => {
                    chunk.is_last = true;
                    break;
                }
            }
        }
        Ok((reader, chunk))
    });
    reading.await.map_err(std::io::Error::other)?
}

/// Stores records; returns those that Postgres can never hold.
async fn store_all<'r>(records: &'r [Record], pool: &PgPool, link: &Link) -> Result<Vec<&'r Record>, sqlx::Error> {
    let (with_audio, plain): (Vec<&Record>, Vec<&Record>) = records.iter().partition(|record| record.audio.is_some());
    let mut refused = Vec::new();
    match link.watched(store(&plain, pool)).await {
        Ok(()) => {}
        Err(error) if db::is_unstorable(&error) => refused.extend(one_by_one(&plain, pool, link).await?),
        Err(error) => return Err(error),
    }
    refused.extend(one_by_one(&with_audio, pool, link).await?);
    Ok(refused)
}

async fn one_by_one<'r>(records: &[&'r Record], pool: &PgPool, link: &Link) -> Result<Vec<&'r Record>, sqlx::Error> {
    let mut refused = Vec::new();
    for record in records {
        match link.watched(store(&[*record], pool)).await {
            Ok(()) => {}
            Err(error) if db::is_unstorable(&error) => refused.push(*record),
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

async fn store(records: &[&Record], pool: &PgPool) -> Result<(), sqlx::Error> {
    if records.is_empty() {
        return Ok(());
    }
    let mut lease = Lease::of(pool).await?;
    let stored = store_on(&mut lease, records).await;
    if !stored.as_ref().is_err_and(db::is_lost) {
        lease.end();
    }
    stored
}

async fn store_on(connection: &mut PgConnection, records: &[&Record]) -> Result<(), sqlx::Error> {
    if let [Record { received_at, event, audio: Some(audio) }] = records {
        return inbox::accept_spooled_with_audio(connection, event, *received_at, audio).await;
    }
    let events: Vec<_> = records.iter().map(|record| (&record.event, record.received_at)).collect();
    inbox::accept_spooled(connection, &events).await.map(drop)
}

/// Reads the first records of a directory, for `switchhook spool show`.
pub fn read_directory(
    path: &Path,
    keys: &Keys,
    most: usize,
    mut each: impl FnMut(Result<Record, String>),
) -> std::io::Result<()> {
    let mut left = most;
    for segment in segments(path)? {
        let mut reader = segment.read(keys)?;
        while left > 0
            && let Some(found) = reader.next()?
        {
            left -= 1;
            match found {
                Found::Record(record) => each(Ok(*record)),
                Found::Unreadable(_, error) => each(Err(error.to_string())),
                Found::Torn(bytes) => each(Err(format!("the last {} bytes were never finished", bytes.len()))),
            }
        }
    }
    Ok(())
}
