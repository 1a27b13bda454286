//! `/setup/tenants`: whose calls they are, and what a tenant has of its own.

use actix_web::HttpResponse;
use askama::Template;

use super::{PLACE, done, said};
use crate::admin::roster;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::visit::Visit;
use crate::store::roster::tenants::{self, TenantRow};

const PATH: &str = "/setup/tenants";

#[derive(Template)]
#[template(path = "setup_tenants.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    rows: Vec<TenantRow>,
    may_add: bool,
    settings: Vec<(String, String)>,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Tenants").await?;
    let mut transaction = visit.console.begin().await?;
    let mut rows = tenants::list(&mut *transaction).await?;
    rows.retain(|row| shell.scope.tenant_id().is_none_or(|own| own == row.id));
    let own = tenants::own(&mut *transaction, shell.within().tenant()).await?;
    drop(transaction);
    let may_add = shell.scope.tenant_id().is_none();
    page(&Page { said: said(&shell), rows, may_add, settings: own.lines(), shell })
}

/// Adds a tenant.
pub(in crate::dashboard) async fn add(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Tenants").await?;
    let slug = visit.form.get("slug").unwrap_or_default();
    roster::add_tenant(visit.pool(), &shell.scope, slug, visit.form.owned("name"), visit.form.get("region")).await?;
    Ok(done(&shell, PATH, "added"))
}
