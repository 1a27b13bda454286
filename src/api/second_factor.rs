//! `/account/second-factor`: turned on and off by its owner, reset and demanded by admins.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, ReqData};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::of_user;
use super::answer::Count;
use super::json::Json;
use super::problem::Problem;
use crate::admin::users;
use crate::console::{Console, Entry};
use crate::redact::Secret;

/// One's password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Present {
    /// The one that is good now.
    #[schema(value_type = String)]
    present: Secret,
}

/// A first code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstCode {
    /// As the app shows it.
    code: String,
}

/// One's password and a code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Both {
    /// The password that is good now.
    #[schema(value_type = String)]
    present: Secret,
    /// A code, or a recovery code.
    code: String,
}

/// Whether a user must have a second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Obligation {
    /// Whether.
    required: bool,
}

/// What an app is told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Setup {
    /// The secret in base 32.
    secret: String,
    /// The same as `otpauth://…`.
    url: String,
}

/// Recovery codes; each is good once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecoveryCodes {
    /// Shown this once.
    recovery_codes: Vec<String>,
}

/// Begin to set up one's own second factor; it is asked of nobody until it is confirmed.
#[utoipa::path(post, path = "/api/v1/account/second-factor", tag = "session", request_body = Present,
               responses((status = 200, body = Setup)))]
pub(super) async fn begin(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Present>,
) -> Result<Json<Setup>, Problem> {
    of_user(&entry)?;
    let setup = console.begin_second_factor(&request, &entry, body.into_inner().present).await?;
    Ok(Json(Setup { secret: setup.secret.into_exposed(), url: setup.uri.into_exposed() }))
}

/// Turn one's own second factor on, by a first code; one's other sessions end.
#[utoipa::path(post, path = "/api/v1/account/second-factor/confirm", tag = "session", request_body = FirstCode,
               responses((status = 200, body = RecoveryCodes)))]
pub(super) async fn confirm(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<FirstCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    of_user(&entry)?;
    Ok(shown(console.confirm_second_factor(&request, &entry, &body.code).await?))
}

/// Turn one's own second factor off.
#[utoipa::path(post, path = "/api/v1/account/second-factor/off", tag = "session", request_body = Both,
               responses((status = 200, body = Count)))]
pub(super) async fn turn_off(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Both>,
) -> Result<Json<Count>, Problem> {
    of_user(&entry)?;
    let Both { present, code } = body.into_inner();
    console.turn_off_second_factor(&request, &entry, present, &code).await?;
    Ok(Json(Count { changed: 1 }))
}

/// Make new recovery codes; the ones before are good no more.
#[utoipa::path(post, path = "/api/v1/account/second-factor/recovery-codes", tag = "session", request_body = Both,
               responses((status = 200, body = RecoveryCodes)))]
pub(super) async fn recovery_codes(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Both>,
) -> Result<Json<RecoveryCodes>, Problem> {
    of_user(&entry)?;
    let Both { present, code } = body.into_inner();
    Ok(shown(console.new_recovery_codes(&request, &entry, present, &code).await?))
}

/// Take a user's second factor away, such as when the telephone is lost; their sessions end.
#[utoipa::path(delete, path = "/api/v1/users/{login}/second-factor", tag = "setup",
               params(("login" = String, Path)), responses((status = 200, body = Count)))]
pub(super) async fn reset(
    entry: ReqData<Entry>,
    console: Data<Console>,
    login: Path<String>,
) -> Result<Json<Count>, Problem> {
    users::reset_second_factor(console.pool(), &entry.scope, &login).await?;
    Ok(Json(Count { changed: 1 }))
}

/// Oblige a user to have a second factor, or no longer. Who is obliged signs in anew.
#[utoipa::path(post, path = "/api/v1/users/{login}/second-factor", tag = "setup", params(("login" = String, Path)),
               request_body = Obligation, responses((status = 200, body = Count)))]
pub(super) async fn require(
    entry: ReqData<Entry>,
    console: Data<Console>,
    login: Path<String>,
    body: Json<Obligation>,
) -> Result<Json<Count>, Problem> {
    users::require_second_factor(console.pool(), &entry.scope, &login, body.required).await?;
    Ok(Json(Count { changed: 1 }))
}

fn shown(codes: Vec<Secret>) -> Json<RecoveryCodes> {
    Json(RecoveryCodes { recovery_codes: codes.into_iter().map(Secret::into_exposed).collect() })
}
