//! `/unattributed`: numbers whose calls keep coming without a campaign, and the rule that ends it.

use actix_web::web::{Data, Query, ReqData};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::Count;
use super::call_edits::check_campaign;
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::admin::roster;
use crate::console::{Console, Entry};
use crate::redact::Phone;
use crate::store::people::{self, RepeatedNumber};

/// A number and its campaign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRule {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// One of the tenant's numbers, in E.164.
    #[schema(value_type = String)]
    our_number: Phone,
    /// The campaign that its calls belong to from now on.
    campaign_id: Uuid,
}

/// Numbers whose recent calls belong to no campaign, the most frequent first.
#[utoipa::path(get, path = "/api/v1/unattributed/numbers", tag = "calls", params(Of),
               responses((status = 200, body = List<RepeatedNumber>)))]
pub(super) async fn numbers(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<RepeatedNumber>>, Problem> {
    let scope = page::tenant(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(people::repeated_numbers(&mut transaction, &scope).await?)))
}

/// Have the calls of a number belong to a campaign from now on; those that were stay as they are.
#[utoipa::path(post, path = "/api/v1/unattributed/rule", tag = "calls", request_body = NewRule,
               responses((status = 200, body = Count)))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewRule>,
) -> Result<Json<Count>, Problem> {
    let NewRule { tenant, our_number, campaign_id } = body.into_inner();
    let scope = page::tenant(&entry, &console, tenant.as_deref()).await?;
    let wrong = |_| Problem::unfit("our_number: this is no telephone number, write it as +15550100123");
    let our_number = roster::number(&our_number, None).map_err(wrong)?;
    check_campaign(&entry, &console, Some(campaign_id)).await?;
    let is_set = people::rule_of_number(console.pool(), &scope, &our_number, campaign_id).await?;
    let nobodys = || {
        Problem::unfit(
            "our_number: this number or the campaign is not the tenant's; an administrator adds a number first \
             (POST /api/v1/numbers)",
        )
    };
    if is_set { Ok(Json(Count { changed: 1 })) } else { Err(nobodys()) }
}
