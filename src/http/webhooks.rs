//! The way of one webhook through the door: who, from where, how large, verified, read, stored, answered.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::answer::{self, Refused};
use super::body::{self, BodyError, Bounds};
use super::connections::{Connections, Known, Located, Lookup, Target, shown};
use super::held::{Held, Long, aside};
use super::networks::{Standing, Unverified};
use super::questions::{self, Answered, Ask, Posed};
use super::rejections::Rejection;
use super::server::Door;
use super::{StoreError, handshake, kept};
use crate::console::address;
use crate::domain::Question;
use crate::inbox::{Accepted, Audio, NewEvent};
use crate::providers::{
    self, Acknowledgement, Asked, Carried, Delivery, Document, Lacks, PlatformClass, Provider, Refusal, Verdict,
    VerifiedBy, verify,
};

/// What is known of a request so far: what a refusal is written down with.
struct Seen {
    provider: Option<&'static dyn Provider>,
    connection: Option<String>,
    address: Option<IpAddr>,
    body: Bytes,
    announced_bytes: usize,
    unverified: Unverified,
    is_verified: bool,
    /// The source that did not verify it, as far as the request may be kept for that.
    source: Option<kept::Source>,
}

/// What a request is refused for that its source does not verify.
const UNVERIFIED: &str = "not_proven";

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
    let address = address::sender(&request, &door.settings.trusted_proxies);
    let mut seen = Seen {
        provider,
        connection: request.match_info().get("connection").map(shown),
        address,
        body: Bytes::new(),
        announced_bytes: body::announced_bytes(&request).unwrap_or(0),
        unverified: door.networks.unverified(address, &door.clock),
        is_verified: false,
        source: None,
    };
    let admitted = admit(&request, payload, &door, &mut seen, ask, began).await;
    if admitted.is_ok() || seen.is_verified {
        seen.unverified.settle();
    }
    match admitted {
        Ok(Admitted::Functions(functions)) => HttpResponse::Ok().json(functions),
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
            let id = accepted.id();
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
            let refused =
                if is_counted { door.count(seen.address, seen.unverified.settle(), refused) } else { refused };
            refuse(&door, seen, &refused, &request)
        }
    }
}

enum Admitted {
    Functions(serde_json::Value),
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
    let query = request.query_string();
    let query_tokens = providers::url_tokens(query);
    let target = Target {
        provider: provider.name(),
        name: request.match_info().get("connection"),
        token: request.match_info().get("token"),
        query_tokens: &query_tokens,
    };
    let mut located = find(door, target, seen).await?;
    seen.connection = Some(located.known.label.clone());
    let platform = PlatformClass::of(provider);
    let has_address = located.known.admits(seen.address);
    let before_reading = Carried { address: has_address, ..Carried::default() };
    let served = |asked: &Asked| match verify(platform, located.known.has(), before_reading, *asked) {
        Verdict::Forbidden(Lacks::Address) => {
            Err(Refused::new(StatusCode::FORBIDDEN, "address", Lacks::Address.to_string()))
        }
        Verdict::NotServed => {
            Err(Refused::new(StatusCode::NOT_FOUND, "no_live", "this platform sends no live requests"))
        }
        Verdict::Accepted(_) | Verdict::Unverified(_) | Verdict::Forbidden(_) => Ok(()),
    };
    ask.possible().first().map_or(Ok(()), served)?;
    if *request.method() == Method::GET
        && let Some(handshake) = provider.handshake(query)
    {
        // Who has just set a token must not hear 403 for the age of our copy.
        if !handshake::is_right(door, &located.known, &handshake) && !door.is_over(seen.address) {
            located = door.connections.find_newer(target, &located.known).await?.unwrap_or(located);
        }
        let challenge = handshake::challenge(door, &located.known, provider, seen.address, handshake)?;
        return Ok(Admitted::Handshake { provider: provider.name(), challenge });
    }
    match *request.method() {
        Method::GET | Method::HEAD if ask.of_get() == Asked::ToolList => {
            let functions = door.live.as_ref().map(|live| live.describe_functions());
            return functions
                .map(Admitted::Functions)
                .ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "no_live", "live answers are switched off"));
        }
        Method::POST if ask.of_get() != Asked::ToolList => {}
        Method::GET if ask.lookup(provider, query).is_some() => {}
        Method::GET if matches!(ask, Ask::Anything) && provider.reads_query() && !query.is_empty() => {}
        Method::GET | Method::HEAD => return Ok(Admitted::Status(provider.name())),
        _ => return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method", "use POST")),
    }
    let standing = door.standing(located.known.id, seen.address);
    seen.unverified.is_known = standing == Standing::Known;
    let _suspect = door.look_at(standing, seen.address)?;
    // The account is held until the answer: what is in flight is bounded.
    let mut account = door.account(ask.class(), seen.address, standing);
    let limit = ask.body_limit(door.settings.body_limit(provider.name()));
    let patience = door.patience(ask.class());
    let bounds = Bounds { bytes: limit, timeout: door.settings.body_timeout, patience };
    let read = body::read(request, payload, bounds, &mut account, &mut seen.unverified.bytes).await;
    seen.body = read.map_err(|error| {
        seen.unverified.broke_off(error == BodyError::NoRoom);
        unread(error, limit, ask)
    })?;
    seen.source = matches!(ask, Ask::Anything).then(|| kept::Source {
        id: located.known.id,
        header: located.known.credentials.header.as_ref().map(|(name, _)| name.clone()),
        path_token: located.path_token.clone(),
        is_known: standing == Standing::Known,
    });
    let delivery = Delivery { query, headers: request.headers(), body: &seen.body };
    if !provider.accepts(delivery.media_type().as_deref()) {
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "this media type is not read"));
    }
    // Cheap before dear: nothing is parsed of what can be none of what this URL takes.
    let account = Arc::new(account);
    let long = Long::of(request, &seen.body, &account);
    let mut held = Held::new(door, provider, target, delivery, long.as_ref(), located, seen.address).await?;
    if held.verify(ask.possible(), true).await? != VerifiedBy::Unsigned {
        seen.is_verified = true;
        seen.unverified.settle();
        door.verified(request, held.located.known.id, seen.address);
    }
    let read = match &long {
        None => ask.document(provider, &delivery, request.method()),
        Some(long) => {
            let (ask, long) = (ask.clone(), Arc::clone(long));
            aside(move || ask.document(provider, &long.delivery(), &long.method)).await?
        }
    };
    let (document, names_tool) = read.map_err(refused)?;
    let question = provider.question(&document.payload);
    let asked = match &question {
        Some(Question::Caller(_)) => Asked::LiveAnswer,
        Some(Question::Function(_)) => Asked::ToolCall,
        None => Asked::Webhook,
    };
    if asked == Asked::Webhook {
        ask.must_be_a_question().map_err(refused)?;
    }
    let by = held.verify(&[asked], names_tool).await?;
    let known = held.finish(by);
    if let (Some(live), Some(question)) = (&door.live, question) {
        let payload = document.payload.clone();
        let event = event(provider, &door.connections, &known, document)?.0;
        let posed = Posed { provider, question, payload: &payload, event };
        return Ok(Admitted::Answered(questions::answer(door, live, posed, began).await));
    }
    let acknowledgement = provider.acknowledge(&document.payload);
    let (event, audio) = match long {
        None => event(provider, &door.connections, &known, document)?,
        Some(long) => {
            let connections = Arc::clone(&door.connections);
            aside(move || {
                let event = event(provider, &connections, &known, document);
                drop(long);
                event
            })
            .await??
        }
    };
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

