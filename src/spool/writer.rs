//! The writer: what is waiting is appended together and brought to the disk once. A thread of its own: a disk lets one wait.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use super::record::Record;
use super::segment::{Segment, segments};
use super::{Holds, Settings, Shared, SpoolError};
use crate::clock::Clock;
use crate::crypto::Keys;

/// Records that are brought to the disk together at most.
const RECORDS_AT_ONCE: usize = 1_024;
/// Bytes of them, from which on no more is waited for.
const BYTES_AT_ONCE: usize = 16 * 1024 * 1024;
/// How long a segment becomes: what is drained is freed by the segment.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Command {
    Keep {
        record: Box<Record>,
        reply: oneshot::Sender<Result<(), SpoolError>>,
    },
    /// Closes the segment that is written to, and says which number the next one has.
    Rotate {
        reply: oneshot::Sender<u64>,
    },
}

/// A record as it is written, when it came, and who waits for it.
type Encoded = (DateTime<Utc>, Vec<u8>, oneshot::Sender<Result<(), SpoolError>>);

/// The one that writes into a directory.
pub(super) struct Writer {
    directory: PathBuf,
    settings: Settings,
    keys: Keys,
    shared: Arc<Shared>,
    next_number: u64,
    active: Option<Active>,
}

/// The segment that is written to.
struct Active {
    file: File,
    /// What of it is on disk.
    bytes: u64,
}

impl Active {
    fn append(&mut self, together: &[Encoded]) -> io::Result<()> {
        for (_, encoded, _) in together {
            self.file.write_all(encoded)?;
        }
        self.file.sync_data()?;
        self.bytes += together.iter().map(|(_, encoded, _)| encoded.len() as u64).sum::<u64>();
        Ok(())
    }
}

impl Writer {
    pub(super) fn new(directory: &Path, settings: Settings, keys: Keys, shared: Arc<Shared>) -> io::Result<Self> {
        let next_number = segments(directory)?.last().map_or(1, |last| last.number + 1);
        Ok(Self { directory: directory.to_owned(), settings, keys, shared, next_number, active: None })
    }

    /// Writes until every sender is gone.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.blocking_recv() {
            let mut together = Vec::new();
            let mut next = Some(command);
            let mut bytes = 0;
            while let Some(command) = next {
                match command {
                    Command::Keep { record, reply } => {
                        let encoded = record.encode(&self.keys);
                        bytes += encoded.len();
                        together.push((record.received_at, encoded, reply));
                    }
                    Command::Rotate { reply } => {
                        self.keep(std::mem::take(&mut together));
                        self.active = None;
                        self.count_nothing();
                        reply.send(self.next_number).ok();
                    }
                }
                let is_enough = together.len() >= RECORDS_AT_ONCE || bytes >= BYTES_AT_ONCE;
                next = if is_enough { None } else { commands.try_recv().ok() };
            }
            self.keep(together);
        }
    }

    /// Where no file is there, nothing is held, whatever was counted.
    fn count_nothing(&self) {
        if segments(&self.directory).is_ok_and(|there| there.is_empty()) {
            self.shared.change(|holds| *holds = Holds { set_aside_bytes: holds.set_aside_bytes, ..Holds::default() });
        }
    }

    fn keep(&mut self, together: Vec<Encoded>) {
        let Some((first_at, ..)) = together.first() else { return };
        let bytes: u64 = together.iter().map(|(_, encoded, _)| encoded.len() as u64).sum();
        let kept = if self.settings.is_full(&self.shared.holds(), bytes, Clock::system().now()) {
            Err(SpoolError::Full)
        } else {
            self.append(&together).map_err(|error| {
                tracing::error!(error = %error.kind(), "the spool cannot be written");
                SpoolError::Io(error.kind())
            })
        };
        if kept.is_ok() {
            self.shared.change(|holds| {
                holds.records += together.len() as u64;
                holds.bytes += bytes;
                holds.oldest_at = holds.oldest_at.or(Some(*first_at));
            });
            self.shared.ring.notify_one();
        }
        for (.., reply) in together {
            let said = match &kept {
                Ok(()) => Ok(()),
                Err(SpoolError::Io(kind)) => Err(SpoolError::Io(*kind)),
                Err(_) => Err(SpoolError::Full),
            };
            // The request may have given up meanwhile; the record is there all the same.
            reply.send(said).ok();
        }
    }

    /// After an error nobody knows what of the file is on disk: the next record goes into another one.
    fn append(&mut self, together: &[Encoded]) -> io::Result<()> {
        let mut active = match self.active.take() {
            Some(active) => active,
            None => self.begin()?,
        };
        if let Err(error) = active.append(together) {
            // Nobody was told that it is there, and a full disk needs its room.
            active.file.set_len(active.bytes).ok();
            return Err(error);
        }
        if active.bytes < SEGMENT_BYTES {
            self.active = Some(active);
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<Active> {
        let segment = Segment::numbered(&self.directory, self.next_number);
        let file = File::options().create_new(true).append(true).open(&segment.path)?;
        self.next_number += 1;
        // The name must survive as well.
        File::open(&self.directory)?.sync_all()?;
        Ok(Active { file, bytes: 0 })
    }
}
