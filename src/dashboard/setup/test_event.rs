//! A test event: a sample of the platform is signed with the connection's newest secret and proven as the door proves it;
//! then an event goes in that changes nothing. So secret, inbox and processor are tried, and no made-up call stands among
//! the calls, and nobody whose number is in a sample is written to. The network is not: a platform does that better.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use uuid::Uuid;

use super::{PLACE, log};
use crate::console::{Console, Entry};
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, see_other};
use crate::inbox::{self, NewEvent};
use crate::providers::{self, Credentials, Delivery, Provider};
use crate::store::connections::{self, Connection};
use crate::store::roster;

/// What it is, in the list of events: nobody registers it, so it is settled as ignored.
const EVENT_TYPE: &str = "switchhook_test";

/// Puts a test event in, and leads to where one sees it.
pub(in crate::dashboard) async fn send(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Connections").await?;
    if !roster::connections::ids_of(console.pool(), shell.scope.tenant_id()).await?.contains(&id) {
        return Err(Fault::NotFound);
    }
    let all = connections::all(console.pool()).await?;
    let connection = all
        .into_iter()
        .find(|connection| connection.id == *id)
        .ok_or(Fault::unfit("The connection is out of use: what is sent to it is refused."))?;
    let provider = providers::find(&connection.provider).ok_or(Fault::NotFound)?;
    try_proof(provider, &connection, &console)?;
    let event = NewEvent {
        id: Uuid::now_v7(),
        connection_id: connection.id,
        tenant_id: connection.tenant_id,
        provider: provider.name(),
        event_type: EVENT_TYPE.to_owned(),
        external_event_id: format!("{EVENT_TYPE}:{}", Uuid::now_v7()),
        occurred_at: None,
        payload: json!({ "test": true }).to_string(),
    };
    let event_id = event.id;
    let mut transaction = console.begin().await?;
    inbox::accept(&mut transaction, &[&event]).await?;
    log(&mut transaction, &shell, "test_event", &json!({ "connection_id": *id, "event_id": event_id })).await?;
    transaction.commit().await?;
    Ok(see_other(&shell.to(&format!("{}?event={event_id}", super::connections::PATH))))
}

/// Whether what the platform would send with this secret would be let in.
fn try_proof(provider: &dyn Provider, connection: &Connection, console: &Console) -> Result<(), Fault> {
    let now = console.now();
    let Some(sample) = provider.samples().first() else { return Ok(()) };
    let outgoing = provider.sign(sample.body, connection.secrets.first().map(|(_, secret)| secret), now);
    let mut headers = HeaderMap::new();
    let named = connection.header.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    let content_type = ("content-type".to_owned(), outgoing.content_type.to_owned());
    for (name, value) in outgoing.headers.into_iter().chain(named).chain([content_type]) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let credentials = Credentials {
        secrets: connection.secrets.iter().map(|(_, secret)| secret.clone()).collect(),
        header: connection.header.clone(),
        url_is_secret: connection.url_is_secret,
        allow_unsigned: connection.allow_unsigned,
    };
    let delivery = Delivery { query: "", headers: &headers, body: outgoing.body.as_bytes() };
    providers::prove(provider, &delivery, &credentials, now)
        .map(drop)
        .map_err(|refusal| Fault::unfit(format!("What the platform would send is refused: {refusal}.")))
}
