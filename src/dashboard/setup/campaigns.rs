//! `/setup/campaigns`: what calls are for.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::{PLACE, done, said};
use crate::admin::roster;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::visit::Visit;
use crate::store::roster::campaigns::{self, CampaignRow};

const PATH: &str = "/setup/campaigns";

#[derive(Template)]
#[template(path = "setup_campaigns.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    rows: Vec<CampaignRow>,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Campaigns").await?;
    let mut transaction = visit.console.begin().await?;
    let rows = campaigns::list(&mut *transaction, Some(shell.within().tenant())).await?;
    drop(transaction);
    page(&Page { said: said(&shell), rows, shell })
}

/// Adds a campaign.
pub(in crate::dashboard) async fn add(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Campaigns").await?;
    roster::add_campaign(visit.pool(), shell.within(), visit.form.get("name").unwrap_or_default()).await?;
    Ok(done(&shell, PATH, "added"))
}

/// Removes a campaign that no call belongs to and nothing leads to.
pub(in crate::dashboard) async fn remove(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Campaigns").await?;
    roster::remove_campaign(visit.pool(), shell.within().scope(), *id).await?;
    Ok(done(&shell, PATH, "removed"))
}
