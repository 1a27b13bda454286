//! The connections, kept in memory for a second: proving a webhook costs no query.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::console::address;
use crate::crypto::Keys;
use crate::db;
use crate::providers::Credentials;
use crate::redact::Hidden;
use crate::store::connections::{self, Connection};

/// How old the copy may be: a connection that is added, changed or disabled counts after this long.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// A request for an unknown connection, or one that proves nothing, looks again, but no more often than this.
const MISS_INTERVAL: Duration = Duration::from_millis(200);
/// Paths that existing integrations use for the default connection.
const ALIASES: &[(&str, &str)] = &[("voicenter", "cdr"), ("bolna", "lifecycle")];

/// A connection as the door uses it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: Uuid,
    pub(super) tenant_id: Option<Uuid>,
    /// What may be written down of its name: an unguessable one is a secret.
    pub(super) label: String,
    pub(super) credentials: Credentials,
    /// The SHA-256 of the token that a handshake must name.
    pub(super) verify_token_digest: Option<Hidden<Vec<u8>>>,
    pub(super) allowed: Option<Vec<IpNet>>,
    secret_ids: Vec<Uuid>,
}

#[derive(Debug, Default)]
struct Copy {
    by_slug: HashMap<(String, String), Arc<Known>>,
    defaults: HashMap<String, Arc<Known>>,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Lookup {
    Found(Arc<Known>),
    Unknown,
    /// The connections have never been read: the database is away.
    Unavailable,
}

/// All connections in use.
#[derive(Debug)]
pub struct Connections {
    pool: PgPool,
    keys: Keys,
    copy: RwLock<Option<Arc<Copy>>>,
    last_read: tokio::sync::Mutex<Option<Instant>>,
    used_secrets: Mutex<HashSet<Uuid>>,
}

impl Connections {
    /// Nothing is read yet.
    pub fn new(pool: PgPool, keys: Keys) -> Self {
        let last_read = tokio::sync::Mutex::new(None);
        Self { pool, keys, copy: RwLock::new(None), last_read, used_secrets: Mutex::default() }
    }

    /// Keeps the copy fresh until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.refresh(Duration::ZERO).await;
            self.note_used_secrets().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(REFRESH_INTERVAL) => {}
            }
        }
        self.note_used_secrets().await;
    }

    /// The connection of a URL; without a slug, the platform's default one.
    pub(super) async fn find(&self, provider: &str, slug: Option<&str>) -> Lookup {
        if let Some(known) = self.look(provider, slug) {
            return Lookup::Found(known);
        }
        self.refresh(MISS_INTERVAL).await;
        self.held(provider, slug)
    }

    /// The same as the copy says, without a look at the database.
    pub(super) fn held(&self, provider: &str, slug: Option<&str>) -> Lookup {
        match self.look(provider, slug) {
            Some(known) => Lookup::Found(known),
            None if self.copy.read().is_ok_and(|copy| copy.is_some()) => Lookup::Unknown,
            None => Lookup::Unavailable,
        }
    }

    /// The same after another look: a secret may be newer than the copy. `None`: nothing newer is known.
    pub(super) async fn find_newer(&self, provider: &str, slug: Option<&str>, than: &Arc<Known>) -> Option<Arc<Known>> {
        self.refresh(MISS_INTERVAL).await;
        self.look(provider, slug).filter(|known| !Arc::ptr_eq(known, than))
    }

    /// Remembers that a secret proved a delivery.
    pub(super) fn used(&self, known: &Known, place: usize) {
        if let (Some(id), Ok(mut used)) = (known.secret_ids.get(place), self.used_secrets.lock()) {
            used.insert(*id);
        }
    }

    fn look(&self, provider: &str, slug: Option<&str>) -> Option<Arc<Known>> {
        let copy = self.copy.read().ok()?.clone()?;
        let default = || copy.defaults.get(provider).cloned();
        match slug {
            None => default(),
            Some(slug) => copy
                .by_slug
                .get(&(provider.to_owned(), slug.to_owned()))
                .cloned()
                .or_else(|| ALIASES.contains(&(provider, slug)).then(default).flatten()),
        }
    }

    /// Reads the connections, unless that was done less than `interval` ago. Requests that meet here share one read.
    async fn refresh(&self, interval: Duration) {
        let mut last_read = self.last_read.lock().await;
        if last_read.is_some_and(|last_read| last_read.elapsed() < interval) {
            return;
        }
        match self.read().await {
            Ok(all) => {
                *last_read = Some(Instant::now());
                if let Ok(mut copy) = self.copy.write() {
                    *copy = Some(Arc::new(Copy::of(all)));
                }
            }
            Err(error) => tracing::warn!(error = %db::describe(&error), "connections could not be read"),
        }
    }

    /// Nothing can be received before the key of ids was loaded.
    async fn read(&self) -> Result<Vec<Connection>, sqlx::Error> {
        self.keys.load(&self.pool).await?;
        connections::all(&self.pool).await
    }

    async fn note_used_secrets(&self) {
        let used: Vec<Uuid> = match self.used_secrets.lock() {
            Ok(mut used) => used.drain().collect(),
            Err(_) => return,
        };
        if used.is_empty() {
            return;
        }
        if let Err(error) = connections::touch_secrets(&self.pool, &used).await {
            tracing::warn!(error = %db::describe(&error), "the use of secrets could not be noted");
        }
    }
}

impl Copy {
    fn of(all: Vec<Connection>) -> Self {
        let mut copy = Self::default();
        for connection in all {
            let (provider, slug, is_default) =
                (connection.provider.clone(), connection.slug.clone(), connection.is_default);
            let known = Arc::new(Known::of(connection));
            // The one that is marked as default wins over the one that is merely called so.
            if is_default || (slug == "default" && !copy.defaults.contains_key(&provider)) {
                copy.defaults.insert(provider.clone(), Arc::clone(&known));
            }
            copy.by_slug.insert((provider, slug), known);
        }
        copy
    }
}

impl Known {
    fn of(connection: Connection) -> Self {
        let allowed = (!connection.allowed_addresses.is_empty())
            .then(|| connection.allowed_addresses.iter().filter_map(|text| address::parse(text)).collect());
        let (secret_ids, secrets) = connection.secrets.into_iter().unzip();
        Self {
            id: connection.id,
            tenant_id: connection.tenant_id,
            label: if connection.url_is_secret { shown(&connection.slug) } else { connection.slug },
            credentials: Credentials {
                secrets,
                header: connection.header,
                url_is_secret: connection.url_is_secret,
                allow_unsigned: connection.allow_unsigned,
            },
            verify_token_digest: connection.verify_token_digest,
            allowed,
            secret_ids,
        }
    }
}

/// The beginning of a name that may be a secret.
pub(super) fn shown(slug: &str) -> String {
    let head: String = slug.chars().take(4).collect();
    format!("{head}…")
}
