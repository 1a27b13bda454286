//! Who may come in, for the API and the pages: tokens, logging in, sessions, CSRF, limits, headers. What comes out is a
//! scope (`crate::access`), without which nobody reads a row of people.

pub mod account;
pub mod address;
mod attempts;
mod browser;
mod cookie;
pub mod cursor;
mod entry;
mod headers;
pub(crate) mod limits;
pub mod oidc;
pub mod password;
mod pending;
mod proxy;
mod reading;
pub(crate) mod route;
pub mod second_factor;
mod settings;
mod sign_in;
mod sound;
mod trail;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use ipnet::IpNet;
use sqlx::PgPool;

use crate::clock::Clock;
use crate::crypto::Keys;
use crate::db::{self, Link, Standby};

use password::Hasher;

pub use entry::{Denied, Entry};
pub use headers::{baseline, protect, protect_page};
pub use limits::Limits;
pub use oidc::Oidc;
pub use pending::{Begun, Pending};
pub use reading::{READ_LAG, Reading};
pub(crate) use reading::{ReadFrom, call};
pub use route::Route;
pub use settings::Settings;
pub use sign_in::{Credentials, SignedIn, SignedOut};

/// How long a request waits for a connection: then somebody hears that others ask just now, and asks again.
const CONNECTION_WAIT: Duration = Duration::from_secs(2);

/// Everything that guards the API and the pages. A clone is the same guards.
#[derive(Clone, Debug)]
pub struct Console {
    pub(crate) settings: Settings,
    pub(crate) pool: PgPool,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    pub(crate) base_url: String,
    time_zone: String,
    whatsapp_sender: String,
    trusted_proxies: Vec<IpNet>,
    limits: Arc<Limits>,
    hasher: Arc<Hasher>,
    lanes: Arc<attempts::Lanes>,
    failures: Arc<trail::Failures>,
    proxies: Arc<proxy::Proxies>,
    oidc: Option<Arc<Oidc>>,
    /// The same console for requests that only look, over a standby.
    reading: Option<Data<Self>>,
    /// The standby that this one reads from.
    standby: Option<Standby>,
}

impl Console {
    /// Guards over this database, by connections of their own: whatever people ask for, the door keeps its own.
    /// `base_url`: the URL that people and platforms reach us by.
    pub fn new(
        settings: Settings,
        main: &PgPool,
        link: &Link,
        keys: Keys,
        clock: Clock,
        base_url: String,
        trusted_proxies: Vec<IpNet>,
    ) -> Self {
        let (connections, longest) = (settings.connections, settings.statement_timeout);
        let pool = db::beside(main, link, "switchhook console", connections, CONNECTION_WAIT, longest);
        let limits = Arc::new(Limits::new(settings.requests_per_minute));
        let time_zone = "UTC".to_owned();
        let (whatsapp_sender, hasher) = (String::new(), Arc::default());
        Self {
            settings,
            pool,
            keys,
            clock,
            base_url,
            time_zone,
            whatsapp_sender,
            trusted_proxies,
            limits,
            hasher,
            lanes: Arc::default(),
            failures: Arc::default(),
            proxies: Arc::default(),
            oidc: None,
            reading: None,
            standby: None,
        }
    }

    /// With the identity provider that people may sign in with.
    #[must_use]
    pub fn signing_in_with(self, oidc: Option<Oidc>) -> Self {
        Self { oidc: oidc.map(Arc::new), ..self }
    }

    /// The identity provider that people may sign in with; `None`: none is configured.
    pub fn oidc(&self) -> Option<&Oidc> {
        self.oidc.as_deref()
    }

    /// Whether people may sign in with a password.
    pub fn takes_passwords(&self) -> bool {
        self.oidc().is_none_or(Oidc::takes_passwords)
    }

    /// With the time zone of tenants that have none of their own.
    #[must_use]
    pub fn in_time_zone(self, time_zone: String) -> Self {
        Self { time_zone, ..self }
    }

    /// The time zone of tenants that have none of their own.
    pub fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// With the WhatsApp phone_number_id of tenants and numbers that have none of their own.
    #[must_use]
    pub fn writing_from(self, whatsapp_sender: String) -> Self {
        Self { whatsapp_sender, ..self }
    }

    /// The WhatsApp phone_number_id of tenants and numbers that have none of their own; empty: none is configured.
    pub fn whatsapp_sender(&self) -> &str {
        &self.whatsapp_sender
    }

    /// What secrets are sealed under, and ids and digests are made with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What passwords are hashed with.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The time.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    /// Whether `/metrics` is for everybody.
    pub fn has_open_metrics(&self) -> bool {
        self.settings.open_metrics
    }

    /// Whether the request came over TLS, so that its cookies may be kept to that.
    fn is_https(&self, request: &actix_web::HttpRequest) -> bool {
        self.base_url.starts_with("https://") || address::is_https(request, &self.trusted_proxies)
    }

    fn session_longest(&self) -> Duration {
        self.settings.session_longest
    }
}
