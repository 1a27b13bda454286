//! `/tenants`: whose everything is. Who sees one tenant sees that one.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path, ReqData};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Changed;
use super::json::Json;
use super::page::List;
use super::problem::Problem;
use crate::access::Scope;
use crate::admin::roster;
use crate::console::{Console, Entry};
use crate::store::roster::tenants::{self, TenantRow};

/// A tenant to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTenant {
    /// Its name in commands and URLs: lower-case letters, digits, _ and -.
    slug: String,
    /// Its name for people; absent: the slug.
    name: Option<String>,
    /// ISO 3166 code that its national numbers are read in; absent: the configured one.
    region: Option<String>,
}

/// A tenant, and what it has of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantDetail {
    #[serde(flatten)]
    tenant: TenantRow,
    /// Over the configuration, by key; what is a secret is hidden.
    settings: BTreeMap<String, String>,
}

/// The tenants that one sees.
#[utoipa::path(get, path = "/api/v1/tenants", tag = "setup", responses((status = 200, body = List<TenantRow>)))]
pub(super) async fn list(entry: ReqData<Entry>, console: Data<Console>) -> Result<Json<List<TenantRow>>, Problem> {
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(theirs(&mut transaction, &entry.scope).await?)))
}

/// A tenant, with its settings.
#[utoipa::path(get, path = "/api/v1/tenants/{slug}", tag = "setup", params(("slug" = String, Path)),
               responses((status = 200, body = TenantDetail)))]
pub(super) async fn show(
    entry: ReqData<Entry>,
    console: Data<Console>,
    slug: Path<String>,
) -> Result<Json<TenantDetail>, Problem> {
    let mut transaction = console.begin().await?;
    let rows = theirs(&mut transaction, &entry.scope).await?;
    let tenant = rows.into_iter().find(|row| row.slug == *slug).ok_or_else(Problem::not_found)?;
    let own = tenants::own(&mut *transaction, tenant.id).await?;
    Ok(Json(TenantDetail { tenant, settings: own.lines().into_iter().collect() }))
}

/// Add a tenant: for who sees them all.
#[utoipa::path(post, path = "/api/v1/tenants", tag = "setup", request_body = NewTenant,
               responses((status = 200, body = Changed), (status = 409, description = "The slug is taken")))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewTenant>,
) -> Result<Json<Changed>, Problem> {
    let NewTenant { slug, name, region } = body.into_inner();
    Ok(Json(Changed { id: roster::add_tenant(console.pool(), &entry.scope, &slug, name, region.as_deref()).await? }))
}

async fn theirs(connection: &mut sqlx::PgConnection, scope: &Scope) -> Result<Vec<TenantRow>, sqlx::Error> {
    let mut rows = tenants::list(connection).await?;
    rows.retain(|row| scope.tenant_id().is_none_or(|own| own == row.id));
    Ok(rows)
}
