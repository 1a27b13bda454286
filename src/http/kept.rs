//! Requests that were not verified, on their way to `kept_requests`: a wrong secret loses nothing. Anybody can make such
//! requests, so memory, statements and rows are bounded, and nobody waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::Settings;
use super::rejections::SILENCE_MAX;
use crate::clock::Clock;
use crate::crypto::Keys;
use crate::db;
use crate::redact::Secret;
use crate::store::kept_requests::{self, NewKept, Request};

/// Longer bodies are not kept: without recordings, no platform's are.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bodies that wait to be written, in bytes, beside what is counted for requests in flight.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Of one source, network and minute: a platform that sends more than one in half a second is sampled.
const PER_MINUTE_MAX: i32 = 120;
/// Sources and networks that are told apart in a minute; of further ones nothing is kept.
const COUNTED_MAX: usize = 10_000;
/// Bytes that one process writes in a minute. What is neither of a network that had verified nor its network's first of the
/// minute gets half of it: a flood from everywhere costs the database so much and no more.
const MINUTE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Rows of one statement.
const ROWS_MAX: usize = 64;
/// Headers that are kept, and bytes of each: signatures and tokens are shorter.
const HEADERS_MAX: usize = 32;
const HEADER_BYTES_MAX: usize = 4096;

/// What may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Of one source.
    requests: u32,
    /// The same in bytes.
    bytes: u64,
    /// How long.
    kept_for: Duration,
}

impl Bounds {
    /// As it is configured.
    pub(super) fn of(settings: &Settings) -> Self {
        Self { requests: settings.kept_requests_max, bytes: settings.kept_bytes_max, kept_for: settings.kept_for }
    }

    fn keeps_nothing(&self) -> bool {
        self.requests == 0 || self.kept_for.is_zero()
    }
}

/// The source of a request, as far as it is kept for it.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) id: Uuid,
    /// Its static header, whatever it is called.
    pub(super) header: Option<String>,
    pub(super) path_token: Option<String>,
    /// Whether the sender's network had verified for it lately.
    pub(super) is_known: bool,
}

/// A request that waits to be kept.
#[derive(Debug)]
pub struct Waiting {
    source: Source,
    network: Option<String>,
    method: String,
    query: String,
    headers: Vec<(String, Secret)>,
    body: Bytes,
    _room: OwnedSemaphorePermit,
}

/// The room for requests that wait.
#[derive(Clone, Debug)]
pub(super) struct Room {
    room: Arc<Semaphore>,
    is_open: bool,
}

impl Room {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { room: Arc::new(Semaphore::new(WAITING_BYTES_MAX)), is_open: !bounds.keeps_nothing() }
    }

    /// Takes a request in; `None`: it is too long, or too much waits already.
    pub(super) fn take(
        &self,
        source: Source,
        network: Option<String>,
        request: &HttpRequest,
        body: &Bytes,
    ) -> Option<Waiting> {
        let query = request.query_string();
        let bytes = body.len() + query.len();
        if !self.is_open || bytes == 0 || bytes > BODY_BYTES_MAX {
            return None;
        }
        let _room = Arc::clone(&self.room).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()?;
        let is_needed =
            |name: &str| is_needed(name) || source.header.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
        let headers = request
            .headers()
            .iter()
            .filter(|(name, value)| is_needed(name.as_str()) && value.len() <= HEADER_BYTES_MAX);
        let headers = headers.filter_map(|(name, value)| Some((name.to_string(), Secret::new(value.to_str().ok()?))));
        Some(Waiting {
            network,
            method: request.method().to_string(),
            query: query.to_owned(),
            headers: headers.take(HEADERS_MAX).collect(),
            body: body.clone(),
            source,
            _room,
        })
    }
}

/// Whether a header may verify something, or says what the body is. Where it went through is none of it.
fn is_needed(name: &str) -> bool {
    let of_proxies = ["x-forwarded", "x-real-ip", "x-request-id", "x-amzn-", "x-envoy-", "x-cloud-trace"];
    let is_own = name.starts_with("x-") && !of_proxies.iter().any(|start| name.starts_with(start));
    is_own || ["content-type", "authorization"].contains(&name) || name.contains("signature")
}

/// Writes them down.
#[derive(Debug)]
pub(super) struct Keeper {
    pool: PgPool,
    keys: Keys,
    clock: Clock,
    bounds: Bounds,
    minute: i64,
    counts: HashMap<(Uuid, Option<String>), i32>,
    minute_bytes: usize,
    expired_at: Option<DateTime<Utc>>,
}

