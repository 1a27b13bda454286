//! `/calls.csv`: exactly the rows of a filter.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::super::export::{self, Export};
use super::super::fault::Fault;
use super::super::visit::Visit;
use super::filter;
use super::row::{self, Row};
use crate::access::TenantScope;
use crate::store::people::{self, CallFilter, Page, Place};

/// The columns; new ones come at the end.
const COLUMNS: [&str; 23] = [
    "id",
    "platform",
    "platform_call_id",
    "direction",
    "status",
    "outcome",
    "missed",
    "started_at",
    "answered_at",
    "ended_at",
    "duration_seconds",
    "talk_seconds",
    "from",
    "to",
    "person",
    "person_number",
    "our_number",
    "agent",
    "campaign",
    "sentiment",
    "converted",
    "needs_review",
    "summary",
];

impl Export for CallFilter {
    const FILE: &'static str = "calls.csv";
    const COLUMNS: &'static [&'static str] = &COLUMNS;
    type Place = Place;
    type Cells = [String; COLUMNS.len()];

    async fn page(
        &self,
        connection: &mut PgConnection,
        scope: &TenantScope,
        after: Option<Place>,
        rows: i64,
    ) -> Result<Page<Self::Cells, Place>, sqlx::Error> {
        let found = people::list_calls(connection, scope, self, after, rows).await?;
        let rows = row::named(connection, scope, found.items).await?;
        Ok(Page { items: rows.iter().map(cells).collect(), next: found.next, left_out: found.left_out })
    }

    fn described(&self) -> Value {
        self.described()
    }
}

/// The rows.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell("/calls", "Calls").await?;
    let filter = filter::read(&shell, &shell.params)?;
    export::download(visit.console, shell, filter).await
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let call = &row.call;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = |at: &Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let seconds = |ms: Option<i64>| ms.map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000)).unwrap_or_default();
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string()).unwrap_or_default();
    [
        call.id.to_string(),
        call.provider.clone(),
        call.provider_call_id.clone(),
        text(&call.direction),
        text(&call.status),
        text(&call.disposition),
        call.is_missed.to_string(),
        time(&call.started_at),
        time(&call.answered_at),
        time(&call.ended_at),
        seconds(call.duration_ms),
        seconds(call.talk_ms),
        text(&call.from_number.clone().or_else(|| call.from_raw.clone())),
        text(&call.to_number.clone().or_else(|| call.to_raw.clone())),
        text(&row.names.person),
        text(&call.contact_number),
        text(&call.our_number),
        text(&call.agent_name.clone().or_else(|| call.agent_id.clone())),
        text(&row.names.campaign),
        text(&call.sentiment),
        flag(call.converted),
        call.needs_review.to_string(),
        text(&call.summary),
    ]
}
