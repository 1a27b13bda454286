//! What leads where and whose it is: numbers, agents, campaigns and tenants.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{AdminError, claims, line_of};
use crate::access::{Scope, TenantScope};
use crate::domain::phone;
use crate::redact::Phone;
use crate::store::operator_log::{Action, Id, Line};
use crate::store::roster::agents::{self, AgentEdit};
use crate::store::roster::numbers::{self, NumberEdit};
use crate::store::roster::{campaigns, tenants};
use crate::store::{directory, people};

/// A name or a label is a few words in a line.
pub const NAME_CHARS_MAX: usize = 200;
/// What one hears who names a campaign that is not there, or another tenant's.
const NO_CAMPAIGN: &str = "campaign_id: there is no such campaign, or it is not yours";

/// A number to be added.
#[derive(Clone, Debug, Default)]
pub struct NewNumber {
    /// As somebody wrote it.
    pub number: Phone,
    /// The campaign that its calls belong to.
    pub campaign_id: Option<Uuid>,
    /// What people call it.
    pub label: Option<String>,
    /// The WhatsApp phone_number_id that answers for it; `None`: the configured one.
    pub sender: Option<String>,
    /// The region that a national number is read in where the tenant has none; `None`: it must begin with its country.
    pub default_region: Option<String>,
}

/// An agent to be added.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// The platform.
    pub provider: &'static str,
    /// The platform's id.
    pub agent_id: String,
    /// The campaign that its calls belong to.
    pub campaign_id: Option<Uuid>,
    /// What people call it.
    pub name: Option<String>,
}

/// Adds a number of a tenant; returns it as it is kept.
pub async fn add_number(pool: &PgPool, scope: &TenantScope, new: NewNumber) -> Result<Phone, AdminError> {
    let (label, sender) = (line("label", new.label)?, sender(new.sender)?);
    let tenant_id = scope.tenant();
    let mut transaction = pool.begin().await?;
    let region = tenants::region(&mut *transaction, tenant_id).await?.or(new.default_region);
    let number = number(&new.number, region.as_deref())?;
    let campaign_id = new.campaign_id;
    claims::check(&mut transaction, scope).await?;
    check_campaign(&mut transaction, scope.scope(), campaign_id).await?;
    let (label, sender) = (label.as_deref(), sender.as_deref());
    if !numbers::add(&mut *transaction, &number, tenant_id, campaign_id, label, sender).await? {
        return Err(AdminError::Conflict("this number has an owner already: remove it there first".into()));
    }
    let line = line_of(scope, Action::AddNumber).with("number", &number);
    let line = line.with("campaign_id", campaign_id).with("sender", sender.map(Id));
    line.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(number)
}

