//! What senders hear.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use serde_json::json;

use crate::inbox::Accepted;
use crate::providers::Acknowledgement;

/// Why a request is refused: its status, a word for the metrics, and a sentence for people.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) label: &'static str,
    pub(super) detail: String,
    /// The sentence for ourselves, where it says more than the sender may know: for the log and for `rejections`.
    pub(super) inward: Option<String>,
    pub(super) retry_after_seconds: Option<u64>,
    /// Whether it counts against its network already.
    pub(super) is_counted: bool,
}

impl Refused {
    pub(super) fn new(status: StatusCode, label: &'static str, detail: impl Into<String>) -> Self {
        Self { status, label, detail: detail.into(), inward: None, retry_after_seconds: None, is_counted: false }
    }

    /// Nothing durable could be written: the sender should come again soon. Dialpad gives up after some 14 s.
    pub(super) fn unavailable(detail: &str) -> Self {
        Self { retry_after_seconds: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail) }
    }

    /// There is no room for it now.
    pub(super) fn overloaded(detail: &str) -> Self {
        Self { label: "overloaded", ..Self::unavailable(detail) }
    }

    /// Its network sends too much that proves nothing.
    pub(super) fn too_many(seconds: u64) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            is_counted: true,
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_unproven",
                "too many requests without proof from this address",
            )
        }
    }

    pub(super) fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.insert_header((ALLOW, "GET, POST"));
        }
        // RFC 9457.
        response.content_type("application/problem+json").body(
            json!({
                "title": self.status.canonical_reason().unwrap_or("refused"),
                "status": self.status.as_u16(),
                "detail": self.detail,
            })
            .to_string(),
        )
    }
}

/// The word for what became of an event.
pub(super) fn outcome(accepted: Accepted) -> &'static str {
    match accepted {
        Accepted::New(_) => "accepted",
        Accepted::Duplicate(_) => "duplicate",
        Accepted::Spooled(_) => "spooled",
    }
}

/// 200, with what the platform wants to hear. Plain text that nobody may take for anything else: a part of the URL comes
/// back in it.
pub(super) fn challenge(challenge: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(challenge)
}

/// 200, in the platform's own form.
pub(super) fn stored(accepted: Accepted, acknowledgement: Acknowledgement) -> HttpResponse {
    let id = accepted.id();
    let outcome = outcome(accepted);
    let body = match acknowledgement {
        Acknowledgement::Ours => json!({ "status": outcome, "event_id": id }),
        Acknowledgement::Fixed(body) => body,
    };
    HttpResponse::Ok()
        .insert_header(("Switchhook-Outcome", outcome))
        .insert_header(("Switchhook-Event", id.to_string()))
        .json(body)
}
