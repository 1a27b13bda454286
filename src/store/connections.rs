//! `connections` and their secrets, as the door needs them.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::directory::unguessable;
use super::source_tokens::{SourceToken, TokenUse};
use crate::crypto::{DigestKey, Keys, OpenError, purpose};
use crate::redact::{Hidden, Secret};

/// A sender of one tenant, or a shared one.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// Its tenant; `None`: shared.
    pub tenant_id: Option<Uuid>,
    /// The platform.
    pub provider: String,
    /// Its name in the URL.
    pub slug: String,
    /// Whether webhooks are stored without verification.
    pub allow_unsigned: bool,
    /// Whether a token in the URL verifies.
    pub url_is_secret: bool,
    /// Whether `/webhooks/{provider}` means this one.
    pub is_default: bool,
    /// A static header that must be there.
    pub header: Option<(String, Secret)>,
    /// Whether a secret or the header cannot be opened: nothing is equal to what stands in its place.
    pub is_damaged: bool,
    /// The digest of the token that a platform must name when it asks whether the URL is ours.
    pub verify_token_digest: Option<Hidden<Vec<u8>>>,
    /// Addresses and networks that may send; empty: any.
    pub allowed_addresses: Vec<String>,
    /// Live secrets, the newest first.
    pub secrets: Vec<(Uuid, Secret)>,
    /// Live tokens, the newest first.
    pub tokens: Vec<SourceToken>,
}

/// Secrets that were opened, by what they are sealed as: asked every second, only what is new is opened again.
#[derive(Debug, Default)]
pub struct Opened(HashMap<String, Secret>);

/// All connections in use.
pub async fn all(pool: &PgPool, keys: &Keys) -> Result<Vec<Connection>, sqlx::Error> {
    all_opened(pool, keys, &mut Opened::default()).await
}

/// The same, with what was opened before.
pub async fn all_opened(pool: &PgPool, keys: &Keys, opened: &mut Opened) -> Result<Vec<Connection>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/store/connections.sql").fetch_all(pool).await?;
    let mut opener = Opener { keys, before: opened, now: HashMap::new() };
    let mut connections = Vec::with_capacity(rows.len());
    for row in rows {
        let mut is_damaged = false;
        let header = match row.header_name.zip(row.header_value) {
            // One that cannot be opened must not be left out: without it anybody could send. Nothing is equal to it.
            Some((name, value)) => {
                let value = opener.open(row.id, purpose::HEADER_VALUE, value)?;
                is_damaged |= value.is_none();
                Some((name, value.unwrap_or_else(|| Secret::new(unguessable()))))
            }
            None => None,
        };
        let mut secrets = Vec::with_capacity(row.secrets.len());
        for (id, sealed) in row.secret_ids.into_iter().zip(row.secrets) {
            // Left out, a source with this secret alone would ask for something weaker.
            let secret = opener.open(row.id, purpose::CONNECTION_SECRET, sealed)?;
            is_damaged |= secret.is_none();
            secrets.push((id, secret.unwrap_or_else(|| Secret::new(unguessable()))));
        }
        connections.push(Connection {
            id: row.id,
            tenant_id: row.tenant_id,
            provider: row.provider,
            slug: row.slug,
            allow_unsigned: row.allow_unsigned,
            url_is_secret: row.url_is_secret,
            is_default: row.is_default,
            header,
            is_damaged,
            verify_token_digest: row.verify_token_digest.map(Hidden::new),
            allowed_addresses: row.allowed_addresses,
            secrets,
            tokens: row
                .token_ids
                .into_iter()
                .zip(row.token_usages)
                .zip(row.token_digests)
                .map(|((id, usage), digest)| SourceToken {
                    id,
                    usage: TokenUse::read(&usage),
                    digest: Hidden::new(digest),
                })
                .collect(),
        });
    }
    opened.0 = opener.now;
    Ok(connections)
}

struct Opener<'a> {
    keys: &'a Keys,
    before: &'a mut Opened,
    now: HashMap<String, Secret>,
}

impl Opener<'_> {
    /// `None`: it is damaged, which is this connection's trouble alone. A key that is not there is everybody's.
    fn open(&mut self, id: Uuid, purpose: &'static str, sealed: String) -> Result<Option<Secret>, sqlx::Error> {
        let secret = match self.before.0.remove(&sealed) {
            Some(secret) => secret,
            None => match self.keys.open_or_clear(purpose, &sealed) {
                Ok(secret) => secret,
                Err(error @ OpenError::UnknownKey(_)) => return Err(self.keys.wrong(error).into()),
                Err(error) => {
                    tracing::error!(connection_id = %id, purpose, %error, "a secret cannot be opened");
                    return Ok(None);
                }
            },
        };
        self.now.insert(sealed, secret.clone());
        Ok(Some(secret))
    }
}

/// What the digests of verify tokens are made for.
const VERIFY_TOKEN: &str = "connections.verify_token_digest";

/// How a verify token is kept. The token itself is needed by the person who types it into the platform's form, once.
pub fn verify_token_digest(key: &DigestKey, token: &Secret) -> Vec<u8> {
    key.digest(VERIFY_TOKEN, token.expose()).to_vec()
}

/// Gives a connection a further secret. `ends_after`: a temporary one.
pub async fn add_secret(
    executor: impl PgExecutor<'_>,
    keys: &Keys,
    connection_id: Uuid,
    id: Uuid,
    secret: &Secret,
    ends_after: Option<Duration>,
) -> Result<(), sqlx::Error> {
    let ends_after_ms = ends_after.map(|wait| wait.as_millis() as f64);
    let sealed = keys.seal(purpose::CONNECTION_SECRET, secret);
    sqlx::query_file!("sql/store/add_secret.sql", id, connection_id, sealed, ends_after_ms).execute(executor).await?;
    Ok(())
}

/// Notes that these secrets are in use, so that a rotation can be finished safely.
pub async fn touch_secrets(pool: &PgPool, secret_ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/touch_secrets.sql", secret_ids).execute(pool).await?;
    Ok(())
}
