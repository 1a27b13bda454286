//! One webhook in the spool, and its bytes: length, checksum, and the sealed rest.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::segment::head_of;
use crate::crypto::{Keys, OpenError, purpose};
use crate::inbox::{Audio, NewEvent};

/// Bytes before a record: its length and its checksum, each four, the lowest first.
pub(super) const HEAD_BYTES: usize = 8;
/// The longest record: no body is longer than a gigabyte, and a longer one is a length that was not written by us.
pub(super) const BYTES_MAX: usize = 1 << 30;

/// A webhook as it is kept.
#[derive(Clone, Debug)]
pub struct Record {
    /// When it came in, by our clock.
    pub received_at: DateTime<Utc>,
    /// The event to store.
    pub event: NewEvent,
    /// What came with it.
    pub audio: Option<Audio>,
}

/// What stands before payload and audio.
#[derive(Debug, Serialize, Deserialize)]
struct Facts<'f> {
    received_at: DateTime<Utc>,
    id: Uuid,
    source_id: Uuid,
    tenant_id: Option<Uuid>,
    platform: Cow<'f, str>,
    event_type: Cow<'f, str>,
    external_event_id: Cow<'f, str>,
    occurred_at: Option<DateTime<Utc>>,
    payload_bytes: usize,
    audio: Option<AudioFacts<'f>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AudioFacts<'f> {
    id: Uuid,
    media_type: Cow<'f, str>,
    sha256: Cow<'f, str>,
}

/// Why a record cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    /// Its checksum or its form is wrong.
    #[error("it is damaged")]
    Damaged,
    /// It is sealed under a key that is not there.
    #[error("{0}")]
    Sealed(OpenError),
}

impl Record {
    /// Its bytes, head and all.
    pub(super) fn encode(&self, keys: &Keys) -> Vec<u8> {
        let Self { received_at, event, audio } = self;
        let facts = Facts {
            received_at: *received_at,
            id: event.id,
            source_id: event.connection_id,
            tenant_id: event.tenant_id,
            platform: Cow::Borrowed(&event.provider),
            event_type: Cow::Borrowed(&event.event_type),
            external_event_id: Cow::Borrowed(&event.external_event_id),
            occurred_at: event.occurred_at,
            payload_bytes: event.payload.len(),
            audio: audio.as_ref().map(|audio| AudioFacts {
                id: audio.id,
                media_type: Cow::Borrowed(&audio.media_type),
                sha256: Cow::Borrowed(&audio.sha256),
            }),
        };
        let facts = serde_json::to_vec(&facts).expect("plain fields always have a JSON form");
        let audio = audio.as_ref().map_or(&[][..], |audio| &audio.bytes);
        let mut clear = Vec::with_capacity(4 + facts.len() + event.payload.len() + audio.len());
        clear.extend(u32::try_from(facts.len()).unwrap_or(u32::MAX).to_le_bytes());
        clear.extend(facts);
        clear.extend(event.payload.as_bytes());
        clear.extend(audio);
        let sealed = keys.seal_bytes(purpose::SPOOL, &clear);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + sealed.len());
        bytes.extend(head_of(sealed.len(), crc32fast::hash(&sealed)));
        bytes.extend(sealed);
        bytes
    }

    /// Reads what stands behind a head.
    pub(super) fn decode(checksum: u32, sealed: &[u8], keys: &Keys) -> Result<Self, RecordError> {
        if crc32fast::hash(sealed) != checksum {
            return Err(RecordError::Damaged);
        }
        let clear = keys.open_bytes(purpose::SPOOL, sealed).map_err(|error| match error {
            OpenError::UnknownKey(_) => RecordError::Sealed(error),
            OpenError::NotSealed | OpenError::Damaged => RecordError::Damaged,
        })?;
        Self::read(&clear).ok_or(RecordError::Damaged)
    }

    fn read(clear: &[u8]) -> Option<Self> {
        let (length, rest) = clear.split_first_chunk::<4>()?;
        let (facts, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let facts: Facts<'_> = serde_json::from_slice(facts).ok()?;
        let (payload, audio) = rest.split_at_checked(facts.payload_bytes)?;
        Some(Self {
            received_at: facts.received_at,
            event: NewEvent {
                id: facts.id,
                connection_id: facts.source_id,
                tenant_id: facts.tenant_id,
                provider: Cow::Owned(facts.platform.into_owned()),
                event_type: facts.event_type.into_owned(),
                external_event_id: facts.external_event_id.into_owned(),
                occurred_at: facts.occurred_at,
                payload: String::from_utf8(payload.to_vec()).ok()?,
            },
            audio: facts.audio.map(|about| Audio {
                id: about.id,
                bytes: audio.to_vec(),
                media_type: Cow::Owned(about.media_type.into_owned()),
                sha256: about.sha256.into_owned(),
            }),
        })
    }
}
