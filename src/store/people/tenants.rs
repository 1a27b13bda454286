//! The tenants that somebody may see.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::access::Scope;

/// Tenants to choose from, at most: they stand in every page.
const TENANTS_MAX: i64 = 200;

/// A tenant to choose.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct TenantItem {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub time_zone: Option<String>,
}

/// Theirs, by slug.
pub async fn list(executor: impl PgExecutor<'_>, scope: &Scope) -> Result<Vec<TenantItem>, sqlx::Error> {
    sqlx::query_file_as!(TenantItem, "sql/people/tenants.sql", scope.tenant_id(), TENANTS_MAX).fetch_all(executor).await
}