/// Gives a number to a campaign, or to none; what people call it, and who answers for it.
pub async fn edit_number(pool: &PgPool, scope: &Scope, number: &Phone, edit: NumberEdit) -> Result<(), AdminError> {
    let sender = edit.sender.map(sender).transpose()?;
    let edit = NumberEdit { label: lines("label", edit.label)?, sender, ..edit };
    let mut transaction = pool.begin().await?;
    check_campaign(&mut transaction, scope, edit.campaign_id.flatten()).await?;
    let tenant_id =
        numbers::edit(&mut *transaction, number, scope.tenant_id(), &edit).await?.ok_or(AdminError::NotFound)?;
    let mut line =
        with_campaign(Line::of(scope, Action::AssignNumber).tenant(tenant_id).with("number", number), edit.campaign_id);
    if let Some(sender) = &edit.sender {
        line = line.with("sender", sender.as_deref().map(Id));
    }
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Removes a number; what its calls belong to stays as it is.
pub async fn remove_number(pool: &PgPool, scope: &Scope, number: &Phone) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    let tenant_id = numbers::remove(&mut *transaction, number, scope.tenant_id()).await?.ok_or(AdminError::NotFound)?;
    Line::of(scope, Action::RemoveNumber).tenant(tenant_id).with("number", number).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Adds an agent of a tenant.
pub async fn add_agent(pool: &PgPool, scope: &TenantScope, new: NewAgent) -> Result<(), AdminError> {
    let agent_id = line("agent_id", Some(new.agent_id))?;
    let agent_id = agent_id.ok_or(AdminError::Invalid("agent_id: fill in the platform's id of the agent".into()))?;
    let name = line("name", new.name)?;
    let (provider, campaign_id) = (new.provider, new.campaign_id);
    let mut transaction = pool.begin().await?;
    claims::check(&mut transaction, scope).await?;
    check_campaign(&mut transaction, scope.scope(), campaign_id).await?;
    let tenant_id = scope.tenant();
    if !agents::add(&mut *transaction, provider, &agent_id, tenant_id, campaign_id, name.as_deref()).await? {
        return Err(AdminError::Conflict("this agent has an owner already: remove it there first".into()));
    }
    let line = line_of(scope, Action::AddAgent).with("provider", provider);
    let line = line.with("agent_id", Id(&agent_id)).with("campaign_id", campaign_id);
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Gives an agent to a campaign, or to none; and what people call it.
pub async fn edit_agent(
    pool: &PgPool,
    scope: &Scope,
    provider: &str,
    agent_id: &str,
    edit: AgentEdit,
) -> Result<(), AdminError> {
    let edit = AgentEdit { name: lines("name", edit.name)?, ..edit };
    let mut transaction = pool.begin().await?;
    check_campaign(&mut transaction, scope, edit.campaign_id.flatten()).await?;
    let tenant_id = agents::edit(&mut *transaction, provider, agent_id, scope.tenant_id(), &edit)
        .await?
        .ok_or(AdminError::NotFound)?;
    let line = Line::of(scope, Action::AssignAgent)
        .tenant(tenant_id)
        .with("provider", Id(provider))
        .with("agent_id", Id(agent_id));
    with_campaign(line, edit.campaign_id).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Removes an agent; what its calls belong to stays as it is.
pub async fn remove_agent(pool: &PgPool, scope: &Scope, provider: &str, agent_id: &str) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    let tenant_id =
        agents::remove(&mut *transaction, provider, agent_id, scope.tenant_id()).await?.ok_or(AdminError::NotFound)?;
    let line = Line::of(scope, Action::RemoveAgent)
        .tenant(tenant_id)
        .with("provider", Id(provider))
        .with("agent_id", Id(agent_id));
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Adds a campaign of a tenant.
pub async fn add_campaign(pool: &PgPool, scope: &TenantScope, name: &str) -> Result<Uuid, AdminError> {
    let name = line("name", Some(name.to_owned()))?;
    let name = name.ok_or(AdminError::Invalid("name: give it a name".into()))?;
    let mut transaction = pool.begin().await?;
    let id = campaigns::add(&mut *transaction, scope.tenant(), &name).await?;
    let id = id.ok_or(AdminError::Conflict("there is a campaign of this name".into()))?;
    line_of(scope, Action::AddCampaign).with("campaign_id", id).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Removes a campaign that no call belongs to and nothing leads to.
pub async fn remove_campaign(pool: &PgPool, scope: &Scope, id: Uuid) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    if !people::has_campaign(&mut *transaction, scope, id).await? {
        return Err(AdminError::NotFound);
    }
    let removed = campaigns::remove(&mut *transaction, id, scope.tenant_id()).await?;
    let Some(tenant_id) = removed else {
        return Err(AdminError::Conflict(
            "calls belong to this campaign, or a number or an agent leads to it: only an empty one can be removed"
                .into(),
        ));
    };
    Line::of(scope, Action::RemoveCampaign).tenant(tenant_id).with("campaign_id", id).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Adds a tenant; without a name it is called by its slug.
pub async fn add_tenant(
    pool: &PgPool,
    scope: &Scope,
    slug: &str,
    name: Option<String>,
    region: Option<&str>,
) -> Result<Uuid, AdminError> {
    if scope.tenant_id().is_some() {
        return Err(AdminError::NeedsAllTenants("only an administrator of all tenants can add one"));
    }
    let name = line("name", name)?.unwrap_or_else(|| slug.to_owned());
    let region = region.map(str::to_uppercase);
    let mut transaction = pool.begin().await?;
    let id = directory::add_tenant(&mut *transaction, slug, &name, region.as_deref()).await.map_err(unfit_tenant)?;
    Line::of(scope, Action::AddTenant).tenant(id).with("tenant_id", id).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(id)
}

/// A number as it is kept. Without a region it must begin with its country.
pub fn number(text: &Phone, region: Option<&str>) -> Result<Phone, AdminError> {
    let is_whole = text.expose().trim_start().starts_with('+');
    let found = match region {
        None if !is_whole => None,
        region => phone::e164(text, region.unwrap_or("US")),
    };
    found.ok_or(AdminError::Invalid("number: this is no telephone number, write it as +15550100123".into()))
}

/// What a field holds, if it is a line that is short enough for a name; nothing, if it is blank.
pub(super) fn line(field: &str, text: Option<String>) -> Result<Option<String>, AdminError> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) => {
            Err(AdminError::Invalid(format!("{field}: {NAME_CHARS_MAX} characters at most, in one line").into()))
        }
        text => Ok(text),
    }
}

/// A WhatsApp sender, which is not a telephone number.
fn sender(text: Option<String>) -> Result<Option<String>, AdminError> {
    match line("sender", text)? {
        Some(text) if !numbers::is_sender(&text) => Err(AdminError::Invalid(
            "sender: WhatsApp's phone_number_id: digits only, as Meta shows it beside the number (it is not the number)"
                .into(),
        )),
        sender => Ok(sender),
    }
}

/// The same of a field that may stay as it is.
fn lines(field: &str, text: Option<Option<String>>) -> Result<Option<Option<String>>, AdminError> {
    text.map(|text| line(field, text)).transpose()
}

async fn check_campaign(connection: &mut PgConnection, scope: &Scope, id: Option<Uuid>) -> Result<(), AdminError> {
    match id {
        Some(id) if !people::has_campaign(connection, scope, id).await? => Err(AdminError::Invalid(NO_CAMPAIGN.into())),
        _ => Ok(()),
    }
}

fn unfit_tenant(error: sqlx::Error) -> AdminError {
    match error.as_database_error().and_then(|error| error.constraint()) {
        Some("tenants_slug_key") => AdminError::Conflict("there is a tenant of this name".into()),
        Some("tenants_region_check") => AdminError::Invalid("region: an ISO 3166 code such as US".into()),
        Some(_) => AdminError::Invalid("slug: a short name of lower-case letters, digits, _ and -".into()),
        None => error.into(),
    }
}

/// And the campaign, where it was set.
fn with_campaign(line: Line, campaign_id: Option<Option<Uuid>>) -> Line {
    match campaign_id {
        Some(campaign_id) => line.with("campaign_id", campaign_id),
        None => line,
    }
}
