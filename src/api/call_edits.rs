//! What people decide about calls: conversion and campaign.

use actix_web::web::{Data, Path, ReqData};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Changed, given};
use super::json::Json;
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::people::{self, Attributed, CallEdit};

/// Calls that are attributed at once.
const CALLS_MAX: usize = 1000;

/// What is to be set; a field that is absent stays, null takes back what was decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditCall {
    /// Whether it was a success.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<bool>)]
    converted: Option<Option<bool>>,
    /// The id of the campaign that it belongs to, whatever was derived.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    campaign_id: Option<Option<Uuid>>,
}

/// Calls and their campaign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Attribute {
    /// At most 1000.
    #[schema(max_items = 1000)]
    ids: Vec<Uuid>,
    /// The campaign; null takes back what was decided by hand.
    campaign_id: Option<Uuid>,
}

/// Decide about a call by hand.
#[utoipa::path(patch, path = "/api/v1/calls/{id}", tag = "calls", params(("id" = Uuid, Path)), request_body = EditCall,
               responses((status = 200, body = Changed)))]
pub(super) async fn edit(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    body: Json<EditCall>,
) -> Result<Json<Changed>, Problem> {
    let edit = CallEdit { converted: body.converted, campaign_id: body.campaign_id, ..CallEdit::default() };
    if edit == CallEdit::default() {
        return Err(Problem::unfit("name converted or campaign_id"));
    }
    check_campaign(&entry, &console, edit.campaign_id.flatten()).await?;
    let found = people::edit_call(console.pool(), &entry.scope, *id, edit).await?;
    if found { Ok(Json(Changed { id: *id })) } else { Err(Problem::not_found()) }
}

/// Give calls to a campaign; those that are not yours are passed over.
#[utoipa::path(post, path = "/api/v1/calls/attribute", tag = "calls", request_body = Attribute,
               responses((status = 200, body = Attributed)))]
pub(super) async fn attribute(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Attribute>,
) -> Result<Json<Attributed>, Problem> {
    if body.ids.is_empty() || body.ids.len() > CALLS_MAX {
        return Err(Problem::unfit("ids must be 1 to 1000"));
    }
    check_campaign(&entry, &console, body.campaign_id).await?;
    Ok(Json(people::attribute(console.pool(), &entry.scope, &body.ids, body.campaign_id).await?))
}

pub(super) async fn check_campaign(entry: &Entry, console: &Console, id: Option<Uuid>) -> Result<(), Problem> {
    match id {
        Some(id) if !people::has_campaign(console.pool(), &entry.scope, id).await? => {
            Err(Problem::unfit("campaign_id: there is no such campaign, or it is not yours"))
        }
        _ => Ok(()),
    }
}
