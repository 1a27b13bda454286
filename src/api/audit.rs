//! `/audit`: who changed what, and who looked at whom, from `operator_log`.

use actix_web::web::{Data, Json, Query, ReqData};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use super::page::{self, List};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::store::operator_log::{Action, LogFilter, LogItem, list as list_log};

/// Which operations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// The slug of the tenant whose changes they are; without it also those of the whole installation, for an actor that
    /// sees all tenants.
    tenant: Option<String>,
    /// By this actor: a login, the label of a token, the id of either, or as it stands in the log, such as `cli`.
    actor: Option<String>,
    /// Of this action.
    #[param(schema_with = actions)]
    action: Option<Action>,
    /// Then or later.
    from: Option<DateTime<Utc>>,
    /// Earlier.
    until: Option<DateTime<Utc>>,
    /// That name this id in their details: a call, a lead, a token, whatever it is.
    subject: Option<Uuid>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// The words of all actions.
fn actions() -> Object {
    let words = Action::ALL.iter().map(|action| action.as_str());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// What people, scripts and the command line changed, and who looked at whom: the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "setup", params(AuditQuery),
               responses((status = 200, body = List<LogItem>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<AuditQuery>,
) -> Result<Json<List<LogItem>>, Problem> {
    let AuditQuery { tenant, actor, action, from, until, subject, after, limit } = query.into_inner();
    let scope = page::scope(&entry, &console, tenant.as_deref()).await?;
    let (limit, after) = (page::limit(limit)?, page::cursor(after.as_deref())?);
    let filter = LogFilter { tenant_id: scope.tenant_id(), actor, action, from, until, subject };
    let mut transaction = console.begin().await?;
    let items = list_log(&mut transaction, &filter, after, limit + 1).await?;
    Ok(Json(page::cut(items, limit, LogItem::position)))
}
