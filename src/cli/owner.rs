//! Tenants and campaigns by the names that people know.

use sqlx::PgPool;
use uuid::Uuid;

use super::Context;
use crate::access::Scope;
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

/// The command line's scope: of the tenant of this slug, if one is named, else of all.
pub(super) async fn scope(context: &Context, pool: &PgPool, slug: Option<&str>) -> anyhow::Result<Scope> {
    match maybe_tenant(pool, slug).await? {
        Some(tenant_id) => Ok(*context.scope_of(tenant_id)?.scope()),
        None => Ok(context.scope()),
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
