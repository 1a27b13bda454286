//! What was noted of a call, by its voice agent or by people.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Scope;
use crate::store::forgotten;
use crate::store::operator_log::{Action, Line};

/// A note is a few sentences.
const NOTE_CHARS_MAX: usize = 2_000;

/// A note.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comment of lead_notes in migrations/0012_live.sql says what each is")]
pub struct CallNote {
    pub id: Uuid,
    pub kind: String,
    pub body: Option<String>,
    pub author: Option<String>,
    pub at: DateTime<Utc>,
}

/// The notes of a call, the oldest first.
pub async fn of_call(connection: &mut PgConnection, scope: &Scope, call: Uuid) -> Result<Vec<CallNote>, sqlx::Error> {
    let mut notes = sqlx::query_file_as!(CallNote, "sql/people/notes_of_call.sql", call, scope.tenant_id())
        .fetch_all(connection)
        .await?;
    notes.iter_mut().for_each(|note| scope.spoken(&mut note.body));
    Ok(notes)
}

/// What became of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is kept, under this id.
    Kept(Uuid),
    /// The call has no number: a note is kept with its person.
    Nobodys,
    /// There is no such call, or it is not theirs.
    NotFound,
}

/// Why a text is no note.
pub fn check(body: &str) -> Result<(), &'static str> {
    match body.trim().chars().count() {
        1..=NOTE_CHARS_MAX => Ok(()),
        0 => Err("the note is empty"),
        _ => Err("a note has 2000 characters at most"),
    }
}

/// Keeps a note of a call with its person.
pub async fn add(pool: &PgPool, scope: &Scope, call: Uuid, body: &str) -> Result<Noted, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    forgotten::hold_off_erasure(&mut transaction).await?;
    let actor = scope.actor().to_string();
    let found = sqlx::query_file_scalar!("sql/people/add_call_note.sql", call, scope.tenant_id(), body.trim(), actor)
        .fetch_optional(&mut *transaction)
        .await?;
    let id = match found {
        None => return Ok(Noted::NotFound),
        Some(None) => return Ok(Noted::Nobodys),
        Some(Some(id)) => id,
    };
    Line::of(scope, Action::NoteCall).with("call_id", call).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Noted::Kept(id))
}
