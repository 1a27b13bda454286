//! `/numbers`: which campaign a number of ours leads to, and which WhatsApp sender answers for it.

use actix_web::web::{Data, Path, Query, ReqData};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Count, given};
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::admin::AdminError;
use crate::admin::roster::{self, NewNumber as New};
use crate::console::{Console, Entry};
use crate::redact::Phone;
use crate::store::roster::numbers::{self, NumberEdit, NumberRow};

/// A number to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNumber {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// As people write it; without its country only where the tenant has a region.
    #[schema(value_type = String)]
    number: Phone,
    /// The campaign that its calls belong to.
    campaign_id: Option<Uuid>,
    /// What people call it.
    label: Option<String>,
    /// The WhatsApp phone_number_id that answers for it; absent: the configured one.
    sender: Option<String>,
}

/// A number that was added.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeptNumber {
    /// In E.164.
    #[schema(value_type = String)]
    number: Phone,
}

/// What is to be set; a field that is absent stays, null takes it away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditNumber {
    /// The campaign that its calls belong to from now on: the rule by which they are attributed.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    campaign_id: Option<Option<Uuid>>,
    /// What people call it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    label: Option<Option<String>>,
    /// The WhatsApp phone_number_id that answers for it; null: the configured one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    sender: Option<Option<String>>,
}

/// The numbers of a tenant, or of all.
#[utoipa::path(get, path = "/api/v1/numbers", tag = "setup", params(Of),
               responses((status = 200, body = List<NumberRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<NumberRow>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(numbers::list(&mut *transaction, scope.tenant_id()).await?)))
}

/// Add a number: calls to and from it belong to this tenant and campaign.
#[utoipa::path(post, path = "/api/v1/numbers", tag = "setup", request_body = NewNumber,
               responses((status = 200, body = KeptNumber), (status = 409, description = "The number has an owner")))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewNumber>,
) -> Result<Json<KeptNumber>, Problem> {
    let NewNumber { tenant, number, campaign_id, label, sender } = body.into_inner();
    let scope = page::tenant(&entry, &console, tenant.as_deref()).await?;
    let number =
        roster::add_number(console.pool(), &scope, New { number, campaign_id, label, sender, default_region: None })
            .await?;
    Ok(Json(KeptNumber { number }))
}

/// Give a number to a campaign; calls that were keep theirs.
#[utoipa::path(patch, path = "/api/v1/numbers/{number}", tag = "setup",
               params(("number" = String, Path, description = "In E.164, such as +15550100123")),
               request_body = EditNumber, responses((status = 200, body = Count)))]
pub(super) async fn edit(
    entry: ReqData<Entry>,
    console: Data<Console>,
    number: Path<String>,
    body: Json<EditNumber>,
) -> Result<Json<Count>, Problem> {
    let EditNumber { campaign_id, label, sender } = body.into_inner();
    let edit = NumberEdit { campaign_id, label, sender };
    if edit == NumberEdit::default() {
        return Err(Problem::unfit("name campaign_id, label or sender"));
    }
    roster::edit_number(console.pool(), &entry.scope, &which(&number)?, edit).await?;
    Ok(Json(Count { changed: 1 }))
}

/// Remove a number; what its calls belong to stays as it is.
#[utoipa::path(delete, path = "/api/v1/numbers/{number}", tag = "setup",
               params(("number" = String, Path, description = "In E.164, such as +15550100123")),
               responses((status = 200, body = Count)))]
pub(super) async fn remove(
    entry: ReqData<Entry>,
    console: Data<Console>,
    number: Path<String>,
) -> Result<Json<Count>, Problem> {
    roster::remove_number(console.pool(), &entry.scope, &which(&number)?).await?;
    Ok(Json(Count { changed: 1 }))
}

/// The number of a path, with its plus or without.
fn which(text: &str) -> Result<Phone, Problem> {
    let number = Phone::new(format!("+{}", text.trim().trim_start_matches('+')));
    roster::number(&number, None).map_err(|_| Problem::not_found())
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Invalid(detail) => Self::unfit(detail),
            AdminError::Conflict(detail) => Self::new(actix_web::http::StatusCode::CONFLICT, detail),
            AdminError::Repeated => Self::new(actix_web::http::StatusCode::CONFLICT, "the same was done before"),
            AdminError::NotFound => Self::not_found(),
            AdminError::Busy => Self::too_many(1),
            AdminError::NeedsAllTenants(detail) => Self::forbidden(detail),
            AdminError::Database(error) => error.into(),
        }
    }
}
