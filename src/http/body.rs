//! Reading a body: bounded in size and time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLarge,
    TooSlow,
    Compressed,
    Broken,
}

/// The length that a request announces.
pub(super) fn announced_bytes(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `limit` bytes within `timeout`.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, BodyError> {
    let announced = announced_bytes(request).unwrap_or(0);
    if announced > limit {
        return Err(BodyError::TooLarge);
    }
    // A signature is made over the bytes as sent, and no platform compresses: do not guess.
    let plain = |value: &actix_web::http::header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| !plain(encoding)) {
        return Err(BodyError::Compressed);
    }
    let whole = async {
        let mut body = BytesMut::with_capacity(announced.min(64 * 1024));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            if body.len() + chunk.len() > limit {
                return Err(BodyError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(timeout, whole).await.unwrap_or(Err(BodyError::TooSlow))
}
