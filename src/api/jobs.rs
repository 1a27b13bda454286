//! `/jobs`: what must happen next; do again, call off, pause a kind.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer::{Count, tagged};
use super::json::Json;
use super::page::{self, List};
use super::problem::Problem;
use crate::admin::operations::{self, JOBS_AT_ONCE};
use crate::console::{Console, Entry};
use crate::outbox::dead::{self, Which};
use crate::outbox::operate::{self, JobItem};
use crate::store::people::Revealed;

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JobQuery {
    /// The slug of the tenant.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Such as start_outreach.
    kind: Option<String>,
    /// pending, done, skipped, cancelled, dead.
    state: Option<String>,
    /// Dead ones that died of exactly this.
    error: Option<String>,
}

/// Which jobs, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct These {
    /// 1 to 1000.
    #[schema(max_items = 1000)]
    ids: Vec<Uuid>,
    /// Why they are called off.
    reason: Option<String>,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// For the people who wonder.
    reason: Option<String>,
}

/// Jobs, the newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "operations", params(JobQuery),
               responses((status = 200, body = List<JobItem>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<JobQuery>,
) -> Result<Json<List<JobItem>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let limit = page::limit(query.limit)?;
    let before: Option<Uuid> = page::cursor(query.after.as_deref())?;
    let (kind, state) = (query.kind.as_deref(), query.state.as_deref());
    let mut transaction = console.begin().await?;
    let tenant_id = scope.tenant_id();
    let jobs = match query.error.clone() {
        Some(_) if state.is_some_and(|state| state != "dead") => {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "error is of dead jobs: leave state away, or say dead"));
        }
        Some(error) => {
            let which = Which { kind: query.kind.clone(), last_error: Some(error), tenant_id };
            dead::list(&mut transaction, &which, before, limit + 1).await?
        }
        None => operate::page(&mut *transaction, kind, state, tenant_id, None, before, limit + 1).await?,
    };
    Ok(Json(page::cut(jobs, limit, |job| job.id)))
}

/// One job.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "operations", params(("id" = Uuid, Path)),
               responses((status = 200, body = JobItem), (status = 304)))]
pub(super) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let mut transaction = console.begin().await?;
    let tenant_id = entry.scope.tenant_id();
    let job = operate::page(&mut *transaction, None, None, tenant_id, Some(*id), None, 1).await?.pop();
    Ok(tagged(&request, &job.ok_or_else(Problem::not_found)?))
}

/// What a job was given; that it was looked at is logged.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/payload", tag = "operations", params(("id" = Uuid, Path)),
               responses((status = 200, description = "As it was put in, as JSON")))]
pub(super) async fn payload(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let mut transaction = console.begin().await?;
    let tenant_id = entry.scope.tenant_id();
    let job = operate::page(&mut *transaction, None, None, tenant_id, Some(*id), None, 1).await?.pop();
    job.ok_or_else(Problem::not_found)?;
    let payload = operate::find_payload(&mut transaction, *id).await?.ok_or_else(Problem::not_found)?;
    console.log_reveal(&mut transaction, &entry.scope, Revealed::Payload(*id), 1).await?;
    transaction.commit().await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(payload.expose().clone()))
}

/// Begin jobs afresh that are not done. One whose last outcome is unknown may do twice what it does.
#[utoipa::path(post, path = "/api/v1/jobs/retry", tag = "operations", request_body = These,
               responses((status = 200, body = Count)))]
pub(super) async fn retry(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<These>,
) -> Result<Json<Count>, Problem> {
    let changed = operations::retry_jobs(console.pool(), &entry.scope, ids(&body)?).await?;
    Ok(Json(Count { changed }))
}

/// Call jobs off that nobody is working on.
#[utoipa::path(post, path = "/api/v1/jobs/cancel", tag = "operations", request_body = These,
               responses((status = 200, body = Count)))]
pub(super) async fn cancel(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<These>,
) -> Result<Json<Count>, Problem> {
    let reason = reason(body.reason.as_deref(), "cancelled by hand")?;
    let changed = operations::cancel_jobs(console.pool(), &entry.scope, ids(&body)?, &reason).await?;
    Ok(Json(Count { changed }))
}

/// Let no job of a kind begin, of any tenant.
#[utoipa::path(post, path = "/api/v1/job-kinds/{kind}/pause", tag = "operations", params(("kind" = String, Path)),
               request_body = Reason, responses((status = 200, body = Count)))]
pub(super) async fn pause(
    entry: ReqData<Entry>,
    console: Data<Console>,
    kind: Path<String>,
    body: Json<Reason>,
) -> Result<Json<Count>, Problem> {
    check_kind(&entry, &kind)?;
    let reason = reason(body.reason.as_deref(), "paused by hand")?;
    operations::pause_kind(console.pool(), &entry.scope, &kind, &reason).await?;
    Ok(Json(Count { changed: 1 }))
}

/// Let the jobs of a kind begin again.
#[utoipa::path(post, path = "/api/v1/job-kinds/{kind}/resume", tag = "operations", params(("kind" = String, Path)),
               responses((status = 200, body = Count)))]
pub(super) async fn resume(
    entry: ReqData<Entry>,
    console: Data<Console>,
    kind: Path<String>,
) -> Result<Json<Count>, Problem> {
    check_kind(&entry, &kind)?;
    let changed = u64::from(operations::resume_kind(console.pool(), &entry.scope, &kind).await?);
    Ok(Json(Count { changed }))
}

fn ids(body: &These) -> Result<&[Uuid], Problem> {
    match body.ids.len() {
        1..=JOBS_AT_ONCE => Ok(&body.ids),
        _ => Err(Problem::unfit("ids must be 1 to 1000")),
    }
}

/// A pause is for everybody, so it is for who sees everybody.
fn check_kind(entry: &Entry, kind: &str) -> Result<(), Problem> {
    if entry.scope.tenant_id().is_some() {
        return Err(Problem::forbidden("a kind is paused for all tenants: that takes a token of all tenants"));
    }
    if crate::jobs::all().iter().any(|known| known.policy().name == kind) { Ok(()) } else { Err(Problem::not_found()) }
}

fn reason(text: Option<&str>, fallback: &str) -> Result<String, Problem> {
    let sentence = operations::sentence(text).map_err(|error| Problem::unfit(error.to_string()))?;
    Ok(sentence.unwrap_or_else(|| fallback.to_owned()))
}
