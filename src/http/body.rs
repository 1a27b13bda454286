//! Reading a body: bounded in size, in time and in memory, which is counted as the bytes arrive.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{Bytes, Payload};
use futures_util::StreamExt;

use super::budgets::{Account, NoRoom};

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLarge,
    TooSlow,
    Compressed,
    Broken,
    NoRoom,
}

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes at most.
    pub(super) bytes: usize,
    /// How long the whole may take.
    pub(super) timeout: Duration,
    /// How long it may wait for memory.
    pub(super) patience: Duration,
}

impl From<NoRoom> for BodyError {
    fn from(_: NoRoom) -> Self {
        Self::NoRoom
    }
}

/// The length that a request announces.
pub(super) fn announced_bytes(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body. What it takes of memory is in the account before it is taken; `came` counts the bytes that came, however
/// this ends.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    bounds: Bounds,
    account: &mut Account,
    came: &mut usize,
) -> Result<Bytes, BodyError> {
    let announced = announced_bytes(request);
    if announced.is_some_and(|announced| announced > bounds.bytes) {
        return Err(BodyError::TooLarge);
    }
    // A signature is made over the bytes as sent, and no platform compresses: do not guess.
    let plain = |value: &actix_web::http::header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| !plain(encoding)) {
        return Err(BodyError::Compressed);
    }
    let whole = async {
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            let needed = body.len() + chunk.len();
            *came = needed;
            if needed > bounds.bytes {
                return Err(BodyError::TooLarge);
            }
            if needed > body.capacity() {
                let capacity = grown(body.capacity(), needed, announced.unwrap_or(bounds.bytes));
                account.hold(capacity, bounds.patience).await?;
                body.reserve_exact(capacity - body.len());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(body))
    };
    tokio::time::timeout(bounds.timeout, whole).await.unwrap_or(Err(BodyError::TooSlow))
}

/// The next capacity: half as much again as before, and no more than can come. What is announced is never taken on
/// trust, and what has come is never copied often.
fn grown(capacity: usize, needed: usize, most: usize) -> usize {
    (capacity + capacity / 2).min(most).max(needed)
}

#[cfg(test)]
mod tests {
    use super::grown;

    #[test]
    fn a_buffer_grows_by_what_came_and_not_by_what_was_announced() {
        assert_eq!(grown(0, 100, 33_000_000), 100);
        assert_eq!(grown(1_000, 1_001, 33_000_000), 1_500);
        assert_eq!(grown(1_000, 1_001, 1_200), 1_200, "no more than can come");
        assert_eq!(grown(1_000, 9_000, 33_000_000), 9_000);
    }
}
