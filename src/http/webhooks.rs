//! The way of one webhook through the door: who, from where, how large, proven, read, stored, answered.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use uuid::Uuid;

use super::answer::{self, Refused};
use super::body::{self, BodyError, Bounds};
use super::connections::{Known, Lookup, shown};
use super::questions::{self, Answered, Ask, Asked};
use super::rejections::Rejection;
use super::server::Door;
use super::{StoreError, handshake};
use crate::console::address;
use crate::domain::recording_id;
use crate::inbox::{Accepted, Audio, NewEvent};
use crate::providers::{self, Acknowledgement, Delivery, Document, Proof, Provider, Refusal};

/// What is known of a request so far: what a refusal is written down with.
struct Seen {
    provider: Option<&'static dyn Provider>,
    connection: Option<String>,
    address: Option<std::net::IpAddr>,
    body: Bytes,
    announced_bytes: usize,
    is_verified: bool,
}

/// Of longer bodies that are refused no digest is kept: making it costs as much as they did.
const DIGEST_BYTES_MAX: usize = 256 * 1024;

/// `/webhooks/{provider}` and `/webhooks/{provider}/{connection}`, any method.
pub(super) async fn receive(request: HttpRequest, payload: Payload, door: Data<Door>) -> HttpResponse {
    walk(request, payload, door, &Ask::Anything).await
}

/// The way, for what a URL takes.
pub(super) async fn walk(request: HttpRequest, payload: Payload, door: Data<Door>, ask: &Ask) -> HttpResponse {
    let began = Instant::now();
    let provider = request.match_info().get("provider").and_then(providers::find);
    let mut seen = Seen {
        provider,
        connection: request.match_info().get("connection").map(shown),
        address: address::sender(&request, &door.settings.trusted_proxies),
        body: Bytes::new(),
        announced_bytes: body::announced_bytes(&request).unwrap_or(0),
        is_verified: false,
    };
    match admit(&request, payload, &door, &mut seen, ask, began).await {
        Ok(Admitted::Status(provider)) => HttpResponse::Ok().json(json!({
            "status": "ok",
            "provider": provider,
            "usage": "POST webhooks to this URL",
        })),
        Ok(Admitted::Handshake { provider, challenge }) => {
            tracing::info!(provider, connection = seen.connection.as_deref(), "handshake");
            answer::challenge(challenge)
        }
        Ok(Admitted::Stored { provider, accepted, acknowledgement }) => {
            let took = began.elapsed();
            let (Accepted::New(id) | Accepted::Duplicate(id)) = accepted;
            let outcome = answer::outcome(accepted);
            door.metrics.answered(provider, outcome, took);
            tracing::info!(
                provider,
                connection = seen.connection.as_deref(),
                event_id = %id,
                outcome,
                bytes = seen.body.len(),
                took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                "webhook"
            );
            answer::stored(accepted, acknowledgement)
        }
        Ok(Admitted::Answered(answered)) => {
            answered.log(seen.connection.as_deref(), seen.body.len());
            answered.response()
        }
        Err(refused) => {
            let is_counted = !seen.is_verified && refused.status.is_client_error();
            let refused = if is_counted { door.count(seen.address, seen.body.len(), refused) } else { refused };
            refuse(&door, seen, &refused)
        }
    }
}

