//! `api_tokens` as people see them: never the token itself, which is not kept.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use uuid::Uuid;

/// A token.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenRow {
    /// Its id.
    pub id: Uuid,
    /// The slug of the one tenant that it may see; `None`: all.
    pub tenant: Option<String>,
    /// viewer, agent, operator or admin.
    pub role: String,
    /// What people call it.
    pub label: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends, or ended.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The tokens that are good, or all that ever were.
pub async fn list(executor: impl PgExecutor<'_>, with_expired: bool) -> Result<Vec<TokenRow>, sqlx::Error> {
    sqlx::query_file_as!(TokenRow, "sql/store/list_tokens.sql", with_expired).fetch_all(executor).await
}

/// The tokens of a tenant, or all.
pub async fn list_of(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    with_expired: bool,
) -> Result<Vec<TokenRow>, sqlx::Error> {
    sqlx::query_file_as!(TokenRow, "sql/store/list_tokens_of.sql", tenant_id, with_expired).fetch_all(executor).await
}

/// A token that was ended.
#[derive(Debug)]
pub struct Ended {
    /// What people called it.
    pub label: String,
    /// The one tenant that it saw.
    pub tenant_id: Option<Uuid>,
}

/// Ends a token of a tenant, or of any. `None`: there is none, or it has ended.
pub async fn revoke(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    tenant_id: Option<Uuid>,
) -> Result<Option<Ended>, sqlx::Error> {
    sqlx::query_file_as!(Ended, "sql/store/revoke_token.sql", id, tenant_id).fetch_optional(executor).await
}

/// A token that is in use and ends soon.
#[derive(Debug)]
pub struct Ending {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub label: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// The tokens that are in use and end within so many days.
pub async fn ending(executor: impl PgExecutor<'_>, days: u16) -> Result<Vec<Ending>, sqlx::Error> {
    sqlx::query_file_as!(Ending, "sql/store/tokens_that_end.sql", f64::from(days)).fetch_all(executor).await
}
