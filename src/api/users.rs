//! `/users`: people who log in with a password.

use actix_web::web::{Data, Path, Query, ReqData};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::{Changed, Count};
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::access::Role;
use crate::admin::users;
use crate::console::{Console, Entry};
use crate::redact::Secret;
use crate::store::users::{self as store, UserRow};

/// A user to be added. Who sees one tenant adds users of that tenant only.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// The slug of the one tenant that they may see; absent: as many as you.
    tenant: Option<String>,
    /// What they log in with.
    login: String,
    /// Of 12 characters or more, and not easy to guess.
    #[schema(value_type = String)]
    password: Secret,
    /// What they may do.
    role: Role,
}

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// Of 12 characters or more, and not easy to guess.
    #[schema(value_type = String)]
    password: Secret,
}

/// The users of a tenant, or of all.
#[utoipa::path(get, path = "/api/v1/users", tag = "setup", params(Of), responses((status = 200, body = List<UserRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<UserRow>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    Ok(Json(List::whole(store::list(console.pool(), scope.tenant_id()).await?)))
}

/// Add a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "setup", request_body = NewUser,
               responses((status = 200, body = Changed), (status = 409, description = "The name is taken")))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewUser>,
) -> Result<Json<Changed>, Problem> {
    let NewUser { tenant, login, password, role } = body.into_inner();
    let scope = page::scope(&entry, &console, tenant.as_deref()).await?;
    Ok(Json(Changed { id: users::add(console.pool(), console.hasher(), &scope, &login, password, role).await? }))
}

/// Take a user away; their sessions end at once.
#[utoipa::path(delete, path = "/api/v1/users/{login}", tag = "setup", params(("login" = String, Path)),
               responses((status = 200, body = Count)))]
pub(super) async fn remove(
    entry: ReqData<Entry>,
    console: Data<Console>,
    login: Path<String>,
) -> Result<Json<Count>, Problem> {
    users::remove(console.pool(), &entry.scope, &login).await?;
    Ok(Json(Count { changed: 1 }))
}

/// Give a user another password; their sessions end at once.
#[utoipa::path(post, path = "/api/v1/users/{login}/password", tag = "setup", params(("login" = String, Path)),
               request_body = NewPassword, responses((status = 200, body = Count)))]
pub(super) async fn password(
    entry: ReqData<Entry>,
    console: Data<Console>,
    login: Path<String>,
    body: Json<NewPassword>,
) -> Result<Json<Count>, Problem> {
    let password = body.into_inner().password;
    users::set_password(console.pool(), console.hasher(), &entry.scope, &login, password).await?;
    Ok(Json(Count { changed: 1 }))
}

/// End every session of a user.
#[utoipa::path(delete, path = "/api/v1/users/{login}/sessions", tag = "setup", params(("login" = String, Path)),
               responses((status = 200, body = Count)))]
pub(super) async fn end_sessions(
    entry: ReqData<Entry>,
    console: Data<Console>,
    login: Path<String>,
) -> Result<Json<Count>, Problem> {
    Ok(Json(Count { changed: users::end_sessions(console.pool(), &entry.scope, &login).await? }))
}
