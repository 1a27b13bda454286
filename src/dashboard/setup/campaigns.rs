//! `/setup/campaigns`: what calls are for.

use actix_web::web::{Bytes, Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;
use uuid::Uuid;

use super::{PLACE, done, log, required, said};
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
    let name = required(&form, "name", "Give it a name.")?;
    let mut transaction = console.begin().await?;
    let id = campaigns::add(&mut *transaction, shell.within().tenant(), &name).await?;
    let id = id.ok_or(Fault::unfit("There is a campaign of this name."))?;
    log(&mut transaction, &shell, "add_campaign", &json!({ "campaign_id": id })).await?;
    transaction.commit().await?;
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
    let tenant_id = shell.within().tenant();
    let mut transaction = console.begin().await?;
    if !campaigns::list(&mut *transaction, Some(tenant_id)).await?.iter().any(|row| row.id == *id) {
        return Err(Fault::NotFound);
    }
    if !campaigns::remove(&mut *transaction, *id, tenant_id).await? {
        return Err(Fault::unfit(
            "Calls belong to this campaign, or a number or an agent leads to it. Only an empty one can be removed.",
        ));
    }
    log(&mut transaction, &shell, "remove_campaign", &json!({ "campaign_id": *id })).await?;
    transaction.commit().await?;
    Ok(done(&shell, PATH, "removed"))
}
