//! The alert about a note that waits for a person: a callback that was asked for, a call that should be looked at.

use uuid::Uuid;

use super::send_alert::{Alert, SAID_CHARS_MAX, filled, named};
use super::{Attempt, Desk};
use crate::domain::spoken_text::quoted;
use crate::redact::Spoken;

/// What is said of it.
const NOTE: &str = include_str!("templates/note.txt");

/// The alert; `None`: somebody has seen to it, or the person was erased.
pub(super) async fn of_note(note_id: Uuid, tenant_id: Uuid, desk: &Desk) -> Result<Option<Alert>, Attempt> {
    let found = sqlx::query_file!("sql/jobs/note_to_tell.sql", note_id, tenant_id).fetch_optional(&desk.pool).await?;
    Ok(found.map(|note| {
        let (what, severity) = match note.kind.as_str() {
            "callback" => ("A caller wants to be called back", "info"),
            _ => ("A call that should be looked at", "warning"),
        };
        let wanted = note.wanted_at.map_or_else(String::new, |at| format!(", {}", at.format("%Y-%m-%d %H:%M")));
        // Whoever gave the number need not be whose number it is.
        let (name, phone) = match note.unverified {
            true => (named(None), format!("{} (the caller gave this number; nobody vouches for it)", note.phone)),
            false => (named(note.name.as_deref()), note.phone.clone()),
        };
        let with = |name: &str, phone: &str, body: &str| {
            filled(
                NOTE,
                &[
                    ("what", what),
                    ("tenant", &note.tenant),
                    ("wanted", &wanted),
                    ("name", name),
                    ("phone", phone),
                    ("body", body),
                ],
            )
        };
        Alert {
            severity: severity.to_owned(),
            subject: format!("{}: {}", note.tenant, what.to_lowercase()),
            text: Spoken::new(with(&name, &phone, &quoted(&note.body, SAID_CHARS_MAX))),
            preview: with("…", "…", "…"),
        }
    }))
}
