//! `/calls/{id}/notes` and what else people leave at a call: what they decided, and when.

use actix_web::web::{Data, Path, ReqData};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::Changed;
use super::json::Json;
use super::page::List;
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::people::{self, CallNote, EditOfCall, Noted, Revealed};

/// A note to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNote {
    /// A few sentences, of 2000 characters at most.
    body: String,
}

/// What was noted of a call, by its voice agent or by people, the oldest first.
#[utoipa::path(get, path = "/api/v1/calls/{id}/notes", tag = "calls", params(("id" = Uuid, Path)),
               responses((status = 200, body = List<CallNote>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<List<CallNote>>, Problem> {
    let mut transaction = console.begin().await?;
    check_call(&mut transaction, &entry, *id).await?;
    let notes = people::notes_of_call(&mut transaction, &entry.scope, *id).await?;
    console.log_reveal(&mut transaction, &entry.scope, Revealed::Call(*id), notes.len()).await?;
    transaction.commit().await?;
    Ok(Json(List::whole(notes)))
}

/// Keep a note of a call with its person, and who wrote it.
#[utoipa::path(post, path = "/api/v1/calls/{id}/notes", tag = "calls", params(("id" = Uuid, Path)),
               request_body = NewNote, responses((status = 200, body = Changed)))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    body: Json<NewNote>,
) -> Result<Json<Changed>, Problem> {
    people::check_note(&body.body).map_err(|why| Problem::unfit(format!("body: {why}")))?;
    match people::add_call_note(console.pool(), &entry.scope, *id, &body.body).await? {
        Noted::Kept(id) => Ok(Json(Changed { id })),
        Noted::Nobodys => Err(Problem::unfit("a note is kept with its person, and this call has no number")),
        Noted::NotFound => Err(Problem::not_found()),
    }
}

/// What people decided about a call: who, what and when, the newest first.
#[utoipa::path(get, path = "/api/v1/calls/{id}/edits", tag = "calls", params(("id" = Uuid, Path)),
               responses((status = 200, body = List<EditOfCall>)))]
pub(super) async fn edits(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<List<EditOfCall>>, Problem> {
    let mut transaction = console.begin().await?;
    check_call(&mut transaction, &entry, *id).await?;
    Ok(Json(List::whole(people::edits_of_call(&mut transaction, &entry.scope, *id).await?)))
}

async fn check_call(connection: &mut sqlx::PgConnection, entry: &Entry, id: Uuid) -> Result<(), Problem> {
    let is_there = people::has_call(connection, &entry.scope, id).await?;
    if is_there { Ok(()) } else { Err(Problem::not_found()) }
}
