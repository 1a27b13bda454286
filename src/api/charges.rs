//! `/charges` and `/balance`: what calls cost, and what is left.

use actix_web::web::{Data, Json, Query, ReqData};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{self, List, Of};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::billing::{self, Balance, ChargeRow};

/// Which charges.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChargeQuery {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Charged then or later.
    from: Option<DateTime<Utc>>,
    /// Charged before.
    until: Option<DateTime<Utc>>,
}

/// What is left of what tenants paid in, by currency.
#[utoipa::path(get, path = "/api/v1/balance", tag = "billing", params(Of), responses((status = 200, body = List<Balance>)))]
pub(super) async fn balance(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<Balance>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(billing::balances(&mut *transaction, scope.tenant_id()).await?)))
}

/// Charges, the newest first.
#[utoipa::path(get, path = "/api/v1/charges", tag = "billing", params(ChargeQuery),
               responses((status = 200, body = List<ChargeRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<ChargeQuery>,
) -> Result<Json<List<ChargeRow>>, Problem> {
    let scope = page::tenant(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let mut transaction = console.begin().await?;
    let charges =
        billing::page_charges(&mut *transaction, scope.tenant(), query.from, query.until, after, limit + 1).await?;
    Ok(Json(page::cut(charges, limit, |charge| (charge.charged_at, charge.call_id))))
}
