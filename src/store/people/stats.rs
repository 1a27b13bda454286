//! Calls in numbers.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::access::TenantScope;

/// A tenant's calls since some time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct CallStats {
    pub calls: i64,
    pub inbound: i64,
    pub outbound: i64,
    pub missed: i64,
    pub answered: i64,
    pub converted: i64,
    pub unattributed: i64,
    pub needs_review: i64,
}

/// Counts a tenant's calls since then.
pub async fn calls_since(
    connection: &mut PgConnection,
    scope: &TenantScope,
    since: DateTime<Utc>,
) -> Result<CallStats, sqlx::Error> {
    sqlx::query_file_as!(CallStats, "sql/people/stats.sql", scope.tenant(), since).fetch_one(connection).await
}
