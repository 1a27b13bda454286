//! Recordings that are kept here, in parts.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::{Right, Scope};

/// A part of a recording.
#[derive(Clone, Debug)]
pub struct SoundPart {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How many the whole has.
    pub all_bytes: i32,
    /// What kind of sound it is, by the platform.
    pub media_type: Option<String>,
}

/// `length` bytes of a call's recording, from the byte `first`. `None`: there is none, or they may not listen.
pub async fn part(
    connection: &mut PgConnection,
    scope: &Scope,
    call: Uuid,
    recording: Uuid,
    first: i32,
    length: i32,
) -> Result<Option<SoundPart>, sqlx::Error> {
    if !scope.may(Right::Listen) {
        return Ok(None);
    }
    let first = first.saturating_add(1);
    sqlx::query_file_as!(SoundPart, "sql/people/sound.sql", recording, call, scope.tenant_id(), first, length)
        .fetch_optional(connection)
        .await
}
