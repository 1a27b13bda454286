//! Lists of calls, the newest first or the oldest.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::matching::{self, Looking};
use super::{LOOK_MAX, Page, Place, Search};
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
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct CallFilter {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub provider: Option<String>,
    pub direction: Option<String>,
    pub status: Option<String>,
    pub disposition: Option<String>,
    /// Somebody answered: as the overview counts it, which `disposition` alone does not say of every platform.
    pub answered: Option<bool>,
    pub missed: Option<bool>,
    /// negative, neutral, positive; none: nobody has said.
    pub sentiment: Option<String>,
    pub agent: Option<String>,
    pub campaign_id: Option<Uuid>,
    pub converted: Option<bool>,
    pub needs_review: Option<bool>,
    pub unattributed: Option<bool>,
    /// In E.164.
    pub number: Option<String>,
    pub search: Option<Search>,
    pub oldest_first: bool,
}

/// How many calls there are of a filter, as far as they were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counted {
    /// So many were found.
    pub count: u64,
    /// Whether these are all; else there may be more: "10,000+".
    pub complete: bool,
    /// When they were counted.
    pub at: DateTime<Utc>,
}

/// Calls that are counted at most: nobody reads a larger number otherwise than "many".
const COUNT_MAX: i64 = 10_000;
/// Calls that are looked at for a count.
const COUNT_LOOK_MAX: i64 = 50_000;

/// A page of a tenant's calls. A page of a filter that fits little may be short and have a next one.
pub async fn list(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &CallFilter,
    after: Option<Place>,
    limit: i64,
) -> Result<Page<CallItem, Place>, sqlx::Error> {
    let looking = Looking { limit, look: LOOK_MAX };
    let found = matching::find(&mut *connection, scope, filter, after, looking).await?;
    let ids: Vec<Uuid> = found.items.iter().map(|(_, id)| *id).collect();
    let mut items =
        sqlx::query_file_as!(CallItem, "sql/people/show_calls.sql", &ids, scope.tenant()).fetch_all(connection).await?;
    items.iter_mut().for_each(|call| call.mask(scope.scope()));
    Ok(Page { items, next: found.next, left_out: found.left_out })
}

/// Whether a tenant has no call at all: the first minutes of an installation.
pub async fn has_none(connection: &mut PgConnection, scope: &TenantScope) -> Result<bool, sqlx::Error> {
    let looking = Looking { limit: 1, look: 1 };
    let found = matching::find(connection, scope, &CallFilter::default(), None, looking).await?;
    Ok(found.items.is_empty() && found.next.is_none())
}

/// Counts calls, as far as that takes a moment.
pub async fn count(
    connection: &mut PgConnection,
    scope: &TenantScope,
    filter: &CallFilter,
) -> Result<Counted, sqlx::Error> {
    let looking = Looking { limit: COUNT_MAX, look: COUNT_LOOK_MAX };
    // Before they are looked at: what comes in between is counted perhaps, and never attributed uncounted.
    let at = sqlx::query_file_scalar!("sql/db/now.sql").fetch_one(&mut *connection).await?;
    let found = matching::find(connection, scope, filter, None, looking).await?;
    let complete = found.next.is_none() && !found.left_out;
    Ok(Counted { count: found.items.len() as u64, complete, at })
}

impl CallFilter {
    /// As the operator log has it: nothing of a person, who may be searched for.
    pub fn described(&self) -> Value {
        json!({
            "from": self.from, "until": self.until, "provider": self.provider, "direction": self.direction,
            "status": self.status, "disposition": self.disposition, "answered": self.answered, "missed": self.missed,
            "sentiment": self.sentiment, "campaign_id": self.campaign_id, "converted": self.converted,
            "needs_review": self.needs_review, "unattributed": self.unattributed, "by_agent": self.agent.is_some(),
            "by_number": self.number.is_some(), "by_search": self.search.is_some(),
        })
    }
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
