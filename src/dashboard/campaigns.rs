//! `/campaigns`: what calls are for, in numbers; and one of them over time, with what leads to it.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::fault::Fault;
use super::numbers::{Bucket, Chart, Figure, Range, costs, fill, percent, pictures, share};
use super::shell::{Shell, page};
use super::show;
use super::visit::Visit;
use crate::store::people::{self, By, CampaignStats, Numbers, Step};
use crate::store::roster::agents::{self, AgentRow};
use crate::store::roster::campaigns::{self, CampaignRow};
use crate::store::roster::numbers;

#[derive(Template)]
#[template(path = "campaigns.html", config = "src/dashboard/askama.toml")]
struct List {
    choices: Vec<(&'static str, String, bool)>,
    range: Range,
    campaigns: Vec<CampaignStats>,
    /// False: older numbers are still being added up.
    complete: bool,
    shell: Shell,
}

impl List {
    fn page_of(&self, id: &Uuid) -> String {
        self.range.link(&self.shell, &format!("/campaigns/{id}"))
    }

    fn calls(&self, campaign: &CampaignStats, also: &[(&str, &str)]) -> String {
        let id = campaign.id.map(|id| id.to_string());
        let own = id.as_deref().map_or(("unattributed", "1"), |id| ("campaign", id));
        self.range.calls(&self.shell, &[&[own], also].concat())
    }

    fn has_some(&self) -> bool {
        self.campaigns.iter().any(|campaign| campaign.id.is_some())
    }
}

#[derive(Template)]
#[template(path = "campaign.html", config = "src/dashboard/askama.toml")]
struct Page {
    choices: Vec<(&'static str, String, bool)>,
    range: Range,
    campaign: CampaignRow,
    figures: Vec<Figure>,
    charts: Vec<Chart>,
    buckets: Vec<Bucket>,
    /// Numbers of ours, each with what people call it.
    numbers: Vec<(String, Option<String>)>,
    agents: Vec<AgentRow>,
    complete: bool,
    shell: Shell,
}

impl Page {
    fn calls(&self, bucket: &Bucket) -> String {
        bucket.calls(&self.shell, &[("campaign", &self.campaign.id.to_string())])
    }

    /// They are looked for among all calls only.
    fn has_responses(&self) -> bool {
        false
    }
}

/// All of them.
pub(super) async fn list(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell("/campaigns", "Campaigns").await?;
    let range = Range::read(&shell)?;
    let window = range.window()?;
    let complete = people::refresh_overview(visit.pool(), shell.within(), window).await?;
    let mut transaction = visit.console.begin().await?;
    let campaigns = people::campaign_stats(&mut transaction, shell.within(), window).await?;
    transaction.commit().await?;
    page(&List { choices: range.choices(&shell), range, campaigns, complete, shell })
}

/// One of them.
pub(super) async fn show(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell("/campaigns", "Campaign").await?;
    let mut transaction = visit.console.begin().await?;
    let campaign =
        campaigns::one(&mut *transaction, visit.entry.scope.tenant_id(), *id).await?.ok_or(Fault::NotFound)?;
    shell.show_tenant(&mut *transaction, &campaign.tenant).await?;
    let range = Range::read(&shell)?;
    let window = range.window()?;
    let tenant_id = Some(shell.tenant.id);
    let numbers = numbers::list(&mut *transaction, tenant_id).await?;
    let numbers = numbers.into_iter().filter(|number| number.campaign_id == Some(*id));
    let numbers = numbers.map(|number| (number.number.expose().to_owned(), number.label)).collect();
    let agents = agents::list(&mut *transaction, tenant_id).await?;
    let agents = agents.into_iter().filter(|agent| agent.campaign_id == Some(*id)).collect();
    transaction.commit().await?;
    // It takes connections of its own: none is held meanwhile.
    let complete = people::refresh_overview(visit.pool(), shell.within(), window).await?;
    let mut transaction = visit.console.begin().await?;
    let by = By { step: Step::Hour, time_zone: shell.zone.name(), campaign_id: Some(*id) };
    let (total, steps) = people::steps(&mut transaction, shell.within(), window, by).await?;
    transaction.commit().await?;
    let buckets = fill(&range, shell.zone, &steps);
    let also = id.to_string();
    let also: &[(&str, &str)] = &[("campaign", &also)];
    shell.title.clone_from(&campaign.name);
    page(&Page {
        choices: range.choices(&shell),
        figures: figures(&shell, &range, &total, also),
        charts: pictures(&shell, &buckets, &total, also),
        range,
        campaign,
        buckets,
        numbers,
        agents,
        complete,
        shell,
    })
}

fn figures(shell: &Shell, range: &Range, total: &Numbers, own: &[(&str, &str)]) -> Vec<Figure> {
    let figure = |label, value: String, more: String, also: &[(&str, &str)]| Figure {
        label,
        value,
        more,
        href: Some(range.calls(shell, &[own, also].concat())),
    };
    let sides = format!("{} in, {} out", show::count(&total.inbound), show::count(&total.outbound));
    let of_calls = |count: i64| format!("{} of calls", percent(share(count, total.calls)));
    vec![
        figure("Calls", show::count(&total.calls), sides, &[]),
        figure("Answered", show::count(&total.answered), of_calls(total.answered), &[("answered", "1")]),
        figure("Missed", show::count(&total.missed), of_calls(total.missed), &[("missed", "1")]),
        figure("Converted", show::count(&total.converted), of_calls(total.converted), &[("converted", "1")]),
        figure("Cost", costs(total), "as platforms charge it".to_owned(), &[]),
    ]
}
