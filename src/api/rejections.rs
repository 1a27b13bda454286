//! `/rejections`: requests that were refused at the door, and why.

use actix_web::web::{Data, Json, Path, Query, ReqData};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::page::{self, List, Of};
use super::problem::Problem;
use crate::admin::rejections as admin;
use crate::admin::rejections::Reverified;
use crate::console::{Console, Entry};
use crate::store::kept_requests::{self, KeptItem, Which};
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

/// Requests that were kept because nothing verified them, the newest first; not what they hold.
#[utoipa::path(get, path = "/api/v1/rejections/kept", tag = "operations", params(RejectionQuery),
               responses((status = 200, body = List<KeptItem>)))]
pub(super) async fn kept(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<RejectionQuery>,
) -> Result<Json<List<KeptItem>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let mut transaction = console.begin().await?;
    let items = kept_requests::list(&mut transaction, &scope, None, after, limit + 1).await?;
    Ok(Json(page::cut(items, limit, |item| (item.at, item.id))))
}

/// A kept request.
#[derive(Serialize, ToSchema)]
pub(super) struct KeptShown {
    #[serde(flatten)]
    request: KeptItem,
    /// Why it would be refused now; null: it verifies.
    refused_now: Option<String>,
}

/// One kept request, and whether it would verify now.
#[utoipa::path(get, path = "/api/v1/rejections/kept/{id}", tag = "operations", params(("id" = Uuid, Path)),
               responses((status = 200, body = KeptShown)))]
pub(super) async fn show_kept(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<Json<KeptShown>, Problem> {
    let mut transaction = console.begin().await?;
    let request = kept_requests::find(&mut transaction, &entry.scope, *id).await?.ok_or_else(Problem::not_found)?;
    drop(transaction);
    let refused_now = admin::why_refused(console.pool(), console.keys(), &entry.scope, *id).await?;
    Ok(Json(KeptShown { request, refused_now }))
}

/// Which kept requests are verified once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reverify {
    /// The slug of the tenant: those to its sources.
    tenant: Option<String>,
    /// The id of a source (`/connections`): those to it alone.
    source_id: Option<Uuid>,
    /// This one alone.
    id: Option<Uuid>,
    /// Count only.
    #[serde(default)]
    dry_run: bool,
}

/// Verify kept requests once more, as of the time at which they came, and store those that verify: after a secret was
/// mended.
#[utoipa::path(post, path = "/api/v1/rejections/reverify", tag = "operations", request_body = Reverify,
               responses((status = 200, body = Reverified)))]
pub(super) async fn reverify(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Reverify>,
) -> Result<Json<Reverified>, Problem> {
    let Reverify { tenant, source_id, id, dry_run } = body.into_inner();
    let scope = page::scope(&entry, &console, tenant.as_deref()).await?;
    let which = Which { source_id, id };
    Ok(Json(admin::reverify(console.pool(), console.keys(), &scope, &which, dry_run).await?))
}
