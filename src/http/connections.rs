//! The connections, kept in memory for a second: proving a webhook costs no query.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::answer::Refused;
use crate::console::address;
use crate::crypto::{DigestKey, Keys};
use crate::db::{self, Link};
use crate::providers::{Credentials, SourceHas, Used};
use crate::redact::{Hidden, Secret};
use crate::store::connections::{self, Connection, Opened};
use crate::store::source_tokens;

/// How old the copy may be: a connection that is added, changed or disabled counts after this long.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// A request for an unknown connection, or one that proves nothing, looks again. All of them together have the connections read
/// for no more than one part in so many of the time, and none waits longer than this for its turn.
const LOOKS_SHARE: u32 = 10;
const LOOKS_PAUSE_MAX: Duration = Duration::from_millis(200);
/// How long a request waits for another look while the database is silent; then the copy is asked as it is.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// Paths that existing integrations use for the default connection.
const ALIASES: &[(&str, &str)] = &[("voicenter", "cdr"), ("bolna", "lifecycle")];

/// A connection as the door uses it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: Uuid,
    pub(super) tenant_id: Option<Uuid>,
    /// Its name, which is no secret.
    pub(super) label: String,
    pub(super) credentials: Credentials,
    /// The digest of the token that a handshake must name.
    pub(super) verify_token_digest: Option<Hidden<Vec<u8>>>,
    allowed: Option<Vec<IpNet>>,
    secret_ids: Vec<Uuid>,
}

#[derive(Debug, Default)]
struct Copy {
    by_slug: HashMap<(String, String), Arc<Known>>,
    /// By the digest of a token that stands in a URL.
    by_token: HashMap<(String, Vec<u8>), Arc<Known>>,
    defaults: HashMap<String, Arc<Known>>,
}

/// The parts of a URL that name a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'r> {
    pub(super) provider: &'r str,
    /// What stands after the platform: a slug, an alias, or a token.
    pub(super) name: Option<&'r str>,
    /// A token behind it.
    pub(super) token: Option<&'r str>,
    /// Tokens of the query.
    pub(super) query_tokens: &'r [Cow<'r, str>],
}

/// A connection, and what of the path may be its token.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) known: Arc<Known>,
    pub(super) path_token: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Lookup {
    Found(Located),
    Unknown,
    /// The connections have never been read: the database is away.
    Unavailable,
}

/// All connections in use.
#[derive(Debug)]
pub struct Connections {
    pool: PgPool,
    link: Link,
    keys: Keys,
    copy: RwLock<Option<Arc<Copy>>>,
    last_read: tokio::sync::Mutex<Option<Read>>,
    opened: tokio::sync::Mutex<Opened>,
    /// Ids of secrets, and of tokens (true).
    used: Mutex<HashSet<(Uuid, bool)>>,
}

/// A read of the connections.
#[derive(Clone, Copy, Debug)]
struct Read {
    began: Instant,
    took: Duration,
}

impl Connections {
    /// Nothing is read yet.
    pub fn new(pool: PgPool, link: Link, keys: Keys) -> Self {
        let last_read = tokio::sync::Mutex::new(None);
        let (opened, used) = (Default::default(), Mutex::default());
        Self { pool, link, keys, copy: RwLock::new(None), last_read, opened, used }
    }

