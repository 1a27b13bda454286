//! A test event, at the push of a button.

use actix_web::HttpResponse;
use actix_web::web::Path;
use uuid::Uuid;

use super::PLACE;
use crate::admin::test_event;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::see_other;
use crate::dashboard::visit::Visit;

/// Puts a test event in, and leads to where one sees it.
pub(in crate::dashboard) async fn send(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Connections").await?;
    let console = &visit.console;
    let event_id = test_event::send(console.pool(), &shell.scope, console.keys(), *id, console.now()).await?;
    Ok(see_other(&shell.to(&format!("{}?event={event_id}", super::connections::PATH))))
}
