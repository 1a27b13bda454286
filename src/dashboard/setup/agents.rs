//! `/setup/agents`: which campaign a platform's agent leads to.

use actix_web::HttpResponse;
use askama::Template;

use super::{PLACE, campaign, done, said};
use crate::admin::roster::{self, NewAgent};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::providers;
use crate::store::roster::agents::{self, AgentEdit, AgentRow};
use crate::store::roster::campaigns::{self, CampaignRow};

const PATH: &str = "/setup/agents";

#[derive(Template)]
#[template(path = "setup_agents.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    rows: Vec<(AgentRow, String)>,
    campaigns: Vec<CampaignRow>,
    platforms: Vec<(&'static str, String)>,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Agents").await?;
    let tenant_id = Some(shell.within().tenant());
    let mut transaction = visit.console.begin().await?;
    let rows = agents::list(&mut *transaction, tenant_id).await?;
    let campaigns = campaigns::list(&mut *transaction, tenant_id).await?;
    drop(transaction);
    let platform = |name: &str| show::platform(name).to_owned();
    page(&Page {
        said: said(&shell),
        rows: rows
            .into_iter()
            .map(|row| {
                let name = platform(&row.provider);
                (row, name)
            })
            .collect(),
        campaigns,
        platforms: providers::ALL.iter().map(|known| (known.name(), platform(known.name()))).collect(),
        shell,
    })
}

/// Adds an agent.
pub(in crate::dashboard) async fn add(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Agents").await?;
    let provider = visit.form.get("provider").and_then(providers::find).ok_or(Fault::unfit("Choose a platform."))?;
    let new = NewAgent {
        provider: provider.name(),
        agent_id: visit.form.owned("agent_id").unwrap_or_default(),
        campaign_id: campaign(&visit.form)?,
        name: visit.form.owned("name"),
    };
    roster::add_agent(visit.pool(), shell.within(), new).await?;
    Ok(done(&shell, PATH, "added"))
}

/// Gives an agent to a campaign, with its name.
pub(in crate::dashboard) async fn assign(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Agents").await?;
    let (provider, agent_id) = which(&visit.form);
    let edit = AgentEdit { campaign_id: Some(campaign(&visit.form)?), name: Some(visit.form.owned("name")) };
    roster::edit_agent(visit.pool(), shell.within().scope(), provider, agent_id, edit).await?;
    Ok(done(&shell, PATH, "changed"))
}

/// Removes an agent.
pub(in crate::dashboard) async fn remove(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Agents").await?;
    let (provider, agent_id) = which(&visit.form);
    roster::remove_agent(visit.pool(), shell.within().scope(), provider, agent_id).await?;
    Ok(done(&shell, PATH, "removed"))
}

fn which(form: &Params) -> (&str, &str) {
    (form.get("provider").unwrap_or_default(), form.get("agent_id").unwrap_or_default())
}
