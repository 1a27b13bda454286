//! `/healthz`: the process lives. `/readyz`: it can do its work. `/metrics`: what it has done.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::answer::Refused;
use super::server::Door;
use crate::access::Right;
use crate::console::{Console, Denied};
use crate::{db, inbox};

/// How long the database may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

pub(super) async fn readyz(door: Data<Door>) -> HttpResponse {
    match reason_not_ready(&door).await {
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
            Denied::Unknown | Denied::Forged | Denied::Forbidden => {
                (StatusCode::UNAUTHORIZED, "the token of an operator is needed (console.open_metrics)")
            }
        };
        return Refused::new(status, "metrics", detail).response();
    }
    if let Ok(Ok(backlog)) = tokio::time::timeout(TIMEOUT, inbox::backlog(&door.pool)).await {
        let gauges = &door.metrics.backlog;
        gauges.pending.set(backlog.pending);
        gauges.retrying.set(backlog.retrying);
        gauges.dead.set(backlog.dead);
        gauges.oldest_pending_seconds.set(backlog.oldest_pending_seconds);
        gauges.jobs_pending.set(backlog.jobs_pending);
        gauges.jobs_due.set(backlog.jobs_due);
        gauges.jobs_dead.set(backlog.jobs_dead);
    }
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(door.metrics.encode())
}

async fn reason_not_ready(door: &Door) -> Option<String> {
    if door.draining.is_draining() {
        return Some("draining".to_owned());
    }
    match tokio::time::timeout(TIMEOUT, db::is_up_to_date(&door.pool)).await {
        Err(_) => Some("the database did not answer in time".to_owned()),
        Ok(Err(error)) => Some(db::describe(&error)),
        Ok(Ok(false)) => Some("the schema is older than this program: run `switchhook migrate`".to_owned()),
        Ok(Ok(true)) => None,
    }
}
