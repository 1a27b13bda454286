//! `/setup/tenants`: whose calls they are, and what a tenant has of its own.

use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value, json};

use super::{PLACE, brief, done, log, required, said};
use crate::console::{Console, Entry};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
use crate::store::directory;
use crate::store::roster::tenants::{self, Own, TenantRow};

const PATH: &str = "/setup/tenants";
/// Words in the name of a setting that make its value a secret, or as good as one.
const SECRET_WORDS: [&str; 6] = ["token", "key", "secret", "password", "url", "sid"];

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
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, PLACE, "Tenants").await?;
    let mut transaction = console.begin().await?;
    let mut rows = tenants::list(&mut *transaction).await?;
    rows.retain(|row| shell.scope.tenant_id().is_none_or(|own| own == row.id));
    let own = tenants::own(&mut *transaction, shell.within().tenant()).await?;
    drop(transaction);
    let may_add = shell.scope.tenant_id().is_none();
    page(&Page { said: said(&shell), rows, may_add, settings: settings(&own), shell })
}

/// Adds a tenant.
pub(in crate::dashboard) async fn add(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Tenants").await?;
    if shell.scope.tenant_id().is_some() {
        return Err(Fault::Forbidden);
    }
    let slug = required(&form, "slug", "Give it a short name.")?;
    let name = brief(&form, "name")?.unwrap_or_else(|| slug.clone());
    let region = brief(&form, "region")?.map(|region| region.to_uppercase());
    let mut transaction = console.begin().await?;
    if directory::find_tenant(&mut *transaction, &slug).await?.is_some() {
        return Err(Fault::unfit("There is a tenant of this name."));
    }
    let id = directory::add_tenant(&mut *transaction, &slug, &name, region.as_deref()).await.map_err(unfit)?;
    log(&mut transaction, &shell, "add_tenant", &json!({ "tenant_id": id })).await?;
    transaction.commit().await?;
    Ok(done(&shell, PATH, "added"))
}

fn unfit(error: sqlx::Error) -> Fault {
    match error.as_database_error().and_then(|error| error.constraint()) {
        Some(_) => Fault::unfit(
            "A short name has lower-case letters, digits, _ and -; a region is an ISO 3166 code such as US.",
        ),
        None => error.into(),
    }
}

/// What the tenant has of its own, by key; secrets hidden.
fn settings(own: &Own) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let columns = [("region", &own.region), ("time_zone", &own.time_zone)];
    lines.extend(columns.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))));
    flatten("", &own.settings, &mut lines);
    lines
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, lines);
            }
        }
        _ if is_secret(prefix) => lines.push((prefix.to_owned(), "[hidden]".to_owned())),
        Value::String(text) => lines.push((prefix.to_owned(), text.clone())),
        value => lines.push((prefix.to_owned(), value.to_string())),
    }
}

/// More is hidden than must be: a secret that somebody adds later is hidden as well.
fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or_default();
    last.split('_').any(|word| SECRET_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_of_the_configuration_is_hidden() {
        for key in crate::config::SECRETS {
            assert!(is_secret(key), "{key}");
        }
        assert!(!is_secret("outreach.delay") && !is_secret("integrations.whatsapp.template"));
    }
}
