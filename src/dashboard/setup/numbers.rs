//! `/setup/numbers`: which campaign a number of ours leads to, and which WhatsApp sender answers for it.

use actix_web::HttpResponse;
use askama::Template;
use serde_json::Value;

use super::{PLACE, campaign, done, said};
use crate::admin::roster::{self, NewNumber};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::visit::Visit;
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
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Numbers").await?;
    let tenant_id = shell.within().tenant();
    let mut transaction = visit.console.begin().await?;
    let rows = numbers::list(&mut *transaction, Some(tenant_id)).await?;
    let campaigns = campaigns::list(&mut *transaction, Some(tenant_id)).await?;
    let region = tenants::region(&mut *transaction, tenant_id).await?;
    let own = tenants::own(&mut *transaction, tenant_id).await?;
    drop(transaction);
    let own = own.settings.pointer("/integrations/whatsapp/phone_number_id").and_then(Value::as_str);
    let default_sender = own.unwrap_or(visit.console.whatsapp_sender());
    let default_sender = Some(default_sender.to_owned()).filter(|sender| !sender.is_empty());
    page(&Page { said: said(&shell), rows, campaigns, region, default_sender, shell })
}

/// Adds a number.
pub(in crate::dashboard) async fn add(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Numbers").await?;
    let new = NewNumber {
        number: Phone::new(visit.form.get("number").unwrap_or_default()),
        campaign_id: campaign(&visit.form)?,
        label: visit.form.owned("label"),
        sender: visit.form.owned("sender"),
        default_region: None,
    };
    roster::add_number(visit.pool(), shell.within(), new).await?;
    Ok(done(&shell, PATH, "added"))
}

/// Gives a number to a campaign, with its label and sender.
pub(in crate::dashboard) async fn assign(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Numbers").await?;
    let edit = NumberEdit {
        campaign_id: Some(campaign(&visit.form)?),
        label: Some(visit.form.owned("label")),
        sender: Some(visit.form.owned("sender")),
    };
    roster::edit_number(visit.pool(), shell.within().scope(), &which(&visit.form)?, edit).await?;
    Ok(done(&shell, PATH, "changed"))
}

/// Removes a number.
pub(in crate::dashboard) async fn remove(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Numbers").await?;
    roster::remove_number(visit.pool(), shell.within().scope(), &which(&visit.form)?).await?;
    Ok(done(&shell, PATH, "removed"))
}

fn which(form: &Params) -> Result<Phone, Fault> {
    Ok(roster::number(&Phone::new(form.get("number").unwrap_or_default()), None)?)
}
