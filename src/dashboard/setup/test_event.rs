//! A test event, at the push of a button.

use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::PLACE;
use crate::console::{Console, Entry};
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, see_other};
use crate::providers;

/// Puts a test event in, and leads to where one sees it.
pub(in crate::dashboard) async fn send(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Connections").await?;
    let event_id = console.send_test_event(&shell.scope, *id, providers::try_sample).await?;
    Ok(see_other(&shell.to(&format!("{}?event={event_id}", super::connections::PATH))))
}
