//! `/calls/{id}/recordings/{recording}`: the sound itself, where it is kept here.

use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::Problem;
use crate::console::{Console, Entry};

/// Bytes, in the document.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands in the document only")]
pub(super) struct Sound(Vec<u8>);

/// A recording that is kept here (`audio_bytes` in the call's answer), whole or the part that `Range` names, of a MiB at
/// most; that it was listened to is logged.
#[utoipa::path(get, path = "/api/v1/calls/{id}/recordings/{recording}", tag = "calls",
               params(("id" = Uuid, Path), ("recording" = Uuid, Path)),
               responses((status = 200, description = "The sound", content_type = "audio/*", body = inline(Sound)),
                         (status = 206, description = "A part of it", content_type = "audio/*", body = inline(Sound)),
                         (status = 416, description = "It is shorter than that")))]
pub(super) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    path: Path<(Uuid, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (call_id, recording_id) = path.into_inner();
    console.sound(&request, &entry.scope, call_id, recording_id).await?.ok_or_else(Problem::not_found)
}
