//! `/leads.csv`: exactly the rows of a filter.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::export::{self, Export};
use super::super::fault::Fault;
use super::super::visit::Visit;
use super::filter;
use crate::access::TenantScope;
use crate::store::people::{self, LeadFilter, LeadItem, Page};

/// The columns; new ones come at the end.
const COLUMNS: [&str; 12] = [
    "id",
    "phone",
    "name",
    "email",
    "stage",
    "source",
    "tags",
    "first_seen_at",
    "opted_out",
    "calls",
    "missed",
    "last_call_at",
];

impl Export for LeadFilter {
    const FILE: &'static str = "leads.csv";
    const COLUMNS: &'static [&'static str] = &COLUMNS;
    type Place = Uuid;
    type Cells = [String; COLUMNS.len()];

    async fn page(
        &self,
        connection: &mut PgConnection,
        scope: &TenantScope,
        after: Option<Uuid>,
        rows: i64,
    ) -> Result<Page<Self::Cells, Uuid>, sqlx::Error> {
        let found = people::list_leads(connection, scope, self, after, rows).await?;
        Ok(Page { items: found.items.iter().map(cells).collect(), next: found.next, left_out: found.left_out })
    }

    fn described(&self) -> Value {
        // Tags are what a team writes of people: that one was asked for says enough.
        json!({
            "stage": self.stage, "opted_out": self.opted_out, "by_tag": self.tag.is_some(),
            "by_number": self.number.is_some(), "by_search": self.search.is_some(),
        })
    }
}

/// The rows.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell("/leads", "Leads").await?;
    let filter = filter::read(&shell)?;
    export::download(visit.console, shell, filter).await
}

fn cells(lead: &LeadItem) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = |at: &Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    [
        lead.id.to_string(),
        text(&lead.phone),
        text(&lead.name),
        text(&lead.email),
        lead.stage.clone(),
        text(&lead.source),
        lead.tags.join(", "),
        time(&lead.first_seen_at),
        lead.opted_out.to_string(),
        lead.calls.to_string(),
        lead.missed.to_string(),
        time(&lead.last_call_at),
    ]
}
