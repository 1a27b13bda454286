//! The tenants that somebody may see.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::access::Scope;

/// Tenants to choose from, at most: they stand in every page. A further one is named.
pub const TENANTS_SHOWN_MAX: usize = 20;

/// A tenant to choose.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct TenantItem {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub time_zone: Option<String>,
}

/// The first of theirs, by slug; one more than are shown says that there are more.
pub async fn list(executor: impl PgExecutor<'_>, scope: &Scope) -> Result<Vec<TenantItem>, sqlx::Error> {
    let limit = TENANTS_SHOWN_MAX as i64 + 1;
    sqlx::query_file_as!(TenantItem, "sql/people/tenants.sql", scope.tenant_id(), limit).fetch_all(executor).await
}

/// The one of this slug, if it is theirs.
pub async fn find(executor: impl PgExecutor<'_>, scope: &Scope, slug: &str) -> Result<Option<TenantItem>, sqlx::Error> {
    sqlx::query_file_as!(TenantItem, "sql/people/tenant.sql", slug, scope.tenant_id()).fetch_optional(executor).await
}
