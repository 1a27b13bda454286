//! Errors of the API, as problem+json.

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::console::Denied;
use crate::db;

/// Why a request is not answered with what it asked for (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Which kind of problem, where a script does something about it: `urn:switchhook:code-needed`,
    /// `urn:switchhook:wrong-code` or `urn:switchhook:second-factor-needed`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, and what mends it.
    detail: Cow<'static, str>,
    #[serde(skip)]
    retry_after_seconds: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let title = status.canonical_reason().unwrap_or("error");
        Self { kind: None, title, status: status.as_u16(), detail: detail.into(), retry_after_seconds: None }
    }

    /// It is not there, or it is not theirs: both are the same to who asks.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such thing, or it is not yours")
    }

    /// The body says what cannot be.
    pub(super) fn unfit(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Whether the database has failed, or what it was asked: another one may do better. Not if it took too long.
    pub(super) fn is_of_the_database(&self) -> bool {
        self.status == 500 || self.status == 503 && self.retry_after_seconds.is_some()
    }

    pub(super) fn too_many(seconds: u64) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too many requests: see Retry-After")
        }
    }

    pub(super) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if self.status == 401 {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        let body = serde_json::to_string(self).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if db::is_timeout(&error) {
            let detail = "that took too long: narrow it down, by a shorter time or one number";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        }
        if db::is_statement_error(&error) && error.as_database_error().is_some_and(|error| error.constraint().is_some())
        {
            return Self::unfit(db::describe(&error));
        }
        // Such as NUL in a text, or a year beyond the calendar. A mistake of ours would look the same, so it is noted.
        if db::is_data_error(&error) {
            tracing::warn!(error = %db::describe(&error), "a request of the API held a value that the database refuses");
            return Self::unfit("a value is of a form that cannot be kept or looked for");
        }
        tracing::error!(error = %db::describe(&error), "the API could not use the database");
        if db::is_mistake(&error) {
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "a mistake of ours: the log says which");
        }
        let detail = match error {
            sqlx::Error::PoolTimedOut => {
                "no connection to the database was free in time: others ask just now, or it is away"
            }
            _ => "the database is away or too slow just now",
        };
        Self { retry_after_seconds: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Self::new(
                StatusCode::UNAUTHORIZED,
                "a valid token is needed (Authorization: Bearer …), or a session (POST /api/v1/session)",
            ),
            Denied::Forged => Self::forbidden("a session changes something only with its secret: X-CSRF-Token"),
            Denied::Forbidden => Self::forbidden("your role does not have the right to do this"),
            Denied::CodeNeeded => Self {
                kind: Some("urn:switchhook:code-needed"),
                ..Self::new(StatusCode::UNAUTHORIZED, "a code of the second factor is needed: send it as `code`")
            },
            Denied::WrongCode => Self {
                kind: Some("urn:switchhook:wrong-code"),
                ..Self::new(StatusCode::UNAUTHORIZED, "the code is not right, or was used before")
            },
            Denied::SetUpNeeded => Self {
                kind: Some("urn:switchhook:second-factor-needed"),
                ..Self::forbidden("this user must set up a second factor first: sign in at /sign-in")
            },
            Denied::TooMany(seconds) => Self::too_many(seconds),
            Denied::Away(error) => error.into(),
        }
    }
}

/// A parser's message without what it quotes.
pub(super) fn without_values(message: &str) -> String {
    let mut parts = message.split('"');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let (Some(_), Some(after)) = (parts.next(), parts.next()) {
        text.push('…');
        text.push_str(after);
    }
    crate::redact::scrub(&text)
}
