//! A recording as the table has it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{RecordingKind, greatest, least};

/// What is known of one recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct RecordingRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub call_id: Uuid,
    pub kind: RecordingKind,
    pub url: Option<String>,
    pub duration_ms: Option<i64>,
    pub started_at: Option<DateTime<Utc>>,
}

impl RecordingRow {
    /// Merges another piece of the same recording into this one. sql/store/upsert_recordings.sql does the same.
    pub fn fold(self, other: Self) -> Self {
        Self {
            id: self.id,
            tenant_id: self.tenant_id.max(other.tenant_id),
            call_id: self.call_id.max(other.call_id),
            // By the word, as the column is text.
            kind: if other.kind.as_str() > self.kind.as_str() { other.kind } else { self.kind },
            url: greatest(self.url, other.url),
            duration_ms: greatest(self.duration_ms, other.duration_ms),
            started_at: least(self.started_at, other.started_at),
        }
    }
}