/// How often it is looked for what is over.
const EXPIRE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

impl Keeper {
    pub(super) fn new(pool: PgPool, keys: Keys, clock: Clock, bounds: Bounds) -> Self {
        Self { pool, keys, clock, bounds, minute: 0, counts: HashMap::new(), minute_bytes: 0, expired_at: None }
    }

    /// The row of a request; `None`: its network has had its share of this minute.
    pub(super) fn row(
        &mut self,
        at: DateTime<Utc>,
        provider: &'static str,
        reason: &str,
        waiting: &Waiting,
    ) -> Option<NewKept> {
        let minute = at.timestamp().div_euclid(60);
        if minute != self.minute {
            (self.minute, self.counts, self.minute_bytes) = (minute, HashMap::new(), 0);
        }
        let key = (waiting.source.id, waiting.network.clone());
        if self.counts.len() >= COUNTED_MAX && !self.counts.contains_key(&key) {
            return None;
        }
        let rank = self.counts.entry(key).or_default();
        let is_first = waiting.source.is_known || *rank == 0;
        let room = if is_first { MINUTE_BYTES_MAX } else { MINUTE_BYTES_MAX / 2 };
        let bytes = waiting.body.len() + waiting.query.len();
        if *rank >= PER_MINUTE_MAX || self.minute_bytes + bytes > room {
            return None;
        }
        *rank += 1;
        self.minute_bytes += bytes;
        let request = Request {
            method: waiting.method.clone(),
            path_token: waiting.source.path_token.clone().map(Secret::new),
            query: Secret::new(&waiting.query),
            headers: waiting.headers.clone(),
            body: waiting.body.to_vec(),
        };
        Some(NewKept {
            id: Uuid::now_v7(),
            source_id: waiting.source.id,
            provider,
            at,
            network: waiting.network.clone(),
            is_known: waiting.source.is_known,
            rank: *rank,
            reason: reason.to_owned(),
            bytes: i32::try_from(request.bytes()).unwrap_or(i32::MAX),
            request: request.seal(&self.keys),
        })
    }

    /// Writes rows, and takes away what is too much. What cannot be written is lost, as any refusal is.
    pub(super) async fn write(&self, rows: &[NewKept]) {
        let mut sources: Vec<Uuid> = rows.iter().map(|row| row.source_id).collect();
        sources.sort_unstable();
        sources.dedup();
        for chunk in rows.chunks(ROWS_MAX) {
            let added = db::unless_silent(SILENCE_MAX, kept_requests::add(&self.pool, chunk)).await;
            if let Err(error) = added {
                tracing::warn!(rows = chunk.len(), error = %db::describe(&error), "unverified requests could not be kept");
                return;
            }
        }
        if sources.is_empty() {
            return;
        }
        let bytes = i64::try_from(self.bounds.bytes).unwrap_or(i64::MAX);
        let prune = kept_requests::prune(&self.pool, &sources, i64::from(self.bounds.requests), bytes);
        if let Err(error) = db::unless_silent(SILENCE_MAX, prune).await {
            tracing::warn!(error = %db::describe(&error), "kept requests could not be pruned");
        }
    }

    /// Takes away what has been kept for long enough, once a minute.
    pub(super) async fn expire(&mut self) {
        let now = self.clock.now();
        if self.expired_at.is_some_and(|last| now - last < EXPIRE_INTERVAL) {
            return;
        }
        self.expired_at = Some(now);
        let kept_for = TimeDelta::from_std(self.bounds.kept_for).unwrap_or(TimeDelta::MAX);
        let Some(oldest) = now.checked_sub_signed(kept_for) else { return };
        if let Err(error) = db::unless_silent(SILENCE_MAX, kept_requests::expire(&self.pool, oldest)).await {
            tracing::debug!(error = %db::describe(&error), "kept requests that are over could not be taken away");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_may_verify_are_kept_and_others_are_not() {
        for name in [
            "x-retell-signature",
            "elevenlabs-signature",
            "x-hub-signature-256",
            "authorization",
            "x-webhook-token",
            "content-type",
        ] {
            assert!(is_needed(name), "{name}");
        }
        for name in ["cookie", "x-forwarded-for", "x-real-ip", "host", "user-agent", "content-length"] {
            assert!(!is_needed(name), "{name}");
        }
    }
}
