//! Lists of calls, the newest first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{LOOK_MAX, Page, Place, cut};
use crate::access::{Scope, TenantScope};

/// A call in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
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
    pub talk_ms: Option<i64>,
    pub summary: Option<String>,
    pub sentiment: Option<String>,
    pub successful: Option<bool>,
    pub converted: Option<bool>,
    pub is_missed: bool,
    pub needs_review: bool,
    pub recording_url: Option<String>,
    pub has_transcript: bool,
    /// The same for all calls that are one, as several platforms saw it.
    pub conversation_id: Uuid,
}

/// Which calls; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct CallFilter {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub provider: Option<String>,
    pub direction: Option<String>,
    pub status: Option<String>,
    pub disposition: Option<String>,
    pub missed: Option<bool>,
    pub agent: Option<String>,
    pub campaign_id: Option<Uuid>,
    pub converted: Option<bool>,
    pub needs_review: Option<bool>,
    pub unattributed: Option<bool>,
    /// In E.164. Other filters do not count beside it: one person's calls are few.
    pub number: Option<String>,
}

/// A page of a tenant's calls, the newest first. A page of a filter that fits little may be short and have a next one.
pub async fn list(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &CallFilter,
    after: Option<Place>,
    limit: i64,
) -> Result<Page<CallItem, Place>, sqlx::Error> {
    let (started_at, id) = after.map_or((None, None), |(started_at, id)| (started_at, Some(id)));
    let tenant_id = scope.tenant();
    let items = match &filter.number {
        Some(number) => {
            sqlx::query_file_as!(
                CallItem,
                "sql/people/calls_of_number.sql",
                tenant_id,
                number,
                started_at,
                id,
                limit + 1
            )
            .fetch_all(&mut *connection)
            .await?
        }
        None => {
            sqlx::query_file_as!(
                CallItem,
                "sql/people/list_calls.sql",
                tenant_id,
                started_at,
                id,
                filter.from,
                filter.until,
                filter.provider,
                filter.direction,
                filter.status,
                filter.disposition,
                filter.missed,
                filter.agent,
                filter.campaign_id,
                filter.converted,
                filter.needs_review,
                filter.unattributed,
                limit + 1,
                LOOK_MAX,
            )
            .fetch_all(&mut *connection)
            .await?
        }
    };
    let mut page = cut(items, limit, |call| (call.started_at, call.id));
    if page.next.is_none() && filter.number.is_none() {
        let last = sqlx::query_file!(
            "sql/people/last_looked_at.sql",
            tenant_id,
            started_at,
            id,
            filter.from,
            filter.until,
            LOOK_MAX,
        )
        .fetch_optional(connection)
        .await?;
        if let Some(last) = last {
            // Those without a time come after all the others, of which some have not been looked at.
            page.items.retain(|call| call.started_at.is_some());
            page.next = Some((last.started_at, last.id));
        }
    }
    page.items.iter_mut().for_each(|call| call.mask(scope.scope()));
    Ok(page)
}

impl CallItem {
    /// Hides what the scope may not see.
    pub(super) fn mask(&mut self, scope: &Scope) {
        let numbers = [&mut self.from_number, &mut self.from_raw, &mut self.to_number, &mut self.to_raw];
        numbers.into_iter().chain([&mut self.contact_number]).for_each(|number| scope.number(number));
        scope.spoken(&mut self.summary);
        scope.link(&mut self.recording_url);
    }
}
