//! `/stats` and `/incidents`: calls in numbers, the two queues in numbers, and what is wrong.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Query, ReqData};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{self, List};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::inbox::statistics::{self, Lag, TypeCounts};
use crate::outbox::operate::{self, KindCount};
use crate::store::incidents::{self, IncidentItem};
use crate::store::people::{self, CallStats};

/// What is counted when nobody says since when.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Since when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// From then on; a day ago when nobody says.
    from: Option<DateTime<Utc>>,
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct IncidentQuery {
    /// The slug of the tenant.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Only those that are not over.
    #[serde(default)]
    open: bool,
}

/// The queues in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Operations {
    since: DateTime<Utc>,
    events: Vec<TypeCounts>,
    lag: Lag,
    jobs: Vec<KindCount>,
}

/// A tenant's calls in numbers.
#[utoipa::path(get, path = "/api/v1/stats", tag = "calls", params(Since), responses((status = 200, body = CallStats)))]
pub(super) async fn calls(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Since>,
) -> Result<Json<CallStats>, Problem> {
    let scope = page::tenant(&entry, &console, query.tenant.as_deref()).await?;
    let since = query.from.unwrap_or_else(|| console.clock.now() - WINDOW);
    let mut transaction = console.begin().await?;
    Ok(Json(people::calls_since(&mut transaction, &scope, since).await?))
}

/// Events and jobs in numbers, of all tenants: for who sees them all.
#[utoipa::path(get, path = "/api/v1/stats/operations", tag = "operations", params(Since),
               responses((status = 200, body = Operations)))]
pub(super) async fn operations(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Since>,
) -> Result<Json<Operations>, Problem> {
    if entry.scope.tenant_id().is_some() {
        return Err(Problem::forbidden("the queues are those of all tenants: that takes a token of all tenants"));
    }
    if query.tenant.is_some() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the queues are those of all tenants: leave tenant away"));
    }
    let since = query.from.unwrap_or_else(|| console.clock.now() - WINDOW);
    let mut transaction = console.begin().await?;
    Ok(Json(Operations {
        since,
        events: statistics::counts_by_type(&mut transaction, since).await?,
        lag: statistics::lag(&mut transaction, since).await?,
        jobs: operate::counts(&mut *transaction).await?,
    }))
}

/// Incidents, the newest first.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "operations", params(IncidentQuery),
               responses((status = 200, body = List<IncidentItem>)))]
pub(super) async fn incidents(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<IncidentQuery>,
) -> Result<Json<List<IncidentItem>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let mut transaction = console.begin().await?;
    let incidents = incidents::list(&mut transaction, &scope, query.open, after, limit + 1).await?;
    Ok(Json(page::cut(incidents, limit, |incident| (incident.opened_at, incident.id))))
}
