//! `/unattributed`: calls of no campaign, to be given to one.

use actix_web::HttpResponse;
use askama::Template;

use super::super::fault::Fault;
use super::super::shell::{Shell, page};
use super::super::show;
use super::super::visit::Visit;
use super::filter;
use super::row::{self, Day};
use crate::console::cursor;
use crate::store::people::{self, RecentAttribution, RepeatedNumber, Revealed};
use crate::store::roster::campaigns::{self, CampaignRow};

/// Rows of a page: fifty are given to a campaign in one go.
const ROWS: i64 = 50;

#[derive(Template)]
#[template(path = "unattributed.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    days: Vec<Day>,
    rows: usize,
    campaigns: Vec<CampaignRow>,
    repeated: Vec<RepeatedNumber>,
    lately: Vec<RecentAttribution>,
    next: Option<String>,
    is_first: bool,
    left_out: bool,
    /// Nothing has ever come.
    is_empty: bool,
    said: Option<String>,
    undo: Option<String>,
}

impl Page {
    fn value(&self, name: &str) -> &str {
        self.shell.params.get(name).unwrap_or_default()
    }

    /// The filter, for forms that do something to all that fit.
    fn kept(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_kept = |name: &str| (filter::NAMES.contains(&name) && name != "unattributed") || name == "tenant";
        self.shell.params.pairs().filter(move |(name, _)| is_kept(name))
    }
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell("/unattributed", "Unattributed calls").await?;
    let filter = filter::read(&shell, &shell.params.with("unattributed", Some("1")))?;
    let after = shell.params.get("after").map(|text| cursor::decode(text).ok_or(Fault::NotFound)).transpose()?;
    let mut transaction = visit.console.begin().await?;
    let found = people::list_calls(&mut transaction, shell.within(), &filter, after, ROWS).await?;
    let rows = row::named(&mut transaction, shell.within(), found.items).await?;
    visit.console.log_reveal(&mut transaction, shell.within().scope(), Revealed::List("calls"), rows.len()).await?;
    let campaigns = campaigns::list(&mut *transaction, Some(shell.tenant.id)).await?;
    let repeated = people::repeated_numbers(&mut transaction, shell.within()).await?;
    let lately = match shell.may_edit() {
        true => people::recent_attributions(&mut transaction, shell.within()).await?,
        false => Vec::new(),
    };
    let is_empty = rows.is_empty() && people::has_no_calls(&mut transaction, shell.within()).await?;
    transaction.commit().await?;
    let today = show::day(&shell.now, shell.zone);
    let undo = shell.params.owned("undo").filter(|id| id.parse::<uuid::Uuid>().is_ok());
    let next = found.next.and_then(|place| cursor::encode(&place));
    page(&Page {
        rows: rows.len(),
        days: row::by_day(rows, shell.zone, today),
        campaigns,
        repeated,
        lately,
        next: next.map(|text| shell.with("after", &text)),
        is_first: after.is_none(),
        left_out: found.left_out,
        is_empty,
        said: said(&shell),
        undo,
        shell,
    })
}

fn said(shell: &Shell) -> Option<String> {
    let number: i64 = shell.params.get("n").and_then(|text| text.parse().ok()).unwrap_or_default();
    let calls = show::plural(number, "call", "calls");
    match shell.params.get("said")? {
        "attributed" => Some(format!("{calls} given to the campaign.")),
        "unfinished" => {
            Some(format!("{calls} given to the campaign so far; there are more. Do it again for the rest."))
        }
        "undone" => Some(format!("Undone: {calls} are as they were.")),
        "undoing" => Some(format!("{calls} are as they were; there are more. Undo again for the rest.")),
        "ruled" => Some("From now on the calls of this number belong to the campaign.".to_owned()),
        _ => None,
    }
}
