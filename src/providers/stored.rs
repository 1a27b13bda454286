//! From a document to the event that is stored, and what is kept beside its payload.

use uuid::Uuid;

use super::{Document, Provider, crypto};
use crate::crypto::DigestKey;
use crate::domain::recording_id;
use crate::inbox::{Audio, NewEvent};

impl Document {
    /// The event of a source, and the audio that it brought.
    pub fn into_event(
        self,
        provider: &'static dyn Provider,
        source_id: Uuid,
        tenant_id: Option<Uuid>,
        ids: &DigestKey,
    ) -> (NewEvent, Option<Audio>) {
        let Self { text, mut payload, envelope, external_event_id } = self;
        let audio = provider.detach(&mut payload).map(|attachment| Audio {
            id: recording_id(ids, source_id, &external_event_id),
            sha256: crypto::sha256_hex(&attachment.bytes),
            bytes: attachment.bytes,
            media_type: attachment.media_type.into(),
        });
        let event = NewEvent {
            id: Uuid::now_v7(),
            connection_id: source_id,
            tenant_id,
            provider: provider.name().into(),
            event_type: envelope.event_type,
            external_event_id,
            occurred_at: envelope.occurred_at,
            payload: if audio.is_some() { payload.to_string() } else { text },
        };
        (event, audio)
    }
}
