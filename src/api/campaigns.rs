//! `/campaigns`: what calls are for.

use actix_web::web::{Data, Path, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Changed, tagged};
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::admin::roster;
use crate::console::{Console, Entry};
use crate::redact::Phone;
use crate::store::roster::agents::{self, AgentRow};
use crate::store::roster::campaigns::{self, CampaignRow};
use crate::store::roster::numbers;

/// A campaign to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCampaign {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// Its name, unique for the tenant.
    name: String,
}

/// A number of ours.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OurNumber {
    /// In E.164.
    #[schema(value_type = String)]
    number: Phone,
    /// What people call it.
    label: Option<String>,
}

/// A campaign, and what leads to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignDetail {
    #[serde(flatten)]
    campaign: CampaignRow,
    /// Numbers whose calls belong to it.
    our_numbers: Vec<OurNumber>,
    /// Agents whose calls belong to it.
    voice_agents: Vec<AgentRow>,
}

/// All campaigns of a tenant, or of all that one sees.
#[utoipa::path(get, path = "/api/v1/campaigns", tag = "campaigns", params(Of),
               responses((status = 200, body = List<CampaignRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<CampaignRow>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(campaigns::list(&mut *transaction, scope.tenant_id()).await?)))
}

/// Add a campaign.
#[utoipa::path(post, path = "/api/v1/campaigns", tag = "campaigns", request_body = NewCampaign,
               responses((status = 200, body = Changed), (status = 409, description = "The name is taken")))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewCampaign>,
) -> Result<Json<Changed>, Problem> {
    let scope = page::tenant(&entry, &console, body.tenant.as_deref()).await?;
    Ok(Json(Changed { id: roster::add_campaign(console.pool(), &scope, &body.name).await? }))
}

/// One campaign, with what leads to it.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
               responses((status = 200, body = CampaignDetail), (status = 304)))]
pub(super) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let mut transaction = console.begin().await?;
    let campaign = campaigns::one(&mut *transaction, entry.scope.tenant_id(), *id).await?;
    let campaign = campaign.ok_or_else(Problem::not_found)?;
    let numbers = numbers::list(&mut *transaction, entry.scope.tenant_id()).await?;
    let numbers = numbers.into_iter().filter(|number| number.campaign_id == Some(*id));
    let agents = agents::list(&mut *transaction, entry.scope.tenant_id()).await?;
    let detail = CampaignDetail {
        campaign,
        our_numbers: numbers.map(|row| OurNumber { number: row.number, label: row.label }).collect(),
        voice_agents: agents.into_iter().filter(|agent| agent.campaign_id == Some(*id)).collect(),
    };
    Ok(tagged(&request, &detail))
}

/// Remove a campaign that no call belongs to and nothing leads to.
#[utoipa::path(delete, path = "/api/v1/campaigns/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
               responses((status = 200, body = Changed), (status = 409, description = "Something belongs to it")))]
pub(super) async fn remove(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<Changed>, Problem> {
    roster::remove_campaign(console.pool(), &entry.scope, *id).await?;
    Ok(Json(Changed { id: *id }))
}
