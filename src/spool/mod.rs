//! The spool: webhooks that Postgres cannot take now are kept in files, on disk before they are answered, and stored as soon
//! as it can. Each process writes into a directory of its own.
//!
//! A directory holds segments: files of sealed records, appended and never changed. A segment is deleted when all its records
//! are committed; a record that is read twice is stored once, since a webhook is.

mod directory;
mod drain;
mod record;
mod segment;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::Clock;
use crate::crypto::Keys;

pub use directory::{Directory, directories, holds};
pub use drain::{Drain, DrainError, Drained, drain_directory, read_directory};
pub use record::Record;
pub use segment::{Segment, segments};
pub use settings::Settings;

use writer::{Command, Writer};

/// Records that wait to be written at most; more wait for a place.
const QUEUE_MAX: usize = 4_096;

/// Why a webhook is not kept.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It holds as much as it may, or has held something for too long.
    #[error("the spool is full (spool.bytes_max, spool.age_max)")]
    Full,
    /// The disk refuses.
    #[error("the spool cannot be written: {0}")]
    Io(std::io::ErrorKind),
    /// Its writer has ended.
    #[error("the spool is closed")]
    Closed,
}

/// What a spool holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Holds {
    /// Records.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// When the oldest was received.
    pub oldest_at: Option<DateTime<Utc>>,
    /// Bytes of records that could not be read or stored and are set aside.
    pub set_aside_bytes: u64,
}

/// Where webhooks are kept while Postgres cannot take them. A clone is the same spool.
#[derive(Clone, Debug)]
pub struct Spool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    directory: Directory,
    settings: Settings,
}

/// What writer, drain and endpoint know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// Whether webhooks go here without asking Postgres first.
    is_on: AtomicBool,
    /// Rung when there is something to drain, or to find out.
    ring: Notify,
    holds: Mutex<Holds>,
}

impl Shared {
    fn holds(&self) -> Holds {
        *self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Holds)) {
        change(&mut self.holds.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Spool {
    /// Takes a directory of its own under that of the settings, and starts the writer: a thread, for a disk waits as long as
    /// it likes. What an earlier process has left there is held.
    pub fn open(settings: &Settings, keys: &Keys) -> std::io::Result<Self> {
        let directory = Directory::take(&settings.dir)?;
        let holds = directory.holds()?;
        let shared = Arc::new(Shared { holds: Mutex::new(holds), ..Shared::default() });
        let (commands, receiver) = mpsc::channel(QUEUE_MAX);
        let writer = Writer::new(directory.path(), settings.clone(), keys.clone(), Arc::clone(&shared))?;
        std::thread::Builder::new().name("spool".to_owned()).spawn(move || writer.run(receiver))?;
        Ok(Self(Arc::new(Inner { commands, shared, directory, settings: settings.clone() })))
    }

    /// Whether webhooks go here without asking Postgres first.
    pub fn is_on(&self) -> bool {
        self.0.shared.is_on.load(Ordering::Relaxed)
    }

    /// From now on webhooks go here, until Postgres is seen to take them again.
    pub fn turn_on(&self) {
        if !self.0.shared.is_on.swap(true, Ordering::Relaxed) {
            tracing::error!("Postgres cannot take webhooks: they are kept in the spool");
        }
        self.0.shared.ring.notify_one();
    }

    fn turn_off(&self) {
        if self.0.shared.is_on.swap(false, Ordering::Relaxed) {
            tracing::info!("Postgres takes webhooks again");
        }
    }

    /// Keeps a webhook, and returns once it is on disk.
    pub async fn keep(&self, record: Record) -> Result<(), SpoolError> {
        let (reply, answer) = oneshot::channel();
        self.0
            .commands
            .send(Command::Keep { record: Box::new(record), reply })
            .await
            .map_err(|_| SpoolError::Closed)?;
        answer.await.map_err(|_| SpoolError::Closed)?
    }

    /// What it holds.
    pub fn holds(&self) -> Holds {
        self.0.shared.holds()
    }

    /// Whether it takes more.
    pub fn has_room(&self) -> bool {
        !self.0.settings.is_full(&self.holds(), 0, Clock::system().now())
    }

    /// Its directory.
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// Closes the segment that is written to, and returns the number from which on segments are still written to: those below
    /// can be drained and removed.
    async fn rotate(&self) -> u64 {
        let (reply, answer) = oneshot::channel();
        if self.0.commands.send(Command::Rotate { reply }).await.is_err() {
            return 0;
        }
        answer.await.unwrap_or(0)
    }

    /// Looks again at what lies aside: somebody may have taken it away.
    fn look_aside(&self) -> std::io::Result<()> {
        let set_aside_bytes = directory::set_aside_bytes(self.0.directory.path())?;
        self.0.shared.change(|holds| holds.set_aside_bytes = set_aside_bytes);
        Ok(())
    }

    /// Waits until something is to be done, or so long.
    async fn rung(&self, longest: Duration) {
        tokio::time::timeout(longest, self.0.shared.ring.notified()).await.ok();
    }
}
