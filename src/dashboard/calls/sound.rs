//! A recording that is kept here, as a player asks for it: in parts.

use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::super::fault::Fault;
use crate::console::{Console, Entry};

/// A recording, or a part of it.
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    path: Path<(Uuid, Uuid)>,
) -> Result<HttpResponse, Fault> {
    let (call_id, recording_id) = path.into_inner();
    console.sound(&request, &entry.scope, call_id, recording_id).await?.ok_or(Fault::NotFound)
}
