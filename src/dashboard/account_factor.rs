//! `/account/second-factor`: turned on and off by its owner. Secret and recovery codes are shown once, on the answers to
//! the forms.

use actix_web::HttpResponse;
use askama::Template;

use super::account::{PLACE, done, of_user};
use super::fault::Fault;
use super::params::Params;
use super::second_step::Shown;
use super::shell::{Shell, page};
use super::visit::Visit;
use crate::redact::Secret;

#[derive(Template)]
#[template(path = "account_second_factor.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    setup: Option<Shown>,
    codes: Vec<String>,
}

/// Begins to set it up, after the password.
pub(super) async fn begin(visit: Visit) -> Result<HttpResponse, Fault> {
    of_user(&visit.entry)?;
    let shell = visit.shell(PLACE, "Second factor").await?;
    let setup = visit.console.begin_second_factor(&visit.request, &visit.entry, secret(&visit.form)).await?;
    page(&Page { shell, setup: Some(Shown::of(setup)), codes: Vec::new() })
}

/// Turns it on, by a first code.
pub(super) async fn confirm(visit: Visit) -> Result<HttpResponse, Fault> {
    of_user(&visit.entry)?;
    let shell = visit.shell(PLACE, "Second factor").await?;
    let codes = visit
        .console
        .confirm_second_factor(&visit.request, &visit.entry, visit.form.get("code").unwrap_or_default())
        .await?;
    shown(shell, codes)
}

/// Turns it off.
pub(super) async fn turn_off(visit: Visit) -> Result<HttpResponse, Fault> {
    of_user(&visit.entry)?;
    let code = visit.form.get("code").unwrap_or_default();
    visit.console.turn_off_second_factor(&visit.request, &visit.entry, secret(&visit.form), code).await?;
    Ok(done("factor_off"))
}

/// Makes new recovery codes.
pub(super) async fn recovery_codes(visit: Visit) -> Result<HttpResponse, Fault> {
    of_user(&visit.entry)?;
    let shell = visit.shell(PLACE, "Second factor").await?;
    let code = visit.form.get("code").unwrap_or_default();
    let codes = visit.console.new_recovery_codes(&visit.request, &visit.entry, secret(&visit.form), code).await?;
    shown(shell, codes)
}

fn shown(shell: Shell, codes: Vec<Secret>) -> Result<HttpResponse, Fault> {
    let codes = codes.into_iter().map(Secret::into_exposed).collect();
    page(&Page { shell, setup: None, codes })
}

fn secret(form: &Params) -> Secret {
    Secret::new(form.raw("present").unwrap_or_default())
}
