//! `/sessions` and `/account`: what people do with their own.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, ReqData};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::Count;
use super::json::Json;
use super::page::List;
use super::problem::Problem;
use crate::access::ActorKind;
use crate::console::account::Refused;
use crate::console::{Console, Entry};
use crate::redact::Secret;
use crate::store::sessions::SessionRow;

/// Another password of one's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnPassword {
    /// The one that is good now.
    #[schema(value_type = String)]
    present: Secret,
    /// Of 12 characters or more, and not easy to guess.
    #[schema(value_type = String)]
    password: Secret,
}

/// One's own sessions that are good, the newest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "session", responses((status = 200, body = List<SessionRow>)))]
pub(super) async fn sessions(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<Json<List<SessionRow>>, Problem> {
    Ok(Json(List::whole(console.sessions(&request, &entry).await?)))
}

/// End all of one's own sessions but the one that asks.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session", responses((status = 200, body = Count)))]
pub(super) async fn end_others(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<Json<Count>, Problem> {
    Ok(Json(Count { changed: console.end_sessions(&request, &entry, None).await? }))
}

/// End one of one's own sessions.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "session", params(("id" = Uuid, Path)),
               responses((status = 200, body = Count)))]
pub(super) async fn end_session(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<Count>, Problem> {
    Ok(Json(Count { changed: console.end_sessions(&request, &entry, Some(*id)).await? }))
}

/// Change one's own password; one's other sessions end.
#[utoipa::path(post, path = "/api/v1/account/password", tag = "session", request_body = OwnPassword,
               responses((status = 200, body = Count)))]
pub(super) async fn password(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<OwnPassword>,
) -> Result<Json<Count>, Problem> {
    of_user(&entry)?;
    let OwnPassword { present, password } = body.into_inner();
    console.change_password(&request, &entry, present, password).await?;
    Ok(Json(Count { changed: 1 }))
}

/// A token has no account.
pub(super) fn of_user(entry: &Entry) -> Result<(), Problem> {
    match entry.scope.actor().kind {
        ActorKind::User => Ok(()),
        _ => Err(Problem::forbidden("a token has no account: sign in with a name")),
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unfit(detail) => Self::unfit(detail),
            Refused::NotFound => Self::not_found(),
            Refused::TooMany(seconds) => Self::too_many(seconds),
            Refused::Away(error) => error.into(),
        }
    }
}
