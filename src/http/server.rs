//! The server: routes, limits, and how it starts and stops.

use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use sqlx::PgPool;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer::Refused;
use super::throttle::Throttle;
use super::{Committer, Connections, Rejections, Settings, health, questions, webhooks};
use crate::clock::Clock;
use crate::live::Live;
use crate::telemetry::Metrics;

/// One permit stands for this many bytes in flight.
const PERMIT_BYTES: usize = 1024;

/// Whether the program is stopping: it still answers, but wants no new work.
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on `/readyz` says so.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything a request needs.
#[derive(Debug)]
pub struct Door {
    pub(super) settings: Settings,
    pub(super) pool: PgPool,
    pub(super) connections: Arc<Connections>,
    pub(super) committer: Committer,
    pub(super) rejections: Rejections,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) draining: Draining,
    pub(super) throttle: Throttle,
    pub(super) live: Option<Arc<Live>>,
    in_flight: Semaphore,
}

impl Door {
    /// A door with these parts.
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own, named at the one place that calls this")]
    pub fn new(
        settings: Settings,
        pool: PgPool,
        connections: Arc<Connections>,
        committer: Committer,
        rejections: Rejections,
        metrics: Arc<Metrics>,
        clock: Clock,
        draining: Draining,
    ) -> Self {
        let permits = (settings.in_flight_bytes_max / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let throttle = Throttle::new(settings.unproven_per_minute);
        Self {
            settings,
            pool,
            connections,
            committer,
            rejections,
            metrics,
            clock,
            draining,
            throttle,
            live: None,
            in_flight: Semaphore::new(permits),
        }
    }

    /// A door that answers questions. Without, they are stored and acknowledged, and the agent takes the call as it is
    /// configured.
    pub fn answering(self, live: Arc<Live>) -> Self {
        Self { live: Some(live), ..self }
    }

    /// Counts a request without proof: it hears why, or, from an address that tries too often, that.
    pub(super) fn unproven(&self, address: Option<IpAddr>, refused: Refused) -> Refused {
        match self.throttle.count(address, self.clock.now()) {
            None => refused,
            Some(seconds) => Refused {
                retry_after_seconds: Some(seconds),
                ..Refused::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_unproven",
                    "too many requests without proof from this address",
                )
            },
        }
    }

    /// Waits for room for a body of this size.
    pub(super) async fn reserve(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Refused> {
        let all = self.settings.in_flight_bytes_max / PERMIT_BYTES;
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES).clamp(1, all.max(1))).unwrap_or(u32::MAX);
        match tokio::time::timeout(self.settings.answer_timeout, self.in_flight.acquire_many(permits)).await {
            Ok(Ok(permits)) => Ok(permits),
            _ => Err(Refused::unavailable("too much is in flight (http.in_flight_bytes_max)")),
        }
    }
}

/// The routes of the door.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(health::metrics))
        .route("/webhooks/{provider}", web::route().to(webhooks::receive))
        .route("/webhooks/{provider}/{connection}", web::route().to(webhooks::receive))
        .route("/webhooks/{provider}/{connection}/inbound", web::route().to(questions::inbound))
        .route("/webhooks/{provider}/{connection}/functions", web::get().to(questions::functions))
        .route("/webhooks/{provider}/{connection}/function", web::route().to(questions::function))
        .route("/webhooks/{provider}/{connection}/function/{function}", web::route().to(questions::function));
}

/// Starts the server on a socket that is already open. `more` adds the routes of other rooms.
pub fn start(
    listener: TcpListener,
    door: Door,
    more: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let settings = door.settings.clone();
    let door = Data::new(door);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(door.clone())
            .configure(routes)
            .configure(more.clone())
            .default_service(web::to(nothing_here))
    })
    .client_request_timeout(settings.header_timeout)
    .shutdown_timeout(settings.shutdown_timeout.as_secs())
    .disable_signals();
    let server = if settings.threads == 0 { server } else { server.workers(settings.threads) };
    Ok(server.listen(listener)?.run())
}

/// Starts the pages and the API on an address of their own.
pub fn start_console(
    listener: TcpListener,
    settings: &Settings,
    more: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let server = HttpServer::new(move || App::new().configure(more.clone()).default_service(web::to(nothing_here)))
        .client_request_timeout(settings.header_timeout)
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .workers(1)
        .disable_signals();
    Ok(server.listen(listener)?.run())
}

async fn nothing_here() -> HttpResponse {
    Refused::new(StatusCode::NOT_FOUND, "no_route", "nothing is here").response()
}
