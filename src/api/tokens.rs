//! `/tokens`: who may use the API.

use actix_web::web::{Data, Path, Query, ReqData};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::Changed;
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::access::Role;
use crate::admin::tokens::{self, TokenEnd};
use crate::console::{Console, Entry};
use crate::store::roster::tokens::{self as roster, TokenRow};

/// A token to be made. Who sees one tenant makes tokens of that tenant only.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// The slug of the one tenant that it may see; absent: as many as you.
    tenant: Option<String>,
    /// What it may do.
    role: Role,
    /// What people call it.
    #[serde(default)]
    label: String,
    /// How many days it is good; absent: 90.
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<u16>,
    /// It never ends; then without `expires_in_days`.
    #[serde(default)]
    never_expires: bool,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeToken {
    id: Uuid,
    /// Shown this once.
    token: String,
    expires_at: Option<DateTime<Utc>>,
}

/// The tokens that are good; never the token itself, which is not kept.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "setup", params(Of), responses((status = 200, body = List<TokenRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<TokenRow>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    Ok(Json(List::whole(roster::list_of(console.pool(), scope.tenant_id(), false).await?)))
}

/// Make a token; it is shown this once.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "setup", request_body = NewToken,
               responses((status = 200, body = MadeToken)))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewToken>,
) -> Result<Json<MadeToken>, Problem> {
    let scope = page::scope(&entry, &console, body.tenant.as_deref()).await?;
    let NewToken { role, label, expires_in_days, never_expires, .. } = body.into_inner();
    let new = tokens::NewToken { role, label, end: TokenEnd::of(expires_in_days, never_expires)? };
    let made = tokens::add(console.pool(), console.keys(), &scope, new).await?;
    Ok(Json(MadeToken { id: made.id, token: made.token.into_exposed(), expires_at: made.expires_at }))
}

/// End a token now, and the sessions that began with it.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "setup", params(("id" = Uuid, Path)),
               responses((status = 200, body = Changed)))]
pub(super) async fn revoke(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<Changed>, Problem> {
    tokens::revoke(console.pool(), &entry.scope, *id).await?;
    Ok(Json(Changed { id: *id }))
}
