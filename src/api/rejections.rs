//! `/rejections`: requests that were refused at the door, and why.

use actix_web::web::{Data, Json, Query, ReqData};
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{self, List, Of};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::rejections::{self, Reason, RejectionItem};

/// Which refused requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RejectionQuery {
    /// The slug of the tenant: those to its connections.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// Refused requests, the newest first.
#[utoipa::path(get, path = "/api/v1/rejections", tag = "operations", params(RejectionQuery),
               responses((status = 200, body = List<RejectionItem>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<RejectionQuery>,
) -> Result<Json<List<RejectionItem>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let mut transaction = console.begin().await?;
    let items = rejections::list(&mut transaction, &scope, after, limit + 1).await?;
    Ok(Json(page::cut(items, limit, |item| (item.at, item.id))))
}

/// Why requests were refused in the last day, the most frequent reason first.
#[utoipa::path(get, path = "/api/v1/rejections/reasons", tag = "operations", params(Of),
               responses((status = 200, body = List<Reason>)))]
pub(super) async fn reasons(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<Reason>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(rejections::reasons(&mut transaction, &scope).await?)))
}
