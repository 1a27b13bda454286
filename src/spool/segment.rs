//! Segments: files of records, in the order in which these came.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::record::{BYTES_MAX, HEAD_BYTES, Record, RecordError};
use crate::crypto::Keys;

/// How the name of a segment ends.
const ENDING: &str = "spool";

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Its number: later ones have higher.
    pub number: u64,
    /// Its file.
    pub path: PathBuf,
}

/// What was found at one place of a segment.
#[derive(Debug)]
pub(super) enum Found {
    /// A webhook.
    Record(Box<Record>),
    /// A record that cannot be read, with its head: its bytes, and why.
    Unreadable(Vec<u8>, RecordError),
    /// The end, which was never finished: nobody was told that it is there.
    Torn(Vec<u8>),
}

/// The segments of a directory, the first first.
pub fn segments(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let Some(number) = number.filter(|_| path.extension().is_some_and(|ending| ending == ENDING)) {
            found.push(Segment { number, path });
        }
    }
    found.sort();
    Ok(found)
}

/// Since when something has been there: when the first segment was begun.
pub(super) fn oldest_at(directory: &Path) -> io::Result<Option<DateTime<Utc>>> {
    let Some(first) = segments(directory)?.into_iter().next() else { return Ok(None) };
    let about = std::fs::metadata(first.path)?;
    Ok(Some(about.created().or_else(|_| about.modified())?.into()))
}

impl Segment {
    /// The one with this number.
    pub(super) fn numbered(directory: &Path, number: u64) -> Self {
        Self { number, path: directory.join(format!("{number:010}.{ENDING}")) }
    }

    /// Counts the records by their heads alone.
    pub(super) fn count(&self) -> io::Result<u64> {
        let mut reader = Heads::open(&self.path)?;
        let mut records = 0;
        while let Some((length, _)) = reader.head()? {
            if reader.skip(length)? < length {
                break;
            }
            records += 1;
        }
        Ok(records)
    }

    /// Reads it.
    pub(super) fn read(&self, keys: &Keys) -> io::Result<Reader> {
        Ok(Reader { heads: Heads::open(&self.path)?, keys: keys.clone(), has_ended: false })
    }
}

/// The records of a segment, one after another.
pub(super) struct Reader {
    heads: Heads,
    keys: Keys,
    has_ended: bool,
}

impl Reader {
    /// The next; `None`: it is over.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        if self.has_ended {
            return Ok(None);
        }
        let Some((length, checksum)) = self.heads.head()? else {
            self.has_ended = true;
            let torn = std::mem::take(&mut self.heads.torn);
            return Ok((!torn.is_empty()).then_some(Found::Torn(torn)));
        };
        let mut sealed = vec![0; length];
        let read = self.heads.fill(&mut sealed)?;
        let head = head_of(length, checksum);
        if read < length {
            self.has_ended = true;
            sealed.truncate(read);
            return Ok(Some(Found::Torn([&head[..], &sealed].concat())));
        }
        Ok(Some(match Record::decode(checksum, &sealed, &self.keys) {
            Ok(record) => Found::Record(Box::new(record)),
            Err(error) => Found::Unreadable([&head[..], &sealed].concat(), error),
        }))
    }
}

/// A head as it is written.
pub(super) fn head_of(length: usize, checksum: u32) -> [u8; HEAD_BYTES] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let [e, f, g, h] = checksum.to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// The heads of a segment.
struct Heads {
    file: BufReader<File>,
    left: u64,
    /// From a head on that nobody wrote, or not all of it.
    torn: Vec<u8>,
}

impl Heads {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        Ok(Self { file: BufReader::with_capacity(1 << 20, file), left, torn: Vec::new() })
    }

    /// Length and checksum of the next record; `None`: there is none.
    fn head(&mut self) -> io::Result<Option<(usize, u32)>> {
        let mut head = [0; HEAD_BYTES];
        let read = self.fill(&mut head)?;
        let [a, b, c, d, e, f, g, h] = head;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if read < HEAD_BYTES || length == 0 || length > BYTES_MAX {
            self.torn = [&head[..read], &self.rest()?].concat();
            // A file system may have made room at the end that nothing was written to.
            if self.torn.iter().all(|byte| *byte == 0) {
                self.torn.clear();
            }
            return Ok(None);
        }
        Ok(Some((length, u32::from_le_bytes([e, f, g, h]))))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match self.file.read(&mut buffer[read..])? {
                0 => break,
                count => read += count,
            }
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }

    /// Skips so many bytes; returns how many there were.
    fn skip(&mut self, length: usize) -> io::Result<usize> {
        let there = length.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.file.seek_relative(i64::try_from(there).unwrap_or(i64::MAX))?;
        self.left -= there as u64;
        Ok(there)
    }

    /// Everything that is left.
    fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.file.read_to_end(&mut rest)?;
        self.left = 0;
        Ok(rest)
    }
}
