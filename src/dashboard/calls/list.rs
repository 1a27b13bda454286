//! `/calls`: the newest first, with what is asked for in the URL.

use actix_web::HttpResponse;
use askama::Template;
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::shell::{Shell, page};
use super::super::show;
use super::super::visit::Visit;
use super::filter::{self, Chip};
use super::row::{self, Day};
use crate::console::cursor;
use crate::store::people::{self, Revealed};
use crate::store::roster::campaigns::{self, CampaignRow};

/// Rows of a page.
const ROWS: i64 = 50;
/// Columns that one can hide, and what they are called.
const COLUMNS: [(&str, &str); 9] = [
    ("from", "From"),
    ("to", "To"),
    ("platform", "Platform"),
    ("agent", "Agent"),
    ("duration", "Duration"),
    ("sentiment", "Sentiment"),
    ("campaign", "Campaign"),
    ("status", "Status"),
    ("marks", "Marks"),
];

#[derive(Template)]
#[template(path = "calls.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    chips: Vec<Chip>,
    days: Vec<Day>,
    campaigns: Vec<CampaignRow>,
    /// The next page, and how far this one looked.
    next: Option<(String, Option<String>)>,
    is_first: bool,
    left_out: bool,
    is_filtered: bool,
    hidden: Vec<String>,
    /// Nothing has ever come.
    is_empty: bool,
}

impl Page {
    fn shows(&self, column: &str) -> bool {
        !self.hidden.iter().any(|hidden| hidden == column)
    }

    fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        COLUMNS.iter().map(|(key, name)| (*key, *name, self.shows(key)))
    }

    fn csv(&self) -> String {
        format!("/calls.csv{}", self.shell.params.with("hide", None).query())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.shell.params.get(name) == Some(value)
    }

    /// All that the form of the columns keeps.
    fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shell.params.pairs().filter(|(name, _)| !["hide", "after"].contains(name))
    }

    fn is_campaign(&self, id: &Uuid) -> bool {
        self.is("campaign", &id.to_string())
    }

    fn value(&self, name: &str) -> &str {
        self.shell.params.get(name).unwrap_or_default()
    }

    /// How many columns there are: a divider spans them.
    fn width(&self) -> usize {
        2 + COLUMNS.iter().filter(|(key, _)| self.shows(key)).count()
    }

    /// Filters that the form has no field for, which it keeps.
    fn kept(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = [
            "search",
            "from",
            "until",
            "direction",
            "answered",
            "disposition",
            "sentiment",
            "converted",
            "provider",
            "campaign",
            "order",
            "after",
            "hide",
        ];
        self.shell.params.pairs().filter(move |(name, _)| !fields.contains(name))
    }
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell("/calls", "Calls").await?;
    let filter = filter::read(&shell, &shell.params)?;
    let after = shell.params.get("after").map(|text| cursor::decode(text).ok_or(Fault::NotFound)).transpose()?;
    let mut transaction = visit.console.begin().await?;
    let found = people::list_calls(&mut transaction, shell.within(), &filter, after, ROWS).await?;
    let rows = row::named(&mut transaction, shell.within(), found.items).await?;
    visit.console.log_reveal(&mut transaction, shell.within().scope(), Revealed::List("calls"), rows.len()).await?;
    let campaigns = campaigns::list(&mut *transaction, Some(shell.tenant.id)).await?;
    transaction.commit().await?;
    // A page that is not full looked at all it may: it says how far that was.
    let is_short = i64::try_from(rows.len()).is_ok_and(|rows| rows < ROWS);
    let next = found.next.and_then(|place| {
        let looked_until = place.0.filter(|_| is_short).map(|at| show::moment(&at, shell.zone));
        Some((shell.with("after", &cursor::encode(&place)?), looked_until))
    });
    let is_filtered = filter::NAMES.iter().any(|name| shell.params.get(name).is_some());
    let is_first = after.is_none();
    let today = show::day(&shell.now, shell.zone);
    let hidden = shell.params.all("hide").map(str::to_owned).collect();
    page(&Page {
        chips: filter::chips(&shell),
        is_empty: rows.is_empty() && is_first && !is_filtered && next.is_none(),
        days: row::by_day(rows, shell.zone, today),
        campaigns,
        next,
        is_first,
        left_out: found.left_out,
        is_filtered,
        hidden,
        shell,
    })
}
