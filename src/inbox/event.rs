//! One stored webhook, as a handler sees it.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::queue::Failure;
use crate::redact::Hidden;

/// A row of `webhook_events`, with what its connection and tenant say about it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Ours.
    pub id: Uuid,
    /// Who sent it.
    pub connection_id: Uuid,
    /// Whose it is: the connection's tenant, or the one found when it was first processed.
    pub tenant_id: Option<Uuid>,
    /// The platform.
    pub provider: String,
    /// What it is, in the platform's words.
    pub event_type: String,
    /// What makes it one: the platform's event id, or call id, type and digest.
    pub external_event_id: String,
    /// When it happened, by the platform.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When it was stored, by the database.
    pub received_at: DateTime<Utc>,
    /// How often it has failed.
    pub attempts: i32,
    /// The campaign found when it was first processed.
    pub campaign_rank: Option<String>,
    /// The region that the connection's national numbers are read in.
    pub connection_region: Option<String>,
    /// The region of the tenant.
    pub tenant_region: Option<String>,
    /// The tenant's own wait before outreach, in milliseconds.
    pub tenant_outreach_delay_ms: Option<i64>,
    /// The JSON that the platform sent.
    pub payload: Hidden<String>,
    /// Whether retention or erasure took the payload away; what is there is `{}`.
    pub payload_removed: bool,
}

impl Event {
    /// The payload as a tree. Unreadable ones (nested deeper than 128, say) are dead: waiting does not mend them.
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_str(self.payload.expose()).map_err(|error| unreadable(&error))
    }

    /// The payload as a type of yours.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(self.payload.expose()).map_err(|error| unreadable(&error))
    }
}

/// Where and how, but not what: serde quotes the values it chokes on.
fn unreadable(error: &serde_json::Error) -> Failure {
    use serde_json::error::Category;
    let how = match error.classify() {
        Category::Data => "does not have the form this handler needs",
        Category::Syntax => "is nested too deep or holds a number out of range",
        Category::Eof | Category::Io => "ends too early",
    };
    Failure::dead(format!("the payload {how} (line {}, column {})", error.line(), error.column()))
}
