//! `connections` as people see them: what each asks of its sender, and the rotation of its secrets.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::crypto::{DigestKey, Keys};
use crate::redact::Secret;
use crate::store::connections::verify_token_digest;
use crate::store::source_tokens::{self, TokenUse};

/// A connection, in use or not, without its secrets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConnectionRow {
    /// Its id.
    pub id: Uuid,
    /// The platform.
    pub provider: String,
    /// Its name; where a token in the URL verifies, the token stands beside it.
    pub slug: String,
    /// The slug of its tenant; `None`: shared.
    pub tenant: Option<String>,
    /// Whether webhooks are stored without verification.
    pub allow_unsigned: bool,
    /// Whether a token in the URL verifies.
    pub url_is_secret: bool,
    /// Whether `/webhooks/{provider}` means this one.
    pub is_default: bool,
    /// The name of the static header that must be there.
    pub header_name: Option<String>,
    /// Whether it can answer a platform that asks whether the URL is ours.
    pub has_verify_token: bool,
    /// Addresses and networks that may send; empty: any.
    pub allowed_addresses: Vec<String>,
    /// The region of its national numbers.
    pub region: Option<String>,
    /// Since when it is out of use.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Secrets that verify a delivery.
    pub live_secrets: i64,
    /// Secrets that no longer do.
    pub expired_secrets: i64,
    /// Tokens of secret URLs that verify a delivery.
    pub url_tokens: i64,
    /// Tokens that verify a live request.
    pub live_tokens: i64,
    /// When a secret or a token verified something for the last time.
    pub secret_used_at: Option<DateTime<Utc>>,
    /// The newest secret has never verified anything, and the one that works ends then.
    pub working_ends_at: Option<DateTime<Utc>>,
    /// Whether it ends then even if the newest has verified nothing by then.
    pub working_ends_unreplaced: Option<bool>,
    /// Whether it has ended so: what the platform sends with it is refused.
    pub working_has_ended: Option<bool>,
}

/// All connections, also those out of use.
pub async fn list(executor: impl PgExecutor<'_>) -> Result<Vec<ConnectionRow>, sqlx::Error> {
    sqlx::query_file_as!(ConnectionRow, "sql/store/list_connections.sql").fetch_all(executor).await
}

/// The ids of a tenant's connections, or of all.
pub async fn ids_of(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/list_connections_of.sql", tenant_id).fetch_all(executor).await
}

/// The tenant of a connection; `None`: it is shared, or there is none such.
pub async fn tenant_of(executor: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    let found = sqlx::query_file_scalar!("sql/store/tenant_of_connection.sql", id).fetch_optional(executor).await?;
    Ok(found.flatten())
}

/// A secret of a connection, without what it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SecretRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub connection_id: Uuid,
    /// `secret`, or the token of a URL (`webhook`) or of live requests (`live`).
    pub usage: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it ends, or ended.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it verified something for the last time.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whether it verifies now: one that works outlives its end until a newer one has verified something.
    pub is_live: bool,
}

/// The secrets of these connections that are good, or were within a week, the newest first.
pub async fn secrets(executor: impl PgExecutor<'_>, connections: &[Uuid]) -> Result<Vec<SecretRow>, sqlx::Error> {
    sqlx::query_file_as!(SecretRow, "sql/store/list_secrets.sql", connections).fetch_all(executor).await
}

/// How long the older secrets or tokens of a connection stay good.
#[derive(Clone, Copy, Debug)]
pub struct Overlap {
    /// So long.
    pub wait: Duration,
    /// They end then even if the new one has verified nothing. Else one that works is kept until the new one works.
    pub even_unreplaced: bool,
}

/// Gives a connection a further secret. Without an overlap the ones that it has stay good for ever. Returns how many end.
/// Call it within a transaction: it is two statements.
pub async fn add_secret(
    connection: &mut PgConnection,
    keys: &Keys,
    connection_id: Uuid,
    id: Uuid,
    secret: &Secret,
    overlap: Option<Overlap>,
) -> Result<u64, sqlx::Error> {
    let mut expired = 0;
    if let Some(Overlap { wait, even_unreplaced }) = overlap {
        let wait_ms = wait.as_millis() as f64;
        expired = sqlx::query_file!("sql/store/expire_secrets.sql", connection_id, wait_ms, even_unreplaced)
            .execute(&mut *connection)
            .await?
            .rows_affected();
    }
    crate::store::connections::add_secret(connection, keys, connection_id, id, secret, None).await?;
    Ok(expired)
}

/// Gives a connection a further token. `None`: it has as many as it may have. Else the token, and how many older ones end.
/// Call it within a transaction: it is several statements.
pub async fn add_token(
    connection: &mut PgConnection,
    key: &DigestKey,
    connection_id: Uuid,
    id: Uuid,
    usage: TokenUse,
    overlap: Option<Overlap>,
) -> Result<Option<(Secret, u64)>, sqlx::Error> {
    let mut expired = 0;
    if let Some(Overlap { wait, even_unreplaced }) = overlap {
        expired = source_tokens::expire(&mut *connection, connection_id, usage, wait, even_unreplaced).await?;
    }
    if !source_tokens::has_room(&mut *connection, connection_id, usage).await? {
        return Ok(None);
    }
    Ok(Some((source_tokens::add(connection, key, connection_id, id, usage, None, None).await?, expired)))
}

/// Gives a connection a verify token, in place of the one it had.
pub async fn set_verify_token(
    executor: impl PgExecutor<'_>,
    key: &DigestKey,
    connection_id: Uuid,
    token: &Secret,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/set_verify_token.sql", connection_id, verify_token_digest(key, token))
        .execute(executor)
        .await?;
    Ok(())
}

/// Takes a connection out of use, or into use again. The door follows within a second.
pub async fn set_disabled(
    executor: impl PgExecutor<'_>,
    connection_id: Uuid,
    disabled: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/set_connection_disabled.sql", connection_id, disabled).execute(executor).await?;
    Ok(())
}
