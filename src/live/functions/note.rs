//! Writing down what was said, and telling people of what needs one of them.

use chrono::NaiveDateTime;
use serde_json::json;
use uuid::Uuid;

use super::Contact;
use crate::dispatch::{Called, Stop};
use crate::domain::function_row_id;
use crate::outbox::{self, NewJob};

/// What is written down.
pub(super) struct Note<'a> {
    pub(super) kind: &'static str,
    pub(super) body: &'a str,
    pub(super) wanted_at: Option<NaiveDateTime>,
}

/// Writes a note on somebody, with who took it: the agent's name where the platform says it, else the platform's.
pub(super) async fn add(called: &mut Called<'_>, contact: &Contact, note: Note<'_>) -> Result<Uuid, Stop> {
    let id = function_row_id(called.ids, called.event_id, note.kind);
    let author = called.party.agent_name.as_ref().map_or(called.provider, |name| name.expose());
    sqlx::query_file!(
        "sql/live/add_note.sql",
        id,
        called.tenant.id,
        contact.phone.expose(),
        note.kind,
        note.body,
        author,
        called.party.call_id,
        note.wanted_at,
        called.event_id,
        called.now,
        contact.is_unverified,
    )
    .execute(&mut *called.connection)
    .await?;
    Ok(id)
}

/// Puts up the alert about a note that waits for a person.
pub(super) async fn tell(called: &mut Called<'_>, note_id: Uuid) -> Result<(), Stop> {
    let job = NewJob {
        tenant_id: called.tenant.id,
        kind: "send_alert",
        key: &format!("note:{note_id}"),
        payload: &json!({ "note_id": note_id }),
        due_at: called.now,
    };
    outbox::put(called.connection, &[job]).await?;
    Ok(())
}
