//! `/analytics`: analyses of calls and of people.

use actix_web::web::{Data, Json, Query, ReqData};
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{self, List};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::people::{self, AnalysisItem, Revealed};

/// Which analyses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AnalysisQuery {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// individual (one call) or complete (one person).
    kind: Option<String>,
}

/// Analyses, the newest first.
#[utoipa::path(get, path = "/api/v1/analytics", tag = "leads", params(AnalysisQuery),
               responses((status = 200, body = List<AnalysisItem>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<AnalysisQuery>,
) -> Result<Json<List<AnalysisItem>>, Problem> {
    let scope = page::tenant(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let mut transaction = console.begin().await?;
    let found = people::list_analytics(&mut transaction, &scope, query.kind.as_deref(), after, limit).await?;
    console.log_reveal(&mut transaction, scope.scope(), Revealed::List("analytics"), found.items.len()).await?;
    transaction.commit().await?;
    Ok(Json(found.into()))
}
