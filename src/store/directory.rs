//! Adding tenants and connections: what `setup` and the CLI write.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::connections::{self, verify_token_digest};
use super::source_tokens::{self, TokenUse};
use crate::crypto::{Keys, purpose, random_letters};
use crate::redact::Secret;

/// A connection to be added.
#[derive(Clone, Debug, Default)]
pub struct NewConnection {
    /// Its tenant; `None`: shared.
    pub tenant_id: Option<Uuid>,
    /// The platform.
    pub provider: String,
    /// Its name in the URL.
    pub slug: String,
    /// Whether webhooks are stored without verification.
    pub allow_unsigned: bool,
    /// Whether a token in the URL verifies; one is added with it.
    pub url_is_secret: bool,
    /// That token, if it is not to be a random one.
    pub url_token: Option<Secret>,
    /// Whether `/webhooks/{provider}` means this one.
    pub is_default: bool,
    /// A static header that must be there.
    pub header: Option<(String, Secret)>,
    /// Addresses and networks that may send.
    pub allowed_addresses: Vec<String>,
    /// The region of its national numbers.
    pub region: Option<String>,
    /// The token that the platform must name when it asks whether the URL is ours.
    pub verify_token: Option<Secret>,
    /// Its secret.
    pub secret: Option<Secret>,
}

/// 32 characters with 160 random bits: for URLs and secrets of ours.
pub fn unguessable() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    random_letters::<32>(ALPHABET)
}

/// Adds a tenant.
pub async fn add_tenant(
    executor: impl PgExecutor<'_>,
    slug: &str,
    name: &str,
    region: Option<&str>,
) -> Result<Uuid, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/add_tenant.sql", slug, name, region).fetch_one(executor).await
}

/// The tenant of this slug.
pub async fn find_tenant(executor: impl PgExecutor<'_>, slug: &str) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/find_tenant.sql", slug).fetch_optional(executor).await
}

/// A connection that was added.
#[derive(Clone, Debug)]
pub struct AddedConnection {
    /// Its id.
    pub id: Uuid,
    /// The token of its URL, shown once.
    pub url_token: Option<Secret>,
}

/// Adds a connection with its secret and the token of its URL. Call it within a transaction: it is several statements.
pub async fn add_connection(
    connection: &mut PgConnection,
    keys: &Keys,
    new: &NewConnection,
) -> Result<AddedConnection, sqlx::Error> {
    let key = keys.digests()?;
    let id = sqlx::query_file_scalar!(
        "sql/store/add_connection.sql",
        new.tenant_id,
        new.provider,
        new.slug,
        new.allow_unsigned,
        new.url_is_secret,
        new.is_default,
        new.header.as_ref().map(|(name, _)| name.as_str()),
        new.header.as_ref().map(|(_, value)| keys.seal(purpose::HEADER_VALUE, value)),
        &new.allowed_addresses,
        new.region.as_deref(),
        new.verify_token.as_ref().map(|token| verify_token_digest(key, token)),
    )
    .fetch_one(&mut *connection)
    .await?;
    if let Some(secret) = &new.secret {
        connections::add_secret(&mut *connection, keys, id, Uuid::now_v7(), secret, None).await?;
    }
    let url_token = match new.url_is_secret {
        true => {
            let given = new.url_token.clone();
            Some(source_tokens::add(connection, key, id, Uuid::now_v7(), TokenUse::Webhook, given, None).await?)
        }
        false => None,
    };
    Ok(AddedConnection { id, url_token })
}

/// The first name that no connection of the platform has yet: `default`, `default-2`, and so on.
pub async fn free_slug(executor: impl PgExecutor<'_>, provider: &str) -> Result<String, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/free_slug.sql", provider).fetch_one(executor).await
}
