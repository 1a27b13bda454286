//! What the demo shows: calls, leads and messages of its own making. Others read people by scope: `people`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

/// A call in a list.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct CallItem {
    pub id: Uuid,
    pub provider: String,
    pub provider_call_id: String,
    pub direction: Option<String>,
    pub status: Option<String>,
    pub disposition: Option<String>,
    pub provider_status: Option<String>,
    pub contact_number: Option<String>,
    pub our_number: Option<String>,
    pub from_number: Option<String>,
    pub from_raw: Option<String>,
    pub to_number: Option<String>,
    pub to_raw: Option<String>,
    pub agent_id: Option<String>,
    pub agent_name: Option<String>,
    pub campaign_id: Option<Uuid>,
    pub started_at: Option<DateTime<Utc>>,
    pub answered_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub summary: Option<String>,
    pub sentiment: Option<String>,
    pub successful: Option<bool>,
    pub recording_url: Option<String>,
    pub has_transcript: bool,
    pub conversation_id: Uuid,
}

/// A lead in a list, with what was set by hand preferred and its counts.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct LeadItem {
    pub id: Uuid,
    pub phone: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub stage: String,
    pub source: Option<String>,
    pub first_seen_at: Option<DateTime<Utc>>,
    pub calls: i64,
    pub missed: i64,
    pub last_call_at: Option<DateTime<Utc>>,
    pub opted_out: bool,
}

/// A message in a list.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/ say what each is")]
pub struct MessageItem {
    pub id: Uuid,
    pub provider: String,
    pub channel: String,
    pub direction: String,
    pub from_number: Option<String>,
    pub to_number: Option<String>,
    pub body: Option<String>,
    pub status: Option<String>,
    pub error: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// Calls of a tenant, the newest first, after this one.
pub async fn list_calls(
    executor: impl PgExecutor<'_>,
    tenant_id: Uuid,
    after: Option<(Option<DateTime<Utc>>, Uuid)>,
    limit: i64,
) -> Result<Vec<CallItem>, sqlx::Error> {
    let (started_at, id) = after.map_or((None, None), |(started_at, id)| (started_at, Some(id)));
    sqlx::query_file_as!(CallItem, "sql/store/list_calls.sql", tenant_id, started_at, id, limit)
        .fetch_all(executor)
        .await
}

/// Leads of a tenant, by phone, after this one.
pub async fn list_leads(
    executor: impl PgExecutor<'_>,
    tenant_id: Uuid,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<LeadItem>, sqlx::Error> {
    sqlx::query_file_as!(LeadItem, "sql/store/list_leads.sql", tenant_id, after, limit).fetch_all(executor).await
}

/// Messages of a tenant, the newest first.
pub async fn list_messages(
    executor: impl PgExecutor<'_>,
    tenant_id: Uuid,
    limit: i64,
) -> Result<Vec<MessageItem>, sqlx::Error> {
    sqlx::query_file_as!(MessageItem, "sql/store/list_messages.sql", tenant_id, limit).fetch_all(executor).await
}

/// The tenant, if there is exactly one.
pub async fn sole_tenant(executor: impl PgExecutor<'_>) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/sole_tenant.sql").fetch_optional(executor).await
}
