//! Tenants and campaigns by the names that people know.

use sqlx::PgPool;
use uuid::Uuid;

use crate::store::directory;
use crate::store::roster::campaigns;

/// The tenant of this slug.
pub(super) async fn tenant(pool: &PgPool, slug: &str) -> anyhow::Result<Uuid> {
    match directory::find_tenant(pool, slug).await? {
        Some(id) => Ok(id),
        None => anyhow::bail!("there is no tenant {slug}: see `switchhook tenant list`"),
    }
}

/// The tenant of this slug, if one is named.
pub(super) async fn maybe_tenant(pool: &PgPool, slug: Option<&str>) -> anyhow::Result<Option<Uuid>> {
    match slug {
        Some(slug) => Ok(Some(tenant(pool, slug).await?)),
        None => Ok(None),
    }
}

/// The tenant's campaign of this name, if one is named.
pub(super) async fn maybe_campaign(pool: &PgPool, tenant_id: Uuid, name: Option<&str>) -> anyhow::Result<Option<Uuid>> {
    let Some(name) = name else { return Ok(None) };
    match campaigns::find(pool, tenant_id, name).await? {
        Some(id) => Ok(Some(id)),
        None => anyhow::bail!("the tenant has no campaign {name}: add it with `switchhook campaign add`"),
    }
}
