//! `/setup/campaigns`: what calls are for.

use actix_web::web::{Bytes, Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use uuid::Uuid;

use super::{PLACE, done, said};
use crate::admin::roster;
use crate::console::{Console, Entry};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
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
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Campaigns").await?;
    let mut transaction = console.begin().await?;
    let rows = campaigns::list(&mut *transaction, Some(shell.within().tenant())).await?;
    drop(transaction);
    page(&Page { said: said(&shell), rows, shell })
}

/// Adds a campaign.
pub(in crate::dashboard) async fn add(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Campaigns").await?;
    roster::add_campaign(console.pool(), shell.within(), form.get("name").unwrap_or_default()).await?;
    Ok(done(&shell, PATH, "added"))
}

/// Removes a campaign that no call belongs to and nothing leads to.
pub(in crate::dashboard) async fn remove(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Campaigns").await?;
    roster::remove_campaign(console.pool(), shell.within().scope(), *id).await?;
    Ok(done(&shell, PATH, "removed"))
}
