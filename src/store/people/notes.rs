//! What was noted of a call, by its voice agent or by people.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Scope;
use crate::store::{forgotten, operator_log};

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

/// Keeps a note of a call with its person. False: there is no such call, it is not theirs, or it has no number.
pub async fn add(pool: &PgPool, scope: &Scope, call: Uuid, body: &str) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    forgotten::hold_off_erasure(&mut transaction).await?;
    let actor = scope.actor().to_string();
    let added = sqlx::query_file!("sql/people/add_call_note.sql", call, scope.tenant_id(), body, actor)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if added == 1 {
        operator_log::log(&mut transaction, &actor, "note_call", 1, &json!({ "call_id": call })).await?;
    }
    transaction.commit().await?;
    Ok(added == 1)
}