    /// Keeps the copy fresh until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.read_anew(&mut *self.last_read.lock().await).await;
            self.note_used().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(REFRESH_INTERVAL) => {}
            }
        }
        self.note_used().await;
    }

    /// The connection of a URL.
    pub(super) async fn find(&self, target: Target<'_>) -> Lookup {
        if let Some(located) = self.look(target) {
            return Lookup::Found(located);
        }
        self.look_again().await;
        self.held(target)
    }

    /// The same as the copy says, without a look at the database.
    pub(super) fn held(&self, target: Target<'_>) -> Lookup {
        match self.look(target) {
            Some(located) => Lookup::Found(located),
            // It may have been added since; who is told that there is none does not come again.
            None if self.link.is_in_trouble() => Lookup::Unavailable,
            None if self.copy.read().is_ok_and(|copy| copy.is_some()) => Lookup::Unknown,
            None => Lookup::Unavailable,
        }
    }

    /// The same after another look: a secret may be newer than the copy. `None`: nothing newer is known. An error: it could not
    /// be looked at, and a platform that is told that its secret is wrong may not come again.
    pub(super) async fn find_newer(&self, target: Target<'_>, than: &Arc<Known>) -> Result<Option<Located>, Refused> {
        if !self.look_again().await {
            return Err(Refused::unavailable("the secrets cannot be looked at now"));
        }
        Ok(self.look(target).filter(|located| !Arc::ptr_eq(&located.known, than)))
    }

    /// What ids are made with. It is there before any connection is.
    pub(super) fn ids(&self) -> Result<&DigestKey, Refused> {
        self.keys.digests().map_err(|_| Refused::unavailable("the database has not been reached yet"))
    }

    /// Remembers that a secret or a token verified a request.
    pub(super) fn used(&self, known: &Known, used: Used) {
        let id = match used {
            Used::Secret(place) => known.secret_ids.get(place).map(|id| (*id, false)),
            Used::Token(place) => known.credentials.tokens.get(place).map(|token| (token.id, true)),
        };
        if let (Some(id), Ok(mut used)) = (id, self.used.lock()) {
            used.insert(id);
        }
    }

    /// How a token is kept, if the key of digests was loaded.
    pub(super) fn digest(&self, token: &str) -> Option<Vec<u8>> {
        Some(source_tokens::digest(self.keys.digests().ok()?, token))
    }

    /// The same of a verify token.
    pub(super) fn verify_token_digest(&self, token: &Secret) -> Option<Vec<u8>> {
        Some(connections::verify_token_digest(self.keys.digests().ok()?, token))
    }

    /// By name; by alias or by the platform alone the one whose token is named, else the default one; else by the token
    /// that stands in the name's place.
    fn look(&self, target: Target<'_>) -> Option<Located> {
        let copy = self.copy.read().ok()?.clone()?;
        let Target { provider, name, token, query_tokens } = target;
        let by_token = |text: &str| copy.by_token.get(&(provider.to_owned(), self.digest(text)?)).cloned();
        let path_token = token.map(str::to_owned);
        let by_name = name.and_then(|name| copy.by_slug.get(&(provider.to_owned(), name.to_owned())).cloned());
        if let Some(known) = by_name {
            return Some(Located { known, path_token });
        }
        if let Some(name) = name.filter(|name| !ALIASES.contains(&(provider, *name))) {
            return Some(Located { known: by_token(name)?, path_token: Some(name.to_owned()) });
        }
        let tokens = token.into_iter().chain(query_tokens.iter().map(AsRef::as_ref));
        let known = tokens.filter_map(by_token).next().or_else(|| copy.defaults.get(provider).cloned())?;
        Some(Located { known, path_token })
    }

    /// Reads the connections for a request; whether the copy is newer than the request. Those that meet here share one read, and
    /// wait for it: a source that was made in this moment is no unknown one. Where the read takes too long, whoever keeps the
    /// copy fresh goes on with one.
    async fn look_again(&self) -> bool {
        if self.link.is_in_trouble() {
            return false;
        }
        let asked_at = Instant::now();
        let look = async {
            let mut last_read = self.last_read.lock().await;
            if let Some(Read { began, took }) = *last_read {
                if began >= asked_at {
                    return true;
                }
                let pause = (took * LOOKS_SHARE).min(LOOKS_PAUSE_MAX);
                tokio::time::sleep(pause.saturating_sub(began.elapsed())).await;
            }
            self.read_anew(&mut last_read).await
        };
        tokio::time::timeout(LOOK_TIMEOUT, look).await.unwrap_or(false)
    }

    /// Reads the connections; whether that was possible.
    async fn read_anew(&self, last_read: &mut Option<Read>) -> bool {
        let began = Instant::now();
        match self.link.watched_for(LOOK_TIMEOUT, self.read()).await {
            Ok(all) => {
                *last_read = Some(Read { began, took: began.elapsed() });
                if let Ok(mut copy) = self.copy.write() {
                    *copy = Some(Arc::new(Copy::of(all)));
                }
                true
            }
            Err(error) => {
                tracing::warn!(error = %db::describe(&error), "connections could not be read");
                false
            }
        }
    }

    /// Nothing can be received before the key of ids was loaded.
    async fn read(&self) -> Result<Vec<Connection>, sqlx::Error> {
        self.keys.load(&self.pool).await?;
        connections::all_opened(&self.pool, &self.keys, &mut *self.opened.lock().await).await
    }

    async fn note_used(&self) {
        let used: Vec<(Uuid, bool)> = match self.used.lock() {
            Ok(mut used) => used.drain().collect(),
            Err(_) => return,
        };
        let of = |is_token: bool| -> Vec<Uuid> {
            used.iter().filter(|(_, token)| *token == is_token).map(|(id, _)| *id).collect()
        };
        let (secrets, tokens) = (of(false), of(true));
        let noted = self.link.watched_for(LOOK_TIMEOUT, async {
            if !secrets.is_empty() {
                connections::touch_secrets(&self.pool, &secrets).await?;
            }
            if !tokens.is_empty() {
                source_tokens::touch(&self.pool, &tokens).await?;
            }
            Ok(())
        });
        if let Err(error) = noted.await {
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
            for token in &known.credentials.tokens {
                copy.by_token.insert((provider.clone(), token.digest.expose().clone()), Arc::clone(&known));
            }
            copy.by_slug.insert((provider, slug), known);
        }
        copy
    }
}

impl Known {
    /// What the table of verification is asked with.
    pub(super) fn has(&self) -> SourceHas {
        SourceHas {
            verify_token: self.verify_token_digest.is_some(),
            addresses: self.allowed.is_some(),
            ..self.credentials.has()
        }
    }

    /// Whether this address may send.
    pub(super) fn admits(&self, address: Option<IpAddr>) -> bool {
        match (&self.allowed, address) {
            (None, _) => true,
            (Some(allowed), Some(address)) => address::is_within(address, allowed),
            (Some(_), None) => false,
        }
    }

    fn of(connection: Connection) -> Self {
        let allowed = (!connection.allowed_addresses.is_empty())
            .then(|| connection.allowed_addresses.iter().filter_map(|text| address::parse(text)).collect());
        let (secret_ids, secrets) = connection.secrets.into_iter().unzip();
        Self {
            id: connection.id,
            tenant_id: connection.tenant_id,
            label: connection.slug,
            credentials: Credentials {
                secrets,
                header: connection.header,
                url_is_secret: connection.url_is_secret,
                tokens: connection.tokens,
                allow_unsigned: connection.allow_unsigned,
            },
            verify_token_digest: connection.verify_token_digest,
            allowed,
            secret_ids,
        }
    }
}

/// The beginning of a name that is none of ours: it may be a token that has ended, or was mistyped.
pub(super) fn shown(slug: &str) -> String {
    let head: String = slug.chars().take(4).collect();
    format!("{head}…")
}
