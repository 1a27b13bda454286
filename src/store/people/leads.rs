//! Lists of leads, by number.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{LOOK_MAX, Page, cut};
use crate::access::TenantScope;

/// A lead in a list, with what was set by hand preferred and its counts.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct LeadItem {
    pub id: Uuid,
    pub phone: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub stage: String,
    pub source: Option<String>,
    pub tags: Vec<String>,
    pub first_seen_at: Option<DateTime<Utc>>,
    pub opted_out: bool,
    pub calls: i64,
    pub missed: i64,
    pub last_call_at: Option<DateTime<Utc>>,
}

/// Which leads; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct LeadFilter {
    pub stage: Option<String>,
    pub tag: Option<String>,
    pub opted_out: Option<bool>,
    /// In E.164.
    pub number: Option<String>,
}

/// A page of a tenant's leads.
pub async fn list(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &LeadFilter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Page<LeadItem, Uuid>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/people/list_leads.sql",
        scope.tenant(),
        after,
        filter.number,
        filter.stage,
        filter.tag,
        filter.opted_out,
        limit + 1,
        LOOK_MAX,
    )
    .fetch_all(&mut *connection)
    .await?;
    let items = rows.into_iter().map(|row| LeadItem {
        id: row.id,
        phone: Some(row.phone),
        name: row.name,
        email: row.email,
        stage: row.stage,
        source: row.source,
        tags: row.tags,
        first_seen_at: row.first_seen_at,
        opted_out: row.opted_out,
        calls: row.calls,
        missed: row.missed,
        last_call_at: row.last_call_at,
    });
    let mut page = cut(items.collect(), limit, |lead: &LeadItem| lead.id);
    if page.next.is_none() && filter.number.is_none() {
        page.next = sqlx::query_file_scalar!("sql/people/last_lead_looked_at.sql", scope.tenant(), after, LOOK_MAX)
            .fetch_optional(connection)
            .await?;
    }
    for lead in &mut page.items {
        scope.scope().number(&mut lead.phone);
        scope.scope().name(&mut lead.name);
        scope.scope().email(&mut lead.email);
    }
    Ok(page)
}
