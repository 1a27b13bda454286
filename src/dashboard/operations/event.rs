//! `/operations/events/{id}`: what came, what became of it, and, for who asks, what it said.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::PLACE;
use super::sight::{self, Sight};
use crate::access::Right;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::inbox::Filter;
use crate::inbox::search::{self, EventRow};
use crate::store::people::Revealed;

#[derive(Template)]
#[template(path = "operations_event.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    event: EventRow,
    platform: String,
    tone: &'static str,
    state: String,
    occurred: Option<When>,
    received: When,
    processed: Option<When>,
    next_attempt: Option<When>,
    waited: Option<String>,
    payload: Option<String>,
    payload_link: String,
    /// What can be done: path, name.
    deeds: Vec<(String, &'static str)>,
    back: String,
}

/// The page; with `?payload=1` also what the platform sent, which is logged.
pub(in crate::dashboard) async fn show(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Event").await?;
    let sight = Sight::of(&shell, &shell.params);
    let mut transaction = visit.console.begin().await?;
    // Of all that they see: a link holds whatever tenant is shown.
    let filter = Filter { ids: vec![*id], tenant_id: shell.scope.tenant_id(), ..Filter::default() };
    let found = search::list(&mut transaction, &filter, None, None, 1).await?.pop();
    let event = found.ok_or(Fault::NotFound)?;
    let payload = if shell.params.is_set("payload") && shell.may(Right::ReadPayloads) {
        let payload = search::find_payload(&mut transaction, *id).await?;
        visit.console.log_reveal(&mut transaction, &shell.scope, Revealed::Payload(*id), 1).await?;
        transaction.commit().await?;
        payload.map(|payload| payload.expose().clone())
    } else {
        None
    };
    let (tone, state) = sight::tag(event.outcome.as_deref());
    let text = id.to_string();
    let deeds = match event.outcome.as_deref() {
        None => vec![("skip", "Skip")],
        Some("dead") => vec![("redrive", "Redrive"), ("discard", "Discard")],
        Some(_) => vec![("replay", "Replay")],
    };
    let deeds = deeds
        .into_iter()
        .map(|(deed, name)| (sight.link(&shell, "/operations/confirm", &[("do", deed), ("id", text.as_str())]), name));
    page(&Page {
        platform: show::platform(&event.provider).to_owned(),
        tone,
        state,
        occurred: When::maybe(event.occurred_at, &shell),
        received: When::of(&event.received_at, &shell),
        processed: When::maybe(event.processed_at, &shell),
        next_attempt: When::maybe(Some(event.next_attempt_at).filter(|_| event.processed_at.is_none()), &shell),
        waited: event
            .processed_at
            .and_then(|at| (at - event.received_at).to_std().ok())
            .map(|wait| super::chart::seconds(wait.as_secs_f64())),
        payload,
        payload_link: sight.link(&shell, &format!("/operations/events/{text}"), &[("payload", "1")]),
        deeds: deeds.collect(),
        back: sight.link(&shell, "/operations/events", &[]),
        event,
        shell,
    })
}
