//! `/healthz`: the process lives. `/readyz`: it can do its work. `/metrics`: what it has done.

use std::collections::HashMap;
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::Mutex;

use super::answer::Refused;
use super::server::Door;
use crate::access::Right;
use crate::console::{Console, Denied};
use crate::db::{Found, Leases, Link, Seen, Unfit};
use crate::inbox::Backlog;
use crate::providers::sha256_hex;
use crate::spool::Spool;
use crate::{db, inbox};

/// How long the database may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How old the answer of `/readyz` may be: however many ask, the database is asked once in this time.
const READY_AGE_MAX: Duration = Duration::from_secs(1);
/// How old the gauges of the queues may be: counting a long queue takes long.
const BACKLOG_AGE_MAX: Duration = Duration::from_secs(5);
/// How long before the database went away a token must have been looked up for its owner to go on reading `/metrics`.
const READ_BEFORE: Duration = Duration::from_secs(600);
/// Such tokens at most: a few programs read metrics.
const READERS_MAX: usize = 16;
/// Connections: one for each of the two, and none of the webhooks'.
const CONNECTIONS: u32 = 2;

/// What health and metrics ask of the database, by a connection of their own, and seldom.
#[derive(Debug)]
pub(super) struct Health {
    leases: Leases,
    pub(super) link: Link,
    ready: Recent<Option<String>>,
    backlog: Recent<Option<Backlog>>,
    readers: Readers,
}

/// Who has read `/metrics` lately, by digests of their tokens. While the database is away no token can be looked up, nor taken
/// back: whoever read until then goes on, since that is the hour that metrics are for.
#[derive(Debug, Default)]
struct Readers(StdMutex<HashMap<String, Instant>>);

/// The last answer to a question. Requests that meet here share one look.
#[derive(Debug)]
struct Recent<T> {
    age_max: Duration,
    last: Mutex<Option<(Instant, T)>>,
}

impl Health {
    pub(super) fn new(main: &PgPool, link: Link) -> Self {
        let pool = db::beside(main, &link, "switchhook health", CONNECTIONS, TIMEOUT, TIMEOUT);
        Self {
            leases: Leases::of(&pool, &link),
            link,
            ready: Recent::new(READY_AGE_MAX),
            backlog: Recent::new(BACKLOG_AGE_MAX),
            readers: Readers::default(),
        }
    }

    /// Whether this request is of somebody who may read metrics, as far as that can be known while the database is away.
    fn knows(&self, request: &HttpRequest) -> bool {
        let Some(Found::Trouble { since, .. }) = self.link.found() else { return false };
        self.readers.have_read(request, since)
    }

    async fn reason_not_ready(&self) -> Option<String> {
        match self.link.found() {
            Some(Found::Trouble { since, reason }) => {
                Some(format!("the database has been away for {} s: {reason}", since.elapsed().as_secs()))
            }
            Some(Found::Well) | None => self.ready.get(reason_not_ready(&self.leases)).await,
        }
    }

    /// `None`: the database did not say so in time, or is known to be away. Whoever watches must not wait in the bad hour.
    async fn backlog(&self) -> Option<Backlog> {
        if self.link.is_in_trouble() {
            return None;
        }
        let look = async {
            let mut lease = self.leases.take().await?;
            let backlog = inbox::backlog(&mut *lease).await?;
            self.leases.keep(lease);
            Ok::<_, sqlx::Error>(backlog)
        };
        self.backlog.get(async { tokio::time::timeout(TIMEOUT, look).await.ok()?.ok() }).await
    }
}

impl Readers {
    fn remember(&self, request: &HttpRequest) {
        let Some(token) = digest(request) else { return };
        let mut readers = self.lock();
        readers.retain(|_, at| at.elapsed() < READ_BEFORE);
        if readers.len() < READERS_MAX || readers.contains_key(&token) {
            readers.insert(token, Instant::now());
        }
    }

    /// A token that was taken back is no reader's any more.
    fn forget(&self, request: &HttpRequest) {
        if let Some(token) = digest(request) {
            self.lock().remove(&token);
        }
    }

    fn have_read(&self, request: &HttpRequest, before: Instant) -> bool {
        let read_at = digest(request).and_then(|token| self.lock().get(&token).copied());
        read_at.is_some_and(|read_at| before.saturating_duration_since(read_at) < READ_BEFORE)
    }

    /// Nothing panics while this is held.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(request: &HttpRequest) -> Option<String> {
    Some(sha256_hex(request.headers().get(AUTHORIZATION)?.as_bytes()))
}

impl<T: Clone> Recent<T> {
    fn new(age_max: Duration) -> Self {
        Self { age_max, last: Mutex::new(None) }
    }

    async fn get(&self, look: impl Future<Output = T>) -> T {
        let mut last = self.last.lock().await;
        match last.as_ref() {
            Some((at, value)) if at.elapsed() < self.age_max => value.clone(),
            _ => {
                let value = look.await;
                *last = Some((Instant::now(), value.clone()));
                value
            }
        }
    }
}

pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

pub(super) async fn readyz(door: Data<Door>) -> HttpResponse {
    let reason = match door.draining.is_draining() {
        true => Some("draining".to_owned()),
        // The spool knows when they can be stored again, also where none has come since.
        false if door.spool.as_ref().map_or_else(|| door.committer.is_failing(), Spool::is_on) => {
            Some("webhooks cannot be stored".to_owned())
        }
        false => door.health.reason_not_ready().await,
    };
    let spool = door.spool.as_ref().filter(|_| !door.draining.is_draining());
    match reason {
        // Webhooks are taken: a balancer that turned away from everybody would lose them.
        Some(reason) if spool.is_some_and(Spool::has_room) => {
            HttpResponse::Ok().json(json!({ "status": "spooling", "reason": reason }))
        }
        None => HttpResponse::Ok().json(json!({ "status": "ready" })),
        Some(reason) => HttpResponse::ServiceUnavailable().json(json!({ "status": "not ready", "reason": reason })),
    }
}

pub(super) async fn metrics(request: HttpRequest, door: Data<Door>, console: Data<Console>) -> HttpResponse {
    if let Some(refused) = refused(&request, &door, &console).await {
        return refused.response();
    }
    if let Some(backlog) = door.health.backlog().await {
        let gauges = &door.metrics.backlog;
        gauges.pending.set(backlog.pending);
        gauges.retrying.set(backlog.retrying);
        gauges.dead.set(backlog.dead);
        gauges.oldest_pending_seconds.set(backlog.oldest_pending_seconds);
        gauges.jobs_pending.set(backlog.jobs_pending);
        gauges.jobs_due.set(backlog.jobs_due);
        gauges.jobs_dead.set(backlog.jobs_dead);
    }
    if let Some(spool) = &door.spool {
        let (holds, gauges) = (spool.holds(), &door.metrics.spool);
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        gauges.is_on.set(i64::from(spool.is_on()));
        gauges.records.set(count(holds.records));
        gauges.bytes.set(count(holds.bytes));
        gauges.set_aside_bytes.set(count(holds.set_aside_bytes));
        let age = holds.oldest_at.map_or(TimeDelta::zero(), |oldest_at| door.clock.now() - oldest_at);
        gauges.oldest_seconds.set(age.as_seconds_f64());
    }
    if let Some(standby) = console.standby() {
        let gauges = &door.metrics.read_standby;
        let seen = standby.seen();
        gauges.is_used.set(i64::from(matches!(seen, Seen::Fit { .. })));
        // Of one that is away nothing is known: what was known last stays.
        if let Seen::Fit { lag, .. } | Seen::Unfit(Unfit::Late { lag, .. }) = seen {
            gauges.lag_seconds.set(lag.as_secs_f64());
        }
        gauges.read_again.set(i64::try_from(standby.read_again()).unwrap_or(i64::MAX));
    }
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(door.metrics.encode())
}

/// Why somebody may not read metrics.
async fn refused(request: &HttpRequest, door: &Door, console: &Console) -> Option<Refused> {
    if console.has_open_metrics() || door.health.knows(request) {
        return None;
    }
    let entered = tokio::time::timeout(TIMEOUT, console.enter(request, Right::Operate, None));
    let entered = entered.await.unwrap_or_else(|_| Err(Denied::Away(db::silent())));
    let (status, detail) = match entered {
        Ok(_) => {
            door.health.readers.remember(request);
            return None;
        }
        // The probe has not found it yet.
        Err(Denied::Away(_)) if door.health.readers.have_read(request, Instant::now()) => return None,
        Err(Denied::Away(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the database is away"),
        Err(Denied::TooMany(_)) => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
        Err(
            Denied::Unknown
            | Denied::Forged
            | Denied::Forbidden
            | Denied::CodeNeeded
            | Denied::WrongCode
            | Denied::SetUpNeeded,
        ) => {
            door.health.readers.forget(request);
            (StatusCode::UNAUTHORIZED, "the token of an operator is needed (console.open_metrics)")
        }
    };
    Some(Refused::new(status, "metrics", detail))
}

async fn reason_not_ready(leases: &Leases) -> Option<String> {
    let look = async {
        let mut lease = leases.take().await?;
        let is_up_to_date = db::is_up_to_date_on(&mut lease).await?;
        leases.keep(lease);
        Ok(is_up_to_date)
    };
    match tokio::time::timeout(TIMEOUT, look).await {
        Err(_) => Some("the database did not answer in time".to_owned()),
        Ok(Err(error)) => Some(db::describe(&error)),
        Ok(Ok(false)) => Some("the schema is older than this program: run `switchhook migrate`".to_owned()),
        Ok(Ok(true)) => None,
    }
}
