//! Adding tenants and connections: what `setup` and the CLI write.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::connections::verify_token_digest;
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
    /// Whether requests that prove nothing are accepted.
    pub allow_unsigned: bool,
    /// Whether the URL is the proof.
    pub url_is_secret: bool,
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
    let bytes: [u8; 32] = rand::random();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
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

/// Adds a connection and its secret. Call it within a transaction: it is two statements.
pub async fn add_connection(connection: &mut PgConnection, new: &NewConnection) -> Result<Uuid, sqlx::Error> {
    let id = sqlx::query_file_scalar!(
        "sql/store/add_connection.sql",
        new.tenant_id,
        new.provider,
        new.slug,
        new.allow_unsigned,
        new.url_is_secret,
        new.is_default,
        new.header.as_ref().map(|(name, _)| name.as_str()),
        new.header.as_ref().map(|(_, value)| value.expose()),
        &new.allowed_addresses,
        new.region.as_deref(),
        new.verify_token.as_ref().map(verify_token_digest),
    )
    .fetch_one(&mut *connection)
    .await?;
    if let Some(secret) = &new.secret {
        sqlx::query_file!("sql/store/add_secret.sql", id, secret.expose()).execute(connection).await?;
    }
    Ok(id)
}
