//! Directories of processes. Each takes the first that nobody has: so two never write into one, and one that starts again
//! finds what it has left.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::Holds;
use super::segment::{oldest_at, segments};

/// Processes of one machine at most that share `spool.dir`.
const PROCESSES_MAX: u32 = 256;
/// What is locked.
const LOCK: &str = "lock";
/// Where records lie that could not be read or stored.
const SET_ASIDE: &str = "set-aside";
/// How the name of an end ends that was never finished.
pub(super) const TORN: &str = "torn";

/// The directory of one process, for as long as this lives.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    _lock: File,
}

/// All directories there are, in order.
pub fn directories(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join(LOCK).exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

impl Directory {
    /// Takes the first that nobody has.
    pub(super) fn take(dir: &Path) -> io::Result<Self> {
        for number in 0..PROCESSES_MAX {
            if let Some(directory) = Self::lock(&dir.join(format!("{number:03}")))? {
                return Ok(directory);
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "every directory is in use"))
    }

    /// Takes this one; `None`: a process has it.
    pub fn lock(path: &Path) -> io::Result<Option<Self>> {
        make(path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path: path.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies in it.
    pub(super) fn holds(&self) -> io::Result<Holds> {
        holds(&self.path)
    }

    /// Puts bytes of a segment aside that nobody can use, for a person to look at.
    pub(super) fn set_aside(&self, segment: u64, why: &'static str, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        // A process that was killed leaves an end that it never finished, and nobody was told that this is there.
        match why {
            TORN => tracing::warn!(segment, bytes = bytes.len(), "the end of the spool was never finished"),
            _ => tracing::error!(segment, why, bytes = bytes.len(), "a part of the spool is set aside"),
        }
        let folder = self.path.join(SET_ASIDE);
        make(&folder)?;
        let mut file = File::create(folder.join(format!("{segment:010}.{why}")))?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    }
}

/// What lies in the directory of a process, whoever has it.
pub fn holds(path: &Path) -> io::Result<Holds> {
    let mut holds = Holds { set_aside_bytes: set_aside_bytes(path)?, oldest_at: oldest_at(path)?, ..Holds::default() };
    for segment in segments(path)? {
        holds.bytes += std::fs::metadata(&segment.path)?.len();
        holds.records += segment.count()?;
    }
    Ok(holds)
}

/// Bytes that lie aside and that a person must look at.
pub(super) fn set_aside_bytes(path: &Path) -> io::Result<u64> {
    let entries = match std::fs::read_dir(path.join(SET_ASIDE)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        if entry.path().extension().is_none_or(|why| why != TORN) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// Makes a directory that only its owner reads: what lies there is sealed, and still nobody's business.
/// Its name must survive a crash of the machine as well, and so must those above it that were made with it.
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
