//! `rejections`: requests that were refused at the door, as people look through them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Scope;

/// Refusals that are looked at to say what they were for.
const LOOKED_AT: i64 = 5_000;

/// A refused request, or several of one reason beyond what is kept of a minute.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "migrations/0002_inbox.sql says what each is")]
pub struct RejectionItem {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub provider: Option<String>,
    pub connection: Option<String>,
    pub address: Option<String>,
    pub reason: String,
    pub status: i16,
    pub body_bytes: i64,
    pub repeats: i64,
}

/// Requests of a day that were refused for the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RejectionReason)]
#[expect(missing_docs, reason = "sql/store/rejection_reasons.sql says what each is")]
pub struct Reason {
    pub provider: Option<String>,
    pub connection: Option<String>,
    pub reason: String,
    pub status: i16,
    pub requests: i64,
    pub last_at: DateTime<Utc>,
}

/// Refused requests, the newest first, after this one.
pub async fn list(
    connection: &mut PgConnection,
    scope: &Scope,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<RejectionItem>, sqlx::Error> {
    let (at, id) = after.unzip();
    sqlx::query_file_as!(RejectionItem, "sql/store/list_rejections.sql", scope.tenant_id(), at, id, limit)
        .fetch_all(connection)
        .await
}

/// Why requests were refused in the last day, the most frequent reason first.
pub async fn reasons(connection: &mut PgConnection, scope: &Scope) -> Result<Vec<Reason>, sqlx::Error> {
    sqlx::query_file_as!(Reason, "sql/store/rejection_reasons.sql", scope.tenant_id(), LOOKED_AT)
        .fetch_all(connection)
        .await
}
