//! `/account/second-factor`: turned on and off by its owner. Secret and recovery codes are shown once, on the answers to
//! the forms.

use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::account::{PLACE, done, of_user};
use super::fault::Fault;
use super::params::Params;
use super::second_step::Shown;
use super::shell::{Shell, page};
use crate::console::{Console, Entry};
use crate::redact::Secret;

#[derive(Template)]
#[template(path = "account_second_factor.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    setup: Option<Shown>,
    codes: Vec<String>,
}

/// Begins to set it up, after the password.
pub(super) async fn begin(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    of_user(&entry)?;
    let shell = Shell::of(&request, &entry, &console, PLACE, "Second factor").await?;
    let setup = console.begin_second_factor(&request, &entry, secret(&Params::read(&body))).await?;
    page(&Page { shell, setup: Some(Shown::of(setup)), codes: Vec::new() })
}

/// Turns it on, by a first code.
pub(super) async fn confirm(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    of_user(&entry)?;
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Second factor").await?;
    let codes = console.confirm_second_factor(&request, &entry, form.get("code").unwrap_or_default()).await?;
    shown(shell, codes)
}

/// Turns it off.
pub(super) async fn turn_off(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    of_user(&entry)?;
    let form = Params::read(&body);
    let code = form.get("code").unwrap_or_default();
    console.turn_off_second_factor(&request, &entry, secret(&form), code).await?;
    Ok(done("factor_off"))
}

/// Makes new recovery codes.
pub(super) async fn recovery_codes(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Bytes,
) -> Result<HttpResponse, Fault> {
    of_user(&entry)?;
    let form = Params::read(&body);
    let shell = Shell::of(&request, &entry, &console, PLACE, "Second factor").await?;
    let code = form.get("code").unwrap_or_default();
    let codes = console.new_recovery_codes(&request, &entry, secret(&form), code).await?;
    shown(shell, codes)
}

fn shown(shell: Shell, codes: Vec<Secret>) -> Result<HttpResponse, Fault> {
    let codes = codes.into_iter().map(Secret::into_exposed).collect();
    page(&Page { shell, setup: None, codes })
}

fn secret(form: &Params) -> Secret {
    Secret::new(form.raw("present").unwrap_or_default())
}
