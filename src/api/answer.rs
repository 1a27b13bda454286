//! Answers with a tag, so that who has seen them is told that nothing has changed; and what a body may say of a field.

use actix_web::http::header::{ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::crypto::hex;

/// What was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changed {
    /// Its id.
    pub(super) id: Uuid,
}

/// How many rows were changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Count {
    /// How many.
    pub(super) changed: u64,
}

/// 200 with a tag of what is answered, or 304 for a script that has it. No browser keeps it: it is personal.
pub(super) fn tagged(request: &HttpRequest, value: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let digest = Sha256::digest(&body);
    let tag = format!("\"{}\"", hex(&digest[..16]));
    let header = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = header.split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag));
    if is_known { response.finish() } else { response.content_type("application/json").body(body) }
}

/// A field that may be absent (it stays), null (it is taken away) or a value.
pub(super) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
