//! `/setup/numbers`: which campaign a number of ours leads to, and which WhatsApp sender answers for it.

use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::json;

use super::{PLACE, brief, campaign, done, log, said};
use crate::console::{Console, Entry};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
use crate::domain::phone;
use crate::redact::Phone;
use crate::store::roster::campaigns::{self, CampaignRow};
use crate::store::roster::numbers::{self, NumberRow};
use crate::store::roster::tenants;

const PATH: &str = "/setup/numbers";

#[derive(Template)]
#[template(path = "setup_numbers.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    rows: Vec<NumberRow>,
    campaigns: Vec<CampaignRow>,
    region: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Numbers").await?;
    let tenant_id = shell.within().tenant();
    let mut transaction = console.begin().await?;
    let rows = numbers::list(&mut *transaction, Some(tenant_id)).await?;
    let campaigns = campaigns::list(&mut *transaction, Some(tenant_id)).await?;
    let region = tenants::region(&mut *transaction, tenant_id).await?;
    drop(transaction);
    page(&Page { said: said(&shell), rows, campaigns, region, shell })
}

/// Adds a number.
pub(in crate::dashboard) async fn add(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Numbers").await?;
    let tenant_id = shell.within().tenant();
    let mut transaction = console.begin().await?;
    let region = tenants::region(&mut *transaction, tenant_id).await?;
    let number = number(&form, region.as_deref())?;
    let campaign_id = campaign(&mut transaction, &shell, &form).await?;
    let (label, sender) = (brief(&form, "label")?, brief(&form, "sender")?);
    let is_new =
        numbers::add(&mut *transaction, &number, tenant_id, campaign_id, label.as_deref(), sender.as_deref()).await?;
    if !is_new {
        return Err(Fault::unfit("This number has an owner already: remove it there first."));
    }
    log(&mut transaction, &shell, "add_number", &json!({ "tenant_id": tenant_id, "campaign_id": campaign_id })).await?;
    transaction.commit().await?;
    Ok(done(&shell, PATH, "added"))
}

/// Gives a number to a campaign, with its label and sender.
pub(in crate::dashboard) async fn assign(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Numbers").await?;
    let tenant_id = shell.within().tenant();
    let mut transaction = console.begin().await?;
    let number = number(&form, None)?;
    let campaign_id = campaign(&mut transaction, &shell, &form).await?;
    let (label, sender) = (brief(&form, "label")?, brief(&form, "sender")?);
    let (label, sender) = (label.as_deref(), sender.as_deref());
    if !numbers::assign(&mut *transaction, &number, tenant_id, campaign_id, label, sender).await? {
        return Err(Fault::NotFound);
    }
    let details = json!({ "tenant_id": tenant_id, "campaign_id": campaign_id });
    log(&mut transaction, &shell, "assign_number", &details).await?;
    transaction.commit().await?;
    Ok(done(&shell, PATH, "changed"))
}

/// Removes a number.
pub(in crate::dashboard) async fn remove(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Numbers").await?;
    let tenant_id = shell.within().tenant();
    let mut transaction = console.begin().await?;
    if !numbers::remove(&mut *transaction, &number(&form, None)?, Some(tenant_id)).await? {
        return Err(Fault::NotFound);
    }
    log(&mut transaction, &shell, "remove_number", &json!({ "tenant_id": tenant_id })).await?;
    transaction.commit().await?;
    Ok(done(&shell, PATH, "removed"))
}

/// A number as it is kept. Without a region it must begin with its country.
fn number(form: &Params, region: Option<&str>) -> Result<Phone, Fault> {
    let text = form.get("number").unwrap_or_default();
    let is_whole = text.trim_start().starts_with('+');
    let found = match region {
        None if !is_whole => None,
        region => phone::e164(&Phone::new(text), region.unwrap_or("US")),
    };
    found.ok_or(Fault::unfit("This is no telephone number: write it as +15550100123."))
}
