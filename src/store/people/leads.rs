//! Lists of leads, by number or by their last call.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::search::People;
use super::{LOOK_MAX, Page, Search, cut};
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
    /// Their names or numbers, or their id.
    pub search: Option<Search>,
    /// Who called or was called last comes first; beside number and search the order is by number.
    pub recent_first: bool,
}

/// Numbers that are collected for a search; of a name that more people have, it is looked along all leads.
const FOUND_MAX: i64 = 2_000;
/// Calls that are looked at for a page of those who called last: each takes three steps down an index.
const RECENT_LOOK_MAX: i64 = 5_000;

/// A page of a tenant's leads.
pub async fn list(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &LeadFilter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Page<LeadItem, Uuid>, sqlx::Error> {
    let mut page = match (&filter.number, &filter.search) {
        (None, None) if filter.recent_first => by_last_call(connection, scope, filter, after, limit).await?,
        (Some(number), _) => by_number(connection, scope, filter, Some(vec![number.clone()]), after, limit).await?,
        (None, None) => by_number(connection, scope, filter, None, after, limit).await?,
        (None, Some(Search::Id(id))) => {
            let numbers = sqlx::query_file_scalar!("sql/people/number_of_lead.sql", id, scope.tenant())
                .fetch_all(&mut *connection)
                .await?;
            by_number(connection, scope, filter, Some(numbers), after, limit).await?
        }
        (None, Some(search)) => {
            let People { numbers, left_out } = search.people(&mut *connection, scope, FOUND_MAX).await?;
            Page { left_out, ..by_number(connection, scope, filter, numbers, after, limit).await? }
        }
    };
    for lead in &mut page.items {
        scope.scope().number(&mut lead.phone);
        scope.scope().name(&mut lead.name);
        scope.scope().email(&mut lead.email);
    }
    Ok(page)
}

macro_rules! item {
    ($row:expr) => {
        LeadItem {
            id: $row.id,
            phone: Some($row.phone),
            name: $row.name,
            email: $row.email,
            stage: $row.stage,
            source: $row.source,
            tags: $row.tags,
            first_seen_at: $row.first_seen_at,
            opted_out: $row.opted_out,
            calls: $row.calls,
            missed: $row.missed,
            last_call_at: $row.last_call_at,
        }
    };
}

/// Along their numbers; `numbers`: these only.
async fn by_number(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &LeadFilter,
    numbers: Option<Vec<String>>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Page<LeadItem, Uuid>, sqlx::Error> {
    let name = filter.search.as_ref().filter(|_| numbers.is_none()).and_then(|search| search.words().1);
    let rows = sqlx::query_file!(
        "sql/people/list_leads.sql",
        scope.tenant(),
        after,
        numbers.as_deref(),
        filter.stage,
        filter.tag,
        filter.opted_out,
        limit + 1,
        LOOK_MAX,
        name,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut page = cut(rows.into_iter().map(|row| item!(row)).collect(), limit, |lead: &LeadItem| lead.id);
    if page.next.is_none() && numbers.is_none() {
        page.next = sqlx::query_file_scalar!("sql/people/last_lead_looked_at.sql", scope.tenant(), after, LOOK_MAX)
            .fetch_optional(connection)
            .await?;
    }
    Ok(page)
}

/// Along their last calls: a cursor is the id of a call.
async fn by_last_call(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &LeadFilter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Page<LeadItem, Uuid>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/people/list_leads_recent.sql",
        scope.tenant(),
        after,
        filter.stage,
        filter.tag,
        filter.opted_out,
        limit + 1,
        RECENT_LOOK_MAX,
    )
    .fetch_all(&mut *connection)
    .await?;
    let page = cut(rows.into_iter().map(|row| (row.call_id, item!(row))).collect(), limit, |(call_id, _)| *call_id);
    let mut next = page.next;
    if next.is_none() {
        next = sqlx::query_file_scalar!("sql/people/last_call_looked_at.sql", scope.tenant(), after, RECENT_LOOK_MAX)
            .fetch_optional(connection)
            .await?;
    }
    Ok(Page { items: page.items.into_iter().map(|(_, lead)| lead).collect(), next, left_out: false })
}
