//! Signing in with an identity provider: to it, and back.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::fault::Fault;
use super::params::Params;
use super::shell::see_other;
use super::sign_in::{again, ours, signed_in_to};
use crate::console::Console;
use crate::console::oidc::{Callback, Failed, OidcError};
use crate::redact::Secret;

/// To the identity provider.
pub(super) async fn begin(request: HttpRequest, console: Data<Console>) -> Result<HttpResponse, Fault> {
    let oidc = console.oidc().ok_or(Fault::NotFound)?;
    let next = Params::of(&request).owned("next").unwrap_or_default();
    match console.begin_oidc(oidc, &request, ours(&next)).await {
        Ok(begun) => Ok(with_cookie(see_other(&begun.location), &begun.set_cookie)),
        Err(failed) => told(&console, failed, next),
    }
}

/// Back from it.
pub(super) async fn callback(request: HttpRequest, console: Data<Console>) -> Result<HttpResponse, Fault> {
    let oidc = console.oidc().ok_or(Fault::NotFound)?;
    let params = Params::of(&request);
    let callback = Callback {
        state: params.owned("state").unwrap_or_default(),
        code: params.owned("code").map(Secret::new),
        error: params.owned("error"),
        issuer: params.owned("iss"),
    };
    match console.finish_oidc(oidc, &request, callback).await {
        Ok(finished) => Ok(with_cookie(signed_in_to(&finished.signed_in, &finished.next), &finished.clear_cookie)),
        Err(failed) => told(&console, failed, String::new()),
    }
}

/// The sign-in page, which says what went wrong, and by what the line in the log is found.
fn told(console: &Console, failed: Failed, next: String) -> Result<HttpResponse, Fault> {
    let status = match failed.error {
        OidcError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        OidcError::Away(_) | OidcError::Discovery(_) | OidcError::Exchange(_) | OidcError::UserInfo(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::UNAUTHORIZED,
    };
    let wrong = format!("{} (Reference: {})", failed.error.shown(), failed.reference);
    let mut response = again(console, status, next, None, &wrong)?;
    if let OidcError::TooMany(seconds) = failed.error {
        response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(match failed.clear_cookie {
        Some(clear) => with_cookie(response, &clear),
        None => response,
    })
}

fn with_cookie(mut response: HttpResponse, set_cookie: &str) -> HttpResponse {
    if let Ok(value) = HeaderValue::from_str(set_cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}
