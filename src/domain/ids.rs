//! Ids of domain rows: keyed digests of their natural keys. A row has the same id in whatever order its events come, and
//! who sees an id learns nothing of the key: else a number behind a mask would be found by trying all of them.

use uuid::Uuid;

use crate::crypto::DigestKey;

/// The id of a call.
pub fn call_id(ids: &DigestKey, tenant_id: Uuid, provider: &str, provider_call_id: &str) -> Uuid {
    ids.id(&["call", &tenant_id.to_string(), provider, provider_call_id])
}

/// The id of a lead.
pub fn lead_id(ids: &DigestKey, tenant_id: Uuid, phone: &str) -> Uuid {
    ids.id(&["lead", &tenant_id.to_string(), phone])
}

/// The id of a message.
pub fn message_id(ids: &DigestKey, tenant_id: Uuid, provider: &str, provider_message_id: &str) -> Uuid {
    ids.id(&["message", &tenant_id.to_string(), provider, provider_message_id])
}

/// The id of a recording: `owner` is the call, or the connection for audio that came in a webhook; `key` is the
/// platform's recording id or the URL, or the external event id.
pub fn recording_id(ids: &DigestKey, owner: Uuid, key: &str) -> Uuid {
    ids.id(&["recording", &owner.to_string(), key])
}

/// The id of a row that a function has made: `event` is its request, `what` the table.
pub fn function_row_id(ids: &DigestKey, event: Uuid, what: &str) -> Uuid {
    ids.id(&["function", &event.to_string(), what])
}
