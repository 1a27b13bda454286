//! `Idempotency-Key`: a write that is sent twice is done once, and answered twice alike, for a day.

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse, ResponseError};
use serde_json::Value;

use super::problem::Problem;
use crate::console::{self, Console, Entry};
use crate::crypto::DigestKey;
use crate::store::idempotency::{self, Claim};

/// A longer key is refused; the document says it.
pub(super) const KEY_BYTES_MAX: usize = 255;
/// Fields of an answer that are shown once and never kept.
const SHOWN_ONCE: [&str; 5] = ["token", "secret", "url", "verify_token", "recovery_codes"];

type Answered = Result<ServiceResponse<BoxBody>, Error>;

/// Calls the handler; a write that names a key, only if it was not done before.
pub(super) async fn call(
    console: &Console,
    entry: &Entry,
    reads: bool,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Answered {
    let is_write = ![Method::GET, Method::HEAD].contains(request.method());
    let key = request.headers().get("idempotency-key").filter(|_| is_write).cloned();
    let Some(key) = key else {
        return console::call(console, entry, reads, request, &next, is_vain).await;
    };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "an Idempotency-Key has 1 to 255 characters");
        return Ok(request.into_response(problem.error_response()));
    }
    let body = match request.extract::<Bytes>().await {
        Ok(body) => body,
        Err(_) => {
            let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
            return Ok(request.into_response(problem.error_response()));
        }
    };
    request.set_payload(Payload::from(body.clone()));
    let principal = entry.scope.actor().id;
    let digests = match console.keys().digests() {
        Ok(digests) => digests,
        Err(error) => return Ok(request.into_response(Problem::from(sqlx::Error::from(error)).error_response())),
    };
    let key_digest = digests.digest_parts("idempotency_key", &[key.as_bytes()]).to_vec();
    let asked = digest(digests, &request, key.as_bytes(), &body);
    let claim = match idempotency::claim(console.pool(), principal, &key_digest, &asked).await {
        Ok(claim) => claim,
        Err(error) => return Ok(request.into_response(Problem::from(error).error_response())),
    };
    let response = match claim {
        Claim::First => return done(console, entry, request, next, principal, &key_digest).await,
        Claim::Done(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let content_type = if status.is_success() { "application/json" } else { "application/problem+json" };
            HttpResponse::build(status)
                .content_type(content_type)
                .insert_header(("Idempotent-Replayed", "true"))
                .body(body)
        }
        Claim::Running => {
            Problem::new(StatusCode::CONFLICT, "a request with this Idempotency-Key is being done").error_response()
        }
        Claim::Other => Problem::unfit("this Idempotency-Key was used for another request").error_response(),
    };
    Ok(request.into_response(response))
}

async fn done(
    console: &Console,
    entry: &Entry,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    principal: uuid::Uuid,
    key: &[u8],
) -> Answered {
    let (request, response) = console::call(console, entry, false, request, &next, is_vain).await?.into_parts();
    let (response, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| actix_web::error::ErrorInternalServerError("the answer was lost"))?;
    let status = response.status();
    let stored = if status.is_server_error() {
        idempotency::free(console.pool(), principal, key).await
    } else {
        idempotency::keep(console.pool(), principal, key, status.as_u16(), &without_secrets(&body)).await
    };
    if let Err(error) = stored {
        tracing::warn!(error = %crate::db::describe(&error), "the answer to an Idempotency-Key was not kept");
    }
    Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(body))))
}

/// Whether an answer says that the database has failed.
fn is_vain(error: &Error) -> bool {
    error.as_error::<Problem>().is_some_and(Problem::is_of_the_database)
}

/// Of everything that makes a request what it is.
fn digest(digests: &DigestKey, request: &ServiceRequest, key: &[u8], body: &[u8]) -> Vec<u8> {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let parts = [key, request.method().as_str().as_bytes(), path.as_bytes(), body];
    digests.digest_parts("idempotency_request", &parts).to_vec()
}

fn without_secrets(body: &[u8]) -> String {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return String::new() };
    if let Some(object) = value.as_object_mut() {
        for (name, field) in object.iter_mut() {
            if SHOWN_ONCE.contains(&name.as_str()) && !field.is_null() {
                *field = Value::String("(shown once)".to_owned());
            }
        }
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_once_is_not_kept() {
        let kept = without_secrets(br#"{"id":1,"token":"shk_x","secret":null}"#);
        assert!(!kept.contains("shk_x") && kept.contains("shown once") && kept.contains("null"), "{kept}");
        assert_eq!(without_secrets(b"no JSON"), "");
    }
}
