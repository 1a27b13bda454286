//! `campaigns`: what a tenant's calls are for.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use uuid::Uuid;

/// A campaign, with what leads to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CampaignRow {
    /// Its id.
    pub id: Uuid,
    /// The slug of its tenant.
    pub tenant: String,
    /// Its name, unique for the tenant.
    pub name: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Numbers whose calls belong to it.
    pub numbers: i64,
    /// Agents whose calls belong to it.
    pub agents: i64,
}

/// Adds a campaign. `None`: the tenant has one of this name.
pub async fn add(executor: impl PgExecutor<'_>, tenant_id: Uuid, name: &str) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/add_campaign.sql", tenant_id, name).fetch_optional(executor).await
}

/// The tenant's campaign of this name.
pub async fn find(executor: impl PgExecutor<'_>, tenant_id: Uuid, name: &str) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/find_campaign.sql", tenant_id, name).fetch_optional(executor).await
}

/// The campaigns of a tenant, or of all.
pub async fn list(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<CampaignRow>, sqlx::Error> {
    sqlx::query_file_as!(CampaignRow, "sql/store/list_campaigns.sql", tenant_id).fetch_all(executor).await
}

/// One campaign, of a tenant or of any.
pub async fn one(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    id: Uuid,
) -> Result<Option<CampaignRow>, sqlx::Error> {
    Ok(list(executor, tenant_id).await?.into_iter().find(|campaign| campaign.id == id))
}

/// Removes a campaign, of a tenant or of any, that no call belongs to and nothing leads to;
/// returns its tenant. `None`: there is none such.
pub async fn remove(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    tenant_id: Option<Uuid>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/remove_campaign.sql", id, tenant_id).fetch_optional(executor).await
}
