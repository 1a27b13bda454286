//! `/healthz`: the process lives. `/readyz`: it can do its work. `/metrics`: what it has done.

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
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
use crate::db::{Found, Link};
use crate::inbox::Backlog;
use crate::spool::Spool;
use crate::{db, inbox};

/// How long the database may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How old the answer of `/readyz` may be: however many ask, the database is asked once in this time.
const READY_AGE_MAX: Duration = Duration::from_secs(1);
/// How old the gauges of the queues may be: counting a long queue takes long.
const BACKLOG_AGE_MAX: Duration = Duration::from_secs(5);
/// Connections for both: one statement at a time, and none of the webhooks'.
const CONNECTIONS: u32 = 1;

/// What health and metrics ask of the database, by a connection of their own, and seldom.
#[derive(Debug)]
pub(super) struct Health {
    pool: PgPool,
    pub(super) link: Link,
    ready: Recent<Option<String>>,
    backlog: Recent<Option<Backlog>>,
}

/// The last answer to a question. Requests that meet here share one look.
#[derive(Debug)]
struct Recent<T> {
    age_max: Duration,
    last: Mutex<Option<(Instant, T)>>,
}

impl Health {
    pub(super) fn new(main: &PgPool, link: Link) -> Self {
        let pool = db::beside(main, &link, "switchhook health", CONNECTIONS, TIMEOUT, TIMEOUT);
        Self { pool, link, ready: Recent::new(READY_AGE_MAX), backlog: Recent::new(BACKLOG_AGE_MAX) }
    }

    async fn reason_not_ready(&self) -> Option<String> {
        match self.link.found() {
            Some(Found::Trouble { since, reason }) => {
                Some(format!("the database has been away for {} s: {reason}", since.elapsed().as_secs()))
            }
            Some(Found::Well) | None => self.ready.get(reason_not_ready(self.pool.clone())).await,
        }
    }

    /// `None`: the database did not say so in time.
    async fn backlog(&self) -> Option<Backlog> {
        let pool = self.pool.clone();
        let look = async move { tokio::time::timeout(TIMEOUT, inbox::backlog(&pool)).await.ok()?.ok() };
        self.backlog.get(look).await
    }
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
    if !console.has_open_metrics()
        && let Err(denied) = console.enter(&request, Right::Operate, None).await
    {
        let (status, detail) = match denied {
            Denied::Away(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is away"),
            Denied::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
            Denied::Unknown
            | Denied::Forged
            | Denied::Forbidden
            | Denied::CodeNeeded
            | Denied::WrongCode
            | Denied::SetUpNeeded => {
                (StatusCode::UNAUTHORIZED, "the token of an operator is needed (console.open_metrics)")
            }
        };
        return Refused::new(status, "metrics", detail).response();
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
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(door.metrics.encode())
}

async fn reason_not_ready(pool: PgPool) -> Option<String> {
    match tokio::time::timeout(TIMEOUT, db::is_up_to_date(&pool)).await {
        Err(_) => Some("the database did not answer in time".to_owned()),
        Ok(Err(error)) => Some(db::describe(&error)),
        Ok(Ok(false)) => Some("the schema is older than this program: run `switchhook migrate`".to_owned()),
        Ok(Ok(true)) => None,
    }
}
