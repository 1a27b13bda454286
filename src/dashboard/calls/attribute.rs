//! Giving calls to a campaign: those that are ticked, or all that fit, counted first; undoing it; and making a rule of
//! it, so that the next call of that number belongs there by itself.

use actix_web::HttpResponse;
use askama::Template;
use chrono::SecondsFormat;
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::params::Params;
use super::super::shell::{Shell, page, see_other};
use super::super::show;
use super::super::visit::Visit;
use super::edit::read_campaign;
use super::filter;
use crate::redact::Phone;
use crate::store::people::{self, Attributed, Counted};
use crate::store::roster::campaigns;

/// Calls that can be ticked: those of a page, and some.
const IDS_MAX: usize = 1_000;

#[derive(Template)]
#[template(path = "attribute.html", config = "src/dashboard/askama.toml")]
struct Confirm {
    shell: Shell,
    campaign: String,
    campaign_id: String,
    counted: Counted,
    /// The filter, as the form keeps it.
    filter: Params,
}

impl Confirm {
    fn calls(&self) -> i64 {
        i64::try_from(self.counted.count).unwrap_or(i64::MAX)
    }

    /// When they were counted, to the last digit: what came since stays as it is.
    fn counted_at(&self) -> String {
        self.counted.at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    fn is_filtered(&self) -> bool {
        self.filter.pairs().any(|(name, _)| filter::NAMES.contains(&name) && name != "unattributed")
    }
}

/// The ticked ones.
pub(in crate::dashboard) async fn selected(visit: Visit) -> Result<HttpResponse, Fault> {
    let ids: Vec<Uuid> = visit.form.all("id").filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() || ids.len() > IDS_MAX {
        return Err(Fault::unfit("Tick the calls first; a thousand at most."));
    }
    let campaign_id = read_campaign(&visit.entry, &visit.console, visit.form.get("to")).await?;
    let done = people::attribute(visit.pool(), visit.scope(), &ids, campaign_id).await?;
    Ok(back(&visit.form, "attributed", done))
}

/// All that fit: counted and asked first, then done.
pub(in crate::dashboard) async fn all(visit: Visit) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell("/unattributed", "Attribute calls").await?;
    if let Some(slug) = visit.form.get("tenant") {
        shell.show_tenant(visit.pool(), slug).await?;
    }
    let filter = filter::read(&shell, &visit.form)?;
    let campaign_id = read_campaign(&visit.entry, &visit.console, visit.form.get("to")).await?;
    if let Some(counted_at) = visit.form.get("counted") {
        let counted_at = counted_at.parse().map_err(|_| Fault::NotFound)?;
        let done = people::attribute_matching(visit.pool(), shell.within(), &filter, counted_at, campaign_id).await?;
        return Ok(back(&visit.form, if done.unfinished { "unfinished" } else { "attributed" }, done));
    }
    let mut transaction = visit.console.begin().await?;
    let counted = people::count_calls(&mut transaction, shell.within(), &filter).await?;
    let all = campaigns::list(&mut *transaction, Some(shell.tenant.id)).await?;
    transaction.commit().await?;
    let named = all.into_iter().find(|campaign| Some(campaign.id) == campaign_id);
    page(&Confirm {
        campaign: named.map_or_else(|| "what their number or agent says".to_owned(), |campaign| campaign.name),
        campaign_id: campaign_id.map_or_else(|| "none".to_owned(), |id| id.to_string()),
        counted,
        filter: visit.form.without(&["csrf", "to", "id", "after"]),
        shell,
    })
}

/// Puts back what was before.
pub(in crate::dashboard) async fn undo(visit: Visit) -> Result<HttpResponse, Fault> {
    let log_id = visit.form.get("undo").and_then(|id| id.parse().ok()).ok_or(Fault::NotFound)?;
    let undone = people::undo_attribution(visit.pool(), visit.scope(), log_id).await?;
    let done =
        undone.ok_or_else(|| Fault::unfit("There is nothing to undo: it was undone already, or decided anew."))?;
    Ok(back(&visit.form, if done.unfinished { "undoing" } else { "undone" }, done))
}

/// From now on the calls of this number belong to that campaign.
pub(in crate::dashboard) async fn rule(visit: Visit) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell("/unattributed", "Rules").await?;
    if let Some(slug) = visit.form.get("tenant") {
        shell.show_tenant(visit.pool(), slug).await?;
    }
    let campaign_id = read_campaign(&visit.entry, &visit.console, visit.form.get("to")).await?;
    let campaign_id = campaign_id.ok_or_else(|| Fault::unfit("Choose a campaign."))?;
    let number = visit.form.get("our_number").map(|number| Phone::new(number.to_owned()));
    let number = number.ok_or_else(|| Fault::unfit("Which number?"))?;
    let is_set = people::rule_of_number(visit.pool(), shell.within(), &number, campaign_id).await?;
    if !is_set {
        return Err(Fault::unfit(
            "This number belongs to nobody here, so an administrator adds it first: Setup, Numbers. One that belongs to \
             somebody else stays theirs.",
        ));
    }
    Ok(back(&visit.form, "ruled", Attributed::default()))
}

/// To the list, which says what was done and how to undo it.
fn back(form: &Params, said: &str, done: Attributed) -> HttpResponse {
    let changed = done.changed.to_string();
    let undo = done.log_id.filter(|_| said != "undone" && said != "undoing").map(|id| id.to_string());
    let kept = form.without(&["csrf", "id", "to", "counted", "undo", "unattributed", "our_number"]);
    let query = kept.with("said", Some(said)).with("n", Some(&changed)).with("undo", undo.as_deref()).query();
    see_other(&format!("/unattributed{query}"))
}
