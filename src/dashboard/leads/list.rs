//! `/leads`: who called or was called last comes first.

use actix_web::HttpResponse;
use askama::Template;

use super::super::fault::Fault;
use super::super::shell::{Shell, page};
use super::super::show;
use super::super::visit::Visit;
use super::filter::{self, Chip};
use crate::access::Right;
use crate::console::cursor;
use crate::domain::LeadStage;
use crate::store::people::{self, LeadItem, Revealed};

/// Rows of a page.
const ROWS: i64 = 50;

#[derive(Template)]
#[template(path = "leads.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    chips: Vec<Chip>,
    leads: Vec<LeadItem>,
    next: Option<String>,
    is_first: bool,
    left_out: bool,
    is_filtered: bool,
    recent_first: bool,
}

impl Page {
    fn stages(&self) -> impl Iterator<Item = &'static str> {
        LeadStage::ALL.iter().map(|stage| stage.as_str())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.shell.params.get(name) == Some(value)
    }

    fn value(&self, name: &str) -> &str {
        self.shell.params.get(name).unwrap_or_default()
    }

    /// Exactly these rows, of all pages.
    fn csv(&self) -> String {
        let order = if self.recent_first { "recent" } else { "number" };
        format!("/leads.csv{}", self.shell.params.with("order", Some(order)).query())
    }

    /// What the form has no field for, and keeps.
    fn kept(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = ["search", "stage", "tag", "opted_out", "order", "after"];
        self.shell.params.pairs().filter(move |(name, _)| !fields.contains(name))
    }

    fn may_search(&self) -> bool {
        self.shell.may(Right::SeeWhole)
    }
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell("/leads", "Leads").await?;
    let mut filter = filter::read(&shell)?;
    let after = shell.params.get("after").map(|text| cursor::decode(text).ok_or(Fault::NotFound)).transpose()?;
    let mut transaction = visit.console.begin().await?;
    let mut found = people::list_leads(&mut transaction, shell.within(), &filter, after, ROWS).await?;
    let is_unordered = shell.params.get("order").is_none() && after.is_none();
    if found.items.is_empty() && found.next.is_none() && filter.recent_first && is_unordered {
        // Nobody has called: there may be people who wrote, or came with a visit.form.
        filter.recent_first = false;
        found = people::list_leads(&mut transaction, shell.within(), &filter, after, ROWS).await?;
    }
    visit
        .console
        .log_reveal(&mut transaction, shell.within().scope(), Revealed::List("leads"), found.items.len())
        .await?;
    transaction.commit().await?;
    let order = if filter.recent_first { "recent" } else { "number" };
    let next = found.next.and_then(|place| {
        let params = shell.params.with("order", Some(order)).with("after", Some(&cursor::encode(&place)?));
        Some(format!("{}{}", shell.path, params.query()))
    });
    page(&Page {
        chips: filter::chips(&shell),
        leads: found.items,
        next,
        is_first: after.is_none(),
        left_out: found.left_out,
        is_filtered: filter::NAMES.iter().any(|name| shell.params.get(name).is_some()),
        recent_first: filter.recent_first && filter.search.is_none(),
        shell,
    })
}