async fn find(door: &Door, target: Target<'_>, seen: &Seen) -> Result<Located, Refused> {
    match door.look_up(seen.address, target).await {
        Lookup::Found(located) => Ok(located),
        Lookup::Unknown => Err(Refused::new(StatusCode::NOT_FOUND, "no_connection", "no such connection")),
        Lookup::Unavailable => Err(Refused::unavailable("the database is away")),
    }
}

/// The event to store, with what is kept beside its payload.
fn event(
    provider: &'static dyn Provider,
    connections: &Connections,
    known: &Known,
    document: Document,
) -> Result<(NewEvent, Option<Audio>), Refused> {
    Ok(document.into_event(provider, known.id, known.tenant_id, connections.ids()?))
}

fn unread(error: BodyError, limit: usize, ask: &Ask) -> Refused {
    match error {
        BodyError::TooLarge => Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is longer than {limit} bytes ({})", ask.limit_name()),
        ),
        BodyError::TooSlow => Refused::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time"),
        BodyError::Compressed => {
            Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed", "compressed bodies are not read")
        }
        BodyError::NoRoom => Refused::overloaded("too much is in flight (http.in_flight_bytes_max)"),
        BodyError::Broken => Refused::new(StatusCode::BAD_REQUEST, "broken", "the body broke off"),
    }
}

pub(super) fn refused(refusal: Refusal) -> Refused {
    match &refusal {
        Refusal::NotProven(_) | Refusal::OffTime { .. } | Refusal::NotVerified(_) => Refused {
            inward: Some(refusal.inward()),
            ..Refused::new(StatusCode::UNAUTHORIZED, UNVERIFIED, refusal.to_string())
        },
        Refusal::Unreadable(_) => Refused::new(StatusCode::BAD_REQUEST, "unreadable", refusal.to_string()),
    }
}

fn refuse(door: &Door, seen: Seen, refused: &Refused, request: &HttpRequest) -> HttpResponse {
    let provider = seen.provider.map(|provider| provider.name());
    door.metrics.rejected(provider.unwrap_or("other"), refused.label);
    // A flood does not fill the log either: of what is too much the sums are in `rejections` and in the metrics.
    let is_flood = refused.status == StatusCode::TOO_MANY_REQUESTS;
    if !is_flood && door.may_log(refused.label) {
        tracing::warn!(
            provider = provider.unwrap_or("other"),
            connection = seen.connection.as_deref(),
            status = refused.status.as_u16(),
            reason = refused.label,
            detail = refused.inward.as_deref(),
            bytes = seen.body.len(),
            "webhook refused"
        );
    }
    // Nothing is kept of a network over its limit: that is answered with another word.
    let source = seen.source.filter(|_| refused.label == UNVERIFIED && !seen.is_verified);
    let kept = source.and_then(|source| {
        let network = seen.address.map(|address| address::network(address).to_string());
        door.rejections.room.take(source, network, request, &seen.body)
    });
    let came = seen.unverified.bytes;
    let has_digest = !seen.body.is_empty() && seen.body.len() <= DIGEST_BYTES_MAX && !is_flood;
    door.rejections.add(Rejection {
        at: door.clock.now(),
        provider,
        connection: seen.connection,
        address: seen.address.map(|address| address.to_string()),
        reason: refused.inward.as_ref().unwrap_or(&refused.detail).clone(),
        status: refused.status.as_u16(),
        body_bytes: if seen.body.is_empty() { seen.announced_bytes.max(came) } else { seen.body.len() },
        body_digest: has_digest.then(|| providers::sha256_hex(&seen.body)),
        kept,
    });
    refused.response()
}