enum Admitted {
    Status(&'static str),
    Handshake { provider: &'static str, challenge: String },
    Stored { provider: &'static str, accepted: Accepted, acknowledgement: Acknowledgement },
    Answered(Answered),
}

async fn admit(
    request: &HttpRequest,
    payload: Payload,
    door: &Door,
    seen: &mut Seen,
    ask: &Ask,
    began: Instant,
) -> Result<Admitted, Refused> {
    let provider =
        seen.provider.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "no_provider", "no such platform"))?;
    let mut known = find(request, door, provider, seen).await?;
    seen.connection = Some(known.label.clone());
    check_address(&known, seen)?;
    let query = request.query_string();
    if *request.method() == Method::GET
        && let Some(handshake) = provider.handshake(query)
    {
        // Who has just set a token must not hear 403 for the age of our copy.
        if !handshake::is_right(&known, &handshake) {
            let slug = request.match_info().get("connection");
            known = door.connections.find_newer(provider.name(), slug, &known).await.unwrap_or(known);
        }
        let challenge = handshake::challenge(door, &known, seen.address, handshake)?;
        return Ok(Admitted::Handshake { provider: provider.name(), challenge });
    }
    match *request.method() {
        Method::POST => {}
        Method::GET if ask.lookup(provider, query).is_some() => {}
        Method::GET if provider.reads_query() && !query.is_empty() => {}
        Method::GET | Method::HEAD => return Ok(Admitted::Status(provider.name())),
        _ => return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method", "use POST")),
    }
    let standing = door.standing(known.id, seen.address);
    let _suspect = door.look_at(standing, seen.address)?;
    // The account is held until the answer: what is in flight is bounded.
    let mut account = door.account(ask.class(), seen.address, standing);
    let limit = door.settings.body_limit(provider.name());
    let bounds = Bounds { bytes: limit, timeout: door.settings.body_timeout, patience: door.settings.answer_timeout };
    seen.body = body::read(request, payload, bounds, &mut account).await.map_err(|error| unread(error, limit))?;
    let delivery = Delivery { query, headers: request.headers(), body: &seen.body };
    if !provider.accepts(delivery.media_type().as_deref()) {
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "this media type is not read"));
    }
    let proof = prove(request, door, provider, &delivery, &mut known, seen, ask).await?;
    if proof != Proof::Unsigned {
        seen.is_verified = true;
        door.verified(request, known.id, seen.address);
    }
    if let Proof::Secret(place) = proof {
        door.connections.used(&known, place);
    }
    let document = ask.document(provider, &delivery, request).map_err(refused)?;
    if let (Some(live), Some(question)) = (&door.live, provider.question(&document.payload)) {
        let payload = document.payload.clone();
        let (event, _) = event(provider, &known, document);
        let asked = Asked { provider, question, payload: &payload, event };
        return Ok(Admitted::Answered(questions::answer(door, live, asked, began).await));
    }
    ask.must_be_a_question().map_err(refused)?;
    let acknowledgement = provider.acknowledge(&document.payload);
    let (event, audio) = event(provider, &known, document);
    let store = door.committer.store(event, audio);
    let accepted = match tokio::time::timeout(door.settings.answer_timeout, store).await {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(StoreError::Unstorable)) => {
            return Err(Refused::new(StatusCode::BAD_REQUEST, "unstorable", "the database cannot hold this document"));
        }
        Ok(Err(StoreError::Unavailable)) => return Err(Refused::unavailable("the database is away")),
        Err(_) => return Err(Refused::unavailable("the database did not answer in time")),
    };
    Ok(Admitted::Stored { provider: provider.name(), accepted, acknowledgement })
}

async fn find(request: &HttpRequest, door: &Door, provider: &dyn Provider, seen: &Seen) -> Result<Arc<Known>, Refused> {
    let slug = request.match_info().get("connection");
    match door.look_up(seen.address, provider.name(), slug).await {
        Lookup::Found(known) => Ok(known),
        Lookup::Unknown => Err(Refused::new(StatusCode::NOT_FOUND, "no_connection", "no such connection")),
        Lookup::Unavailable => Err(Refused::unavailable("the database is away")),
    }
}

fn check_address(known: &Known, seen: &Seen) -> Result<(), Refused> {
    match (&known.allowed, seen.address) {
        (None, _) => Ok(()),
        (Some(allowed), Some(address)) if address::is_within(address, allowed) => Ok(()),
        _ => Err(Refused::new(StatusCode::FORBIDDEN, "address", "this address may not send to this connection")),
    }
}

