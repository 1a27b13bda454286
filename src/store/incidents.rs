//! `incidents`, as people list them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Scope;

/// An incident: one trouble from its first sign to its end.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "migrations/0009_alerts.sql says what each is")]
pub struct IncidentItem {
    pub id: Uuid,
    pub cause: String,
    pub subject: String,
    pub tenant: Option<String>,
    pub severity: String,
    pub summary: String,
    pub opened_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
}

/// Incidents, the newest first, after this one.
pub async fn list(
    connection: &mut PgConnection,
    scope: &Scope,
    only_open: bool,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<IncidentItem>, sqlx::Error> {
    let (opened_at, id) = after.unzip();
    sqlx::query_file_as!(
        IncidentItem,
        "sql/store/list_incidents.sql",
        scope.tenant_id(),
        only_open,
        opened_at,
        id,
        limit,
    )
    .fetch_all(connection)
    .await
}
