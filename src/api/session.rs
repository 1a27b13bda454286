//! `/session`: a token, or a name and a password, becomes a cookie; and who one is.

use actix_web::web::{Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::json::Json;
use super::problem::Problem;
use crate::access::{ActorKind, Right, Role};
use crate::console::{Console, Credentials, Entry};
use crate::redact::Secret;

/// What one logs in with: a token, or a login name and a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Login {
    /// A token.
    Token {
        /// As it was shown once.
        #[schema(value_type = String)]
        token: Secret,
    },
    /// A person.
    Password {
        /// The name.
        login: String,
        /// The password.
        #[schema(value_type = String)]
        password: Secret,
        /// A code of the second factor, or a recovery code; for who has one.
        code: Option<String>,
    },
}

/// What one signed in with.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A script.
    Token,
    /// A person.
    User,
}

/// Who one is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Who {
    kind: Kind,
    /// What stands in the operator log.
    id: Uuid,
    role: Role,
    rights: Vec<Right>,
    /// The one tenant that one sees; null: all.
    tenant_id: Option<Uuid>,
    /// To be sent as `X-CSRF-Token` with every change; null where a token speaks for itself.
    csrf_token: Option<String>,
}

impl Who {
    fn of(entry: &Entry) -> Self {
        let scope = &entry.scope;
        Self {
            kind: if scope.actor().kind == ActorKind::User { Kind::User } else { Kind::Token },
            id: scope.actor().id,
            role: scope.role(),
            rights: Right::ALL.into_iter().filter(|right| scope.may(*right)).collect(),
            tenant_id: scope.tenant_id(),
            csrf_token: entry.csrf.as_ref().map(|csrf| csrf.expose().to_owned()),
        }
    }
}

/// Log in: the answer sets a cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", responses((status = 200, body = Who)))]
pub(super) async fn sign_in(
    request: HttpRequest,
    console: Data<Console>,
    login: Json<Login>,
) -> Result<HttpResponse, Problem> {
    let (credentials, code) = match login.into_inner() {
        Login::Token { token } => (Credentials::Token(token), None),
        Login::Password { login, password, code } => (Credentials::Password(login, password), code),
    };
    let signed_in = console.sign_in(&request, credentials, code.as_deref()).await?;
    let mut answer = HttpResponse::Ok();
    for set_cookie in &signed_in.set_cookies {
        answer.append_header(("Set-Cookie", set_cookie.as_str()));
    }
    Ok(answer.json(Who::of(&signed_in.entry)))
}

/// Who one is, and what one may do.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = Who)))]
pub(super) async fn show(entry: ReqData<Entry>) -> Json<Who> {
    Json(Who::of(&entry))
}

/// Log out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub(super) async fn sign_out(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Problem> {
    let set_cookie = console.sign_out(&request, &entry).await?.set_cookie;
    Ok(HttpResponse::NoContent().insert_header(("Set-Cookie", set_cookie)).finish())
}