async fn prove(
    request: &HttpRequest,
    door: &Door,
    provider: &dyn Provider,
    delivery: &Delivery<'_>,
    known: &mut Arc<Known>,
    seen: &Seen,
    ask: &Ask,
) -> Result<Proof, Refused> {
    let now = door.clock.now();
    let first = providers::prove(provider, delivery, &ask.credentials(provider, &known.credentials), now);
    // Who has just handed over a secret must not hear 401 for the age of our copy.
    let slug = request.match_info().get("connection");
    let result = match &first {
        Err(_) if door.is_over(seen.address) => first,
        Err(_) => match door.connections.find_newer(provider.name(), slug, known).await {
            Some(newer) => {
                *known = newer;
                providers::prove(provider, delivery, &ask.credentials(provider, &known.credentials), now)
            }
            None => first,
        },
        Ok(_) => first,
    };
    result.map_err(refused)
}

/// The event to store, with what is kept beside its payload.
fn event(provider: &'static dyn Provider, known: &Known, document: Document) -> (NewEvent, Option<Audio>) {
    let Document { text, mut payload, envelope, external_event_id } = document;
    let audio = provider.detach(&mut payload).map(|attachment| Audio {
        id: recording_id(known.id, &external_event_id),
        sha256: providers::sha256_hex(&attachment.bytes),
        bytes: attachment.bytes,
        media_type: attachment.media_type,
    });
    let event = NewEvent {
        id: Uuid::now_v7(),
        connection_id: known.id,
        tenant_id: known.tenant_id,
        provider: provider.name(),
        event_type: envelope.event_type,
        external_event_id,
        occurred_at: envelope.occurred_at,
        payload: if audio.is_some() { payload.to_string() } else { text },
    };
    (event, audio)
}

fn unread(error: BodyError, limit: usize) -> Refused {
    match error {
        BodyError::TooLarge => Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is longer than {limit} bytes (http.body_bytes_max)"),
        ),
        BodyError::TooSlow => Refused::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time"),
        BodyError::Compressed => {
            Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed", "compressed bodies are not read")
        }
        BodyError::NoRoom => Refused::unavailable("too much is in flight (http.in_flight_bytes_max)"),
        BodyError::Broken => Refused::new(StatusCode::BAD_REQUEST, "broken", "the body broke off"),
    }
}

fn refused(refusal: Refusal) -> Refused {
    match &refusal {
        Refusal::NotProven(_) => Refused::new(StatusCode::UNAUTHORIZED, "not_proven", refusal.to_string()),
        Refusal::Unreadable(_) => Refused::new(StatusCode::BAD_REQUEST, "unreadable", refusal.to_string()),
    }
}

fn refuse(door: &Door, seen: Seen, refused: &Refused) -> HttpResponse {
    let provider = seen.provider.map(|provider| provider.name());
    door.metrics.rejected(provider.unwrap_or("other"), refused.label);
    // A flood does not fill the log either: of what is too much the sums are in `rejections` and in the metrics.
    let is_flood = refused.status == StatusCode::TOO_MANY_REQUESTS;
    if !is_flood {
        tracing::warn!(
            provider = provider.unwrap_or("other"),
            connection = seen.connection.as_deref(),
            status = refused.status.as_u16(),
            reason = refused.label,
            bytes = seen.body.len(),
            "webhook refused"
        );
    }
    let has_digest = !seen.body.is_empty() && seen.body.len() <= DIGEST_BYTES_MAX && !is_flood;
    door.rejections.add(Rejection {
        at: door.clock.now(),
        provider,
        connection: seen.connection,
        address: seen.address.map(|address| address.to_string()),
        reason: refused.detail.clone(),
        status: refused.status.as_u16(),
        body_bytes: if seen.body.is_empty() { seen.announced_bytes } else { seen.body.len() },
        body_digest: has_digest.then(|| providers::sha256_hex(&seen.body)),
    });
    refused.response()
}
