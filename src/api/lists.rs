//! The lists: newest calls first, leads by number.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Query};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use uuid::Uuid;

use super::problem::Problem;
use super::scope::Scope;
use crate::store::reads::{self, CallItem, LeadItem};

/// Rows of a page when nobody says how many.
const LIMIT: i64 = 50;
/// Rows of a page at most: a page must be read and written in a moment.
const LIMIT_MAX: i64 = 500;

/// What every list takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    tenant: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
}

/// What every list gives.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
    next: Option<String>,
}

pub(super) async fn calls(
    request: HttpRequest,
    pool: Data<PgPool>,
    page: Query<Page>,
) -> Result<Json<List<CallItem>>, Problem> {
    let scope = Scope::of(&request, &pool, page.tenant.as_deref()).await?;
    let limit = page.limit()?;
    let after: Option<(Option<DateTime<Utc>>, Uuid)> = page.cursor()?;
    let mut items = reads::list_calls(pool.get_ref(), scope.tenant_id, after, limit + 1).await?;
    let next = cut(&mut items, limit, |call| (call.started_at, call.id));
    for call in &mut items {
        let numbers = [&mut call.from_number, &mut call.from_raw, &mut call.to_number, &mut call.to_raw];
        for number in numbers.into_iter().chain([&mut call.contact_number]) {
            scope.number(number);
        }
    }
    Ok(Json(List { items, next }))
}

pub(super) async fn leads(
    request: HttpRequest,
    pool: Data<PgPool>,
    page: Query<Page>,
) -> Result<Json<List<LeadItem>>, Problem> {
    let scope = Scope::of(&request, &pool, page.tenant.as_deref()).await?;
    let limit = page.limit()?;
    let after: Option<Uuid> = page.cursor()?;
    let mut items = reads::list_leads(pool.get_ref(), scope.tenant_id, after, limit + 1).await?;
    let next = cut(&mut items, limit, |lead| lead.id);
    for lead in &mut items {
        let mut phone = Some(std::mem::take(&mut lead.phone));
        scope.number(&mut phone);
        lead.phone = phone.unwrap_or_default();
    }
    Ok(Json(List { items, next }))
}

impl Page {
    fn limit(&self) -> Result<i64, Problem> {
        match self.limit {
            None => Ok(LIMIT),
            Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "limit must be between 1 and 500")),
        }
    }

    fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        let wrong = || Problem::new(StatusCode::BAD_REQUEST, "after is no cursor of this list");
        let Some(text) = &self.after else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| wrong())
    }
}

/// Takes the row beyond the page off again; there was one, so there is a next page.
fn cut<T, K: Serialize>(items: &mut Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if items.len() <= limit {
        return None;
    }
    items.truncate(limit);
    let last = serde_json::to_vec(&key(items.last()?)).ok()?;
    Some(URL_SAFE_NO_PAD.encode(last))
}
