//! Who asks, and what they may see: every query of the API takes a scope.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use sqlx::PgPool;
use uuid::Uuid;

use super::problem::Problem;
use crate::store::{directory, reads, tokens};

/// One tenant's rows, with or without whole telephone numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) tenant_id: Uuid,
    pub(super) sees_numbers: bool,
}

impl Scope {
    /// The scope of a request's token. `tenant`: the slug it asks for.
    pub(super) async fn of(request: &HttpRequest, pool: &PgPool, tenant: Option<&str>) -> Result<Self, Problem> {
        let unauthorized =
            || Problem::new(StatusCode::UNAUTHORIZED, "a valid token is needed: Authorization: Bearer …");
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let given = header.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(unauthorized)?;
        let token = tokens::find(pool, given.trim()).await?.ok_or_else(unauthorized)?;
        let asked = match tenant {
            Some(slug) => Some(
                directory::find_tenant(pool, slug)
                    .await?
                    .ok_or(Problem::new(StatusCode::NOT_FOUND, "no such tenant, or not yours"))?,
            ),
            None => None,
        };
        let tenant_id = match (token.tenant_id, asked) {
            (Some(own), Some(asked)) if own != asked => {
                return Err(Problem::new(StatusCode::NOT_FOUND, "no such tenant, or not yours"));
            }
            (Some(own), _) => own,
            (None, Some(asked)) => asked,
            (None, None) => reads::sole_tenant(pool)
                .await?
                .ok_or(Problem::new(StatusCode::BAD_REQUEST, "there are several tenants: name one with ?tenant="))?,
        };
        Ok(Self { tenant_id, sees_numbers: token.role != "viewer" })
    }

    /// A number, or its mask where the token may not see it.
    pub(super) fn number(self, number: &mut Option<String>) {
        if !self.sees_numbers
            && let Some(text) = number
        {
            *text = crate::redact::Phone::new(std::mem::take(text)).to_string();
        }
    }
}
