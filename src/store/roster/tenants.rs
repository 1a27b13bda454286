//! `tenants`: whose everything is.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

/// A tenant, with what belongs to it.
#[derive(Clone, Debug, Serialize)]
pub struct TenantRow {
    /// Its id.
    pub id: Uuid,
    /// Its name in commands and URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The region of its national numbers; `None`: the configured one.
    pub region: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Its connections in use.
    pub connections: i64,
    /// Its numbers.
    pub numbers: i64,
    /// Its agents.
    pub agents: i64,
}

/// All tenants, by slug.
pub async fn list(executor: impl PgExecutor<'_>) -> Result<Vec<TenantRow>, sqlx::Error> {
    sqlx::query_file_as!(TenantRow, "sql/store/list_tenants.sql").fetch_all(executor).await
}

/// The region that a tenant's national numbers are read in, where it has its own.
pub async fn region(executor: impl PgExecutor<'_>, tenant_id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/tenant_region.sql", tenant_id).fetch_one(executor).await
}
