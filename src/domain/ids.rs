//! Ids of domain rows: digests of their keys, so that a row has the same id in whatever order its events come.

use uuid::Uuid;

/// The namespace of all our ids; never change it.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f6f_0a2e_5d1c_4b7a_9c3e_51f2_6d84_a0b7);

/// The id of a call.
pub fn call_id(tenant_id: Uuid, provider: &str, provider_call_id: &str) -> Uuid {
    digest(&["call", &tenant_id.to_string(), provider, provider_call_id])
}

/// The id of a lead.
pub fn lead_id(tenant_id: Uuid, phone: &str) -> Uuid {
    digest(&["lead", &tenant_id.to_string(), phone])
}

/// The id of a message.
pub fn message_id(tenant_id: Uuid, provider: &str, provider_message_id: &str) -> Uuid {
    digest(&["message", &tenant_id.to_string(), provider, provider_message_id])
}

/// The id of a recording: `owner` is the call, or the connection for audio that came in a webhook; `key` is the
/// platform's recording id or the URL, or the external event id.
pub fn recording_id(owner: Uuid, key: &str) -> Uuid {
    digest(&["recording", &owner.to_string(), key])
}

/// The id of a row that a function has made: `event` is its request, `what` the table.
pub fn function_row_id(event: Uuid, what: &str) -> Uuid {
    digest(&["function", &event.to_string(), what])
}

fn digest(parts: &[&str]) -> Uuid {
    // The unit separator keeps ("ab", "c") and ("a", "bc") apart.
    Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes())
}
