//! `/setup/numbers`: which campaign a number of ours leads to, and which WhatsApp sender answers for it.

use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value;

use super::{PLACE, campaign, done, said};
use crate::admin::roster::{self, NewNumber};
use crate::console::{Console, Entry};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
use crate::redact::Phone;
use crate::store::roster::campaigns::{self, CampaignRow};
use crate::store::roster::numbers::{self, NumberEdit, NumberRow};
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
    /// Who answers for a number without a sender of its own.
    default_sender: Option<String>,
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
    let own = tenants::own(&mut *transaction, tenant_id).await?;
    drop(transaction);
    let own = own.settings.pointer("/integrations/whatsapp/phone_number_id").and_then(Value::as_str);
    let default_sender = own.unwrap_or(console.whatsapp_sender());
    let default_sender = Some(default_sender.to_owned()).filter(|sender| !sender.is_empty());
    page(&Page { said: said(&shell), rows, campaigns, region, default_sender, shell })
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
    let new = NewNumber {
        number: Phone::new(form.get("number").unwrap_or_default()),
        campaign_id: campaign(&form)?,
        label: form.owned("label"),
        sender: form.owned("sender"),
        default_region: None,
    };
    roster::add_number(console.pool(), shell.within(), new).await?;
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
    let edit = NumberEdit {
        campaign_id: Some(campaign(&form)?),
        label: Some(form.owned("label")),
        sender: Some(form.owned("sender")),
    };
    roster::edit_number(console.pool(), shell.within().scope(), &which(&form)?, edit).await?;
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
    roster::remove_number(console.pool(), shell.within().scope(), &which(&form)?).await?;
    Ok(done(&shell, PATH, "removed"))
}

fn which(form: &Params) -> Result<Phone, Fault> {
    Ok(roster::number(&Phone::new(form.get("number").unwrap_or_default()), None)?)
}
