//! `/overview` and `/campaigns/stats`: calls in numbers, over time and by campaign.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query, ReqData};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::page;
use super::problem::Problem;
use crate::access::TenantScope;
use crate::console::{Console, Entry};
use crate::store::people::{self, By, CampaignStats, Numbers, Overview, Step, StepNumbers, Window};
use crate::store::roster::campaigns as roster;

/// What is shown when nobody says since when.
const WINDOW: TimeDelta = TimeDelta::days(30);

/// Of which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OverviewQuery {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// From then on; thirty days before the end when nobody says. Taken to whole quarters of an hour.
    from: Option<DateTime<Utc>>,
    /// Until then; now when nobody says.
    until: Option<DateTime<Utc>>,
    /// hour or day (as when nobody says).
    step: Option<Step>,
}

/// Of which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CampaignQuery {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// From then on; thirty days before the end when nobody says. Taken to whole quarters of an hour.
    from: Option<DateTime<Utc>>,
    /// Until then; now when nobody says.
    until: Option<DateTime<Utc>>,
}

/// Of which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfTime {
    /// From then on; thirty days before the end when nobody says. Taken to whole quarters of an hour.
    from: Option<DateTime<Utc>>,
    /// Until then; now when nobody says.
    until: Option<DateTime<Utc>>,
    /// hour or day (as when nobody says).
    step: Option<Step>,
}

/// A campaign's calls over time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignOverTime {
    /// All of them.
    total: Numbers,
    /// By hour or day.
    steps: Vec<StepNumbers>,
    /// False: older calls are still being added up, and are missing; ask again.
    complete: bool,
}

/// A tenant's calls over time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallsOverTime {
    #[serde(flatten)]
    overview: Overview,
    /// False: older calls are still being added up, and are missing; ask again.
    complete: bool,
}

/// The campaigns in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Campaigns {
    items: Vec<CampaignStats>,
    /// False: older calls are still being added up, and are missing; ask again.
    complete: bool,
}

/// A tenant's calls in numbers, by hour or day.
#[utoipa::path(get, path = "/api/v1/overview", tag = "calls", params(OverviewQuery),
               responses((status = 200, body = CallsOverTime)))]
pub(super) async fn calls(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<OverviewQuery>,
) -> Result<Json<CallsOverTime>, Problem> {
    let (scope, window) = asked(&entry, &console, query.tenant.as_deref(), query.from, query.until).await?;
    let complete = people::refresh_overview(console.pool(), &scope, window).await?;
    let mut transaction = console.begin().await?;
    let by = By { step: query.step.unwrap_or_default(), time_zone: console.time_zone(), campaign_id: None };
    let overview = people::overview(&mut transaction, &scope, window, by).await?;
    Ok(Json(CallsOverTime { overview, complete }))
}

/// Each campaign in numbers.
#[utoipa::path(get, path = "/api/v1/campaigns/stats", tag = "campaigns", params(CampaignQuery),
               responses((status = 200, body = Campaigns)))]
pub(super) async fn campaigns(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<CampaignQuery>,
) -> Result<Json<Campaigns>, Problem> {
    let (scope, window) = asked(&entry, &console, query.tenant.as_deref(), query.from, query.until).await?;
    let complete = people::refresh_overview(console.pool(), &scope, window).await?;
    let mut transaction = console.begin().await?;
    let items = people::campaign_stats(&mut transaction, &scope, window).await?;
    Ok(Json(Campaigns { items, complete }))
}

/// A campaign in numbers, by hour or day.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/stats", tag = "campaigns", params(("id" = Uuid, Path), OfTime),
               responses((status = 200, body = CampaignOverTime)))]
pub(super) async fn campaign(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
    query: Query<OfTime>,
) -> Result<Json<CampaignOverTime>, Problem> {
    let campaign = roster::one(console.pool(), entry.scope.tenant_id(), *id).await?.ok_or_else(Problem::not_found)?;
    let (scope, window) = asked(&entry, &console, Some(&campaign.tenant), query.from, query.until).await?;
    let complete = people::refresh_overview(console.pool(), &scope, window).await?;
    let mut transaction = console.begin().await?;
    let by = By { step: query.step.unwrap_or_default(), time_zone: console.time_zone(), campaign_id: Some(*id) };
    let (total, steps) = people::steps(&mut transaction, &scope, window, by).await?;
    Ok(Json(CampaignOverTime { total, steps, complete }))
}

async fn asked(
    entry: &Entry,
    console: &Console,
    tenant: Option<&str>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<(TenantScope, Window), Problem> {
    let scope = page::tenant(entry, console, tenant).await?;
    let until = until.unwrap_or_else(|| console.clock.now());
    let from = from.or_else(|| until.checked_sub_signed(WINDOW)).unwrap_or(until);
    let wrong = || {
        let detail = format!("from must be before until, by {} days at most", people::WINDOW_DAYS_MAX);
        Problem::new(StatusCode::BAD_REQUEST, detail)
    };
    Ok((scope, Window::new(from, until).ok_or_else(wrong)?))
}
