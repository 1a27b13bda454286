//! The server: routes, limits, and how it starts and stops.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse};
use sqlx::PgPool;

use super::answer::Refused;
use super::budgets::{Account, Budgets, Class};
use super::connections::{Lookup, Target};
use super::descriptors::Descriptors;
use super::health::Health;
use super::networks::{Networks, Standing, Suspect};
use super::sockets::Sockets;
use super::watch::{verified, watch};
use super::{Committer, Connections, Rejections, Settings, entrance, health, questions, webhooks};
use crate::clock::Clock;
use crate::console::limits::Window;
use crate::console::{self, address};
use crate::db::Link;
use crate::live::Live;
use crate::spool::Spool;
use crate::telemetry::Metrics;

/// Of the sockets that there may be, an address of its own for the pages and the API gets one in so many.
const CONSOLE_SHARE: usize = 4;

/// Lines of the log in a minute for refusals of one kind: a flood of them must not fill the disk.
const REFUSALS_LOGGED_PER_MINUTE: u32 = 60;

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
    pub(super) connections: Arc<Connections>,
    pub(super) committer: Committer,
    pub(super) rejections: Rejections,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) draining: Draining,
    pub(super) live: Option<Arc<Live>>,
    pub(super) health: Health,
    pub(super) spool: Option<Spool>,
    pub(super) networks: Arc<Networks>,
    budgets: Arc<Budgets>,
    refusals: Window<&'static str>,
}

impl Door {
    /// A door with these parts.
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own, named at the one place that calls this")]
    pub fn new(
        settings: Settings,
        pool: PgPool,
        link: Link,
        connections: Arc<Connections>,
        committer: Committer,
        rejections: Rejections,
        metrics: Arc<Metrics>,
        clock: Clock,
        draining: Draining,
    ) -> Self {
        let networks = Arc::new(Networks::new(settings.unproven_per_minute));
        let budgets = Budgets::new(settings.in_flight_bytes_max);
        Self {
            settings,
            connections,
            committer,
            rejections,
            metrics,
            clock,
            draining,
            live: None,
            health: Health::new(&pool, link),
            spool: None,
            networks,
            budgets,
            refusals: Window::default(),
        }
    }

    /// A door that answers questions. Without, they are stored and acknowledged, and the agent takes the call as it is
    /// configured.
    pub fn answering(self, live: Arc<Live>) -> Self {
        Self { live: Some(live), ..self }
    }

    /// A door whose webhooks are kept while the database cannot take them.
    pub fn spooling(self, spool: Option<Spool>) -> Self {
        Self { spool, ..self }
    }

    /// The networks that this door knows: other addresses of the program count for the same.
    pub fn networks(&self) -> Arc<Networks> {
        Arc::clone(&self.networks)
    }

    /// Counts an unverified request: it is told why it is refused, or, where its network sends too many, that.
    pub(super) fn unproven(&self, address: Option<IpAddr>, refused: Refused) -> Refused {
        self.count(address, 0, refused)
    }

    /// The same, with so many bytes that were read for nothing.
    pub(super) fn count(&self, address: Option<IpAddr>, bytes: usize, refused: Refused) -> Refused {
        if refused.is_counted {
            return refused;
        }
        match self.networks.count(address, bytes, self.clock.now()) {
            None => Refused { is_counted: true, ..refused },
            Some(seconds) => Refused::too_many(seconds),
        }
    }

    /// Whether one more refusal of this kind has a line in the log in this minute. All are in the metrics, and the sums in
    /// `rejections`.
    pub(super) fn may_log(&self, label: &'static str) -> bool {
        self.refusals.count(label, REFUSALS_LOGGED_PER_MINUTE, self.clock.now()).is_none()
    }

    /// How long a body waits for memory: no longer than somebody waits for the answer.
    pub(super) fn patience(&self, class: Class) -> Duration {
        let patience = self.settings.answer_timeout;
        let live = self.live.as_ref().filter(|_| class == Class::Live);
        live.map_or(patience, |live| patience.min(live.caller_timeout()))
    }

    /// Whether a network sends too much that is not verified.
    pub(super) fn is_over(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_over(address, self.clock.now()).is_some()
    }

    /// The connection of a URL. A network that asks for too much that there is not costs the database nothing.
    pub(super) async fn look_up(&self, address: Option<IpAddr>, target: Target<'_>) -> Lookup {
        match self.is_over(address).then(|| self.connections.held(target)) {
            Some(held @ (Lookup::Found(_) | Lookup::Unknown)) => held,
            Some(Lookup::Unavailable) | None => self.connections.find(target).await,
        }
    }

    /// How far a network is trusted by a source.
    pub(super) fn standing(&self, source_id: uuid::Uuid, address: Option<IpAddr>) -> Standing {
        self.networks.standing(source_id, address, self.clock.now())
    }

