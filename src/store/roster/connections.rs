//! `connections` as people see them: what each asks of its sender, and the rotation of its secrets.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::redact::Secret;
use crate::store::connections::verify_token_digest;

/// A connection, in use or not, without its secrets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConnectionRow {
    /// Its id.
    pub id: Uuid,
    /// The platform.
    pub provider: String,
    /// Its name in the URL; an unguessable one is itself a secret.
    pub slug: String,
    /// The slug of its tenant; `None`: shared.
    pub tenant: Option<String>,
    /// Whether requests that prove nothing are accepted.
    pub allow_unsigned: bool,
    /// Whether the URL is the proof.
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
    /// Secrets that prove a delivery.
    pub live_secrets: i64,
    /// Secrets that no longer do.
    pub expired_secrets: i64,
    /// When a secret proved a delivery for the last time.
    pub secret_used_at: Option<DateTime<Utc>>,
}

/// All connections, also those out of use.
pub async fn list(executor: impl PgExecutor<'_>) -> Result<Vec<ConnectionRow>, sqlx::Error> {
    sqlx::query_file_as!(ConnectionRow, "sql/store/list_connections.sql").fetch_all(executor).await
}

/// The ids of a tenant's connections, or of all.
pub async fn ids_of(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/list_connections_of.sql", tenant_id).fetch_all(executor).await
}

/// A secret of a connection, without what it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SecretRow {
    /// Whose it is.
    pub connection_id: Uuid,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it ends, or ended.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it proved a delivery for the last time.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The secrets of these connections that are good, or were within a week, the newest first.
pub async fn secrets(executor: impl PgExecutor<'_>, connections: &[Uuid]) -> Result<Vec<SecretRow>, sqlx::Error> {
    sqlx::query_file_as!(SecretRow, "sql/store/list_secrets.sql", connections).fetch_all(executor).await
}

/// Gives a connection a further secret. `expire_others`: how long the ones that it has stay good; `None`: for ever.
/// Returns how many those are. Call it within a transaction: it is two statements.
pub async fn add_secret(
    connection: &mut PgConnection,
    connection_id: Uuid,
    secret: &Secret,
    expire_others: Option<Duration>,
) -> Result<u64, sqlx::Error> {
    let mut expired = 0;
    if let Some(wait) = expire_others {
        let wait_ms = wait.as_millis() as f64;
        expired = sqlx::query_file!("sql/store/expire_secrets.sql", connection_id, wait_ms)
            .execute(&mut *connection)
            .await?
            .rows_affected();
    }
    sqlx::query_file!("sql/store/add_secret.sql", connection_id, secret.expose()).execute(connection).await?;
    Ok(expired)
}

/// Gives a connection a verify token, in place of the one it had.
pub async fn set_verify_token(
    executor: impl PgExecutor<'_>,
    connection_id: Uuid,
    token: &Secret,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/set_verify_token.sql", connection_id, verify_token_digest(token))
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
