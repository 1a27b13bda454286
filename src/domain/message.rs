//! A message as the table has it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Direction, MessageStatus, Ranked, greatest, least};
use crate::redact::{Phone, Spoken};

/// What is known of one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/ say what each is")]
pub struct MessageRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub provider: String,
    pub provider_message_id: String,
    pub channel: &'static str,
    pub direction: Direction,
    pub from_number: Option<Phone>,
    pub to_number: Option<Phone>,
    pub contact_number: Option<Phone>,
    pub body: Option<Ranked<Spoken>>,
    pub status: Option<MessageStatus>,
    pub error: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
    pub job_id: Option<Uuid>,
}

impl MessageRow {
    /// Merges another piece of the same message into this one. sql/store/upsert_messages.sql does the same.
    pub fn fold(self, other: Self) -> Self {
        Self {
            channel: self.channel.max(other.channel),
            direction: self.direction.max(other.direction),
            from_number: greatest(self.from_number, other.from_number),
            to_number: greatest(self.to_number, other.to_number),
            contact_number: greatest(self.contact_number, other.contact_number),
            body: Ranked::fold(self.body, other.body),
            status: greatest(self.status, other.status),
            error: greatest(self.error, other.error),
            sent_at: least(self.sent_at, other.sent_at),
            job_id: greatest(self.job_id, other.job_id),
            ..self
        }
    }
}