    /// Lets a request be looked at. Of a network over its limit few are at once; the others come again.
    pub(super) fn look_at(&self, standing: Standing, address: Option<IpAddr>) -> Result<Option<Suspect<'_>>, Refused> {
        match (standing, address) {
            (Standing::Suspect, Some(address)) => {
                let busy = || Refused::overloaded("this network sends too much that is not verified");
                self.networks.suspect(address).map(Some).ok_or_else(busy)
            }
            _ => Ok(None),
        }
    }

    /// An account for the memory that a request takes.
    pub(super) fn account(&self, class: Class, address: Option<IpAddr>, standing: Standing) -> Account {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.budgets.open(class, address::network(address), standing)
    }

    /// A request to this source has verified.
    pub(super) fn verified(&self, request: &HttpRequest, source_id: uuid::Uuid, address: Option<IpAddr>) {
        self.networks.verified(source_id, address, self.clock.now());
        verified(request);
    }
}

/// The routes of the door.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(health::metrics))
        .route("/webhooks/{provider}", web::route().to(webhooks::receive))
        .route("/webhooks/{provider}/{connection}", web::route().to(webhooks::receive));
    // Behind a connection's name its token may stand, where the name is not the token itself.
    for source in ["/webhooks/{provider}/{connection}", "/webhooks/{provider}/{connection}/{token}"] {
        config
            .route(&format!("{source}/inbound"), web::route().to(questions::inbound))
            .route(&format!("{source}/functions"), web::route().to(questions::functions))
            .route(&format!("{source}/function"), web::route().to(questions::function))
            .route(&format!("{source}/function/{{function}}"), web::route().to(questions::function));
    }
    config.route("/webhooks/{provider}/{connection}/{token}", web::route().to(webhooks::receive));
}

/// Starts the server on a socket that is already open. `more` adds the routes of other rooms.
pub fn start(
    listener: TcpListener,
    door: Door,
    more: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let (settings, networks, clock) = (door.settings.clone(), door.networks(), door.clock.clone());
    let sockets = Sockets::new(&settings, sockets_max(&settings), networks, clock);
    let (budgets, link) = (Data::from(Arc::clone(&door.budgets)), Data::new(door.health.link.clone()));
    let (door, base_url) = (Data::new(door), settings.base_url());
    entrance::serve(listener, &settings, settings.threads, sockets, move || {
        App::new()
            .wrap(from_fn(watch))
            .wrap(console::baseline(&base_url))
            .app_data(budgets.clone())
            .app_data(link.clone())
            .app_data(door.clone())
            .configure(routes)
            .configure(more.clone())
            .default_service(web::to(nothing_here))
    })
}

/// Starts the pages and the API on an address of their own; networks are counted with those of the door.
pub fn start_console(
    listener: TcpListener,
    settings: &Settings,
    networks: Arc<Networks>,
    link: Link,
    clock: Clock,
    more: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let all = sockets_max(settings) / CONSOLE_SHARE;
    let sockets = Sockets::new(settings, all, Arc::clone(&networks), clock.clone());
    let budgets = Data::from(Budgets::new(settings.in_flight_bytes_max));
    let link = Data::new(link);
    let strangers = Data::new(Strangers { networks, clock, trusted_proxies: settings.trusted_proxies.clone() });
    let base_url = settings.base_url();
    entrance::serve(listener, settings, 1, sockets, move || {
        App::new()
            .wrap(from_fn(watch))
            .wrap(console::baseline(&base_url))
            .app_data(budgets.clone())
            .app_data(link.clone())
            .app_data(strangers.clone())
            .configure(more.clone())
            .default_service(web::to(nothing_here_either))
    })
}

/// Sockets that may be open at once.
fn sockets_max(settings: &Settings) -> usize {
    let possible = Descriptors::look().map_or_else(Descriptors::sockets_max, |found| Descriptors::sockets(found.soft));
    match settings.sockets_max {
        0 => possible,
        wanted => wanted,
    }
}

/// What counts strangers where there is no door.
struct Strangers {
    networks: Arc<Networks>,
    clock: Clock,
    trusted_proxies: Vec<ipnet::IpNet>,
}

async fn nothing_here(request: HttpRequest, door: Data<Door>) -> HttpResponse {
    let address = address::sender(&request, &door.settings.trusted_proxies);
    door.unproven(address, no_route()).response()
}

async fn nothing_here_either(request: HttpRequest, strangers: Data<Strangers>) -> HttpResponse {
    let address = address::sender(&request, &strangers.trusted_proxies);
    match strangers.networks.count(address, 0, strangers.clock.now()) {
        None => no_route().response(),
        Some(seconds) => Refused::too_many(seconds).response(),
    }
}

fn no_route() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "no_route", "nothing is here")
}
