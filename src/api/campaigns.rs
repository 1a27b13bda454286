//! `/campaigns`: what calls are for.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query, ReqData};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::answer::Changed;
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::operator_log;
use crate::store::roster::campaigns::{self, CampaignRow};

/// A name is a line.
const NAME_CHARS_MAX: usize = 200;

/// A campaign to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCampaign {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// Its name, unique for the tenant.
    name: String,
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
    let name = body.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Problem::unfit("name is a line of 1 to 200 characters"));
    }
    let mut transaction = console.begin().await?;
    let taken = || Problem::new(StatusCode::CONFLICT, "the tenant has a campaign of this name");
    let id = campaigns::add(&mut *transaction, scope.tenant(), name).await?.ok_or_else(taken)?;
    let actor = entry.scope.actor().to_string();
    operator_log::log(&mut transaction, &actor, "add_campaign", 1, &json!({ "campaign_id": id })).await?;
    transaction.commit().await?;
    Ok(Json(Changed { id }))
}
