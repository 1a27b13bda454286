//! `/dead/jobs`: what jobs died of, and beginning all of a cause afresh.

use actix_web::web::{Data, Query, ReqData};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::admin::operations::{self, STEP_LONGEST};
use crate::console::{Console, Entry};
use crate::outbox::dead::{self, Cause, Which};

/// Which dead jobs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichDead {
    /// The slug of the tenant.
    tenant: Option<String>,
    /// Such as start_outreach.
    kind: Option<String>,
    /// Those that died of exactly this.
    error: Option<String>,
    /// All that one sees: instead of a filter.
    #[serde(default)]
    all: bool,
    /// Count only.
    #[serde(default)]
    dry_run: bool,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Retried {
    dry_run: bool,
    /// Dead jobs that fit.
    matched: i64,
    /// Jobs that begin afresh.
    changed: u64,
    /// Whether there was no more time: ask again.
    unfinished: bool,
}

/// Dead jobs by what they died of, the most frequent cause first.
#[utoipa::path(get, path = "/api/v1/dead/jobs", tag = "operations", params(Of),
               responses((status = 200, body = List<Cause>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<Cause>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(dead::by_cause(&mut transaction, scope.tenant_id()).await?)))
}

/// Begin dead jobs afresh. One of which nobody knows whether it was sent is left alone.
#[utoipa::path(post, path = "/api/v1/dead/jobs/retry", tag = "operations", request_body = WhichDead,
               responses((status = 200, body = Retried)))]
pub(super) async fn retry(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<WhichDead>,
) -> Result<Json<Retried>, Problem> {
    let WhichDead { tenant, kind, error, all, dry_run } = body.into_inner();
    let scope = page::scope(&entry, &console, tenant.as_deref()).await?;
    if tenant.is_none() && kind.is_none() && error.is_none() && !all {
        return Err(Problem::unfit("which jobs? Name a filter (kind, error, tenant), or say all"));
    }
    let which = Which { kind, last_error: error, tenant_id: scope.tenant_id() };
    let mut transaction = console.begin().await?;
    let (matched, last_id) = dead::count(&mut transaction, &which).await?;
    transaction.rollback().await?;
    let mut retried = Retried { dry_run, matched, changed: 0, unfinished: false };
    let Some(last_id) = last_id.filter(|_| !dry_run) else { return Ok(Json(retried)) };
    let (mut place, end) = (Some(Uuid::nil()), Instant::now() + STEP_LONGEST);
    while let Some(from) = place {
        if Instant::now() > end {
            retried.unfinished = true;
            break;
        }
        let (changed, reached) = operations::step_dead_jobs(console.pool(), &scope, &which, from, last_id).await?;
        retried.changed += changed;
        place = reached;
    }
    Ok(Json(retried))
}
