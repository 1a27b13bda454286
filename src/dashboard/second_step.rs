//! The second step of signing in: a code, or setting up what makes codes.

use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::assets;
use super::fault::Fault;
use super::params::Params;
use super::setup::sentence;
use super::shell::{page, see_other};
use super::sign_in::{ours, signed_in_to};
use crate::console::account::Refused;
use crate::console::second_factor::Setup;
use crate::console::{Console, Denied, Pending};

/// Where a code is asked for.
pub(super) const CODE: &str = "/sign-in/code";
/// Where a second factor is set up that must be there.
pub(super) const SET_UP: &str = "/sign-in/second-factor";

/// A second factor that is being set up, for a page.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) secret: String,
    pub(super) uri: String,
    pub(super) size: i32,
    pub(super) path: String,
}

impl Shown {
    pub(super) fn of(setup: Setup) -> Self {
        let (size, path) = setup.picture().unwrap_or_default();
        Self { secret: setup.secret.into_exposed(), uri: setup.uri.into_exposed(), size, path }
    }
}

#[derive(Template)]
#[template(path = "sign_in_code.html", config = "src/dashboard/askama.toml")]
struct Page {
    next: String,
    csrf: String,
    login: String,
    wrong: Option<String>,
    /// What must be set up; `None`: only a code is asked for.
    setup: Option<Shown>,
    stylesheet: &'static str,
    mark: &'static str,
}

#[derive(Template)]
#[template(path = "sign_in_recovery.html", config = "src/dashboard/askama.toml")]
struct Codes {
    next: String,
    codes: Vec<String>,
    stylesheet: &'static str,
    mark: &'static str,
}

/// Asks for a code.
pub(super) async fn code(request: HttpRequest, console: Data<Console>) -> Result<HttpResponse, Fault> {
    let next = Params::of(&request).owned("next").unwrap_or_default();
    match console.pending(&request).await? {
        Some(pending) if pending.has_factor => page(&form(&pending, next, None, None)),
        _ => Ok(see_other("/sign-in")),
    }
}

/// Lets in whoever has a code.
pub(super) async fn check(request: HttpRequest, console: Data<Console>, body: Bytes) -> Result<HttpResponse, Fault> {
    let fields = Params::read(&body);
    let next = fields.owned("next").unwrap_or_default();
    let Some(pending) = console.pending(&request).await? else { return Ok(see_other("/sign-in")) };
    let (csrf, code) = (fields.get("csrf").unwrap_or_default(), fields.get("code").unwrap_or_default());
    let wrong = match console.finish_sign_in(&request, &pending, csrf, code).await {
        Ok(signed_in) => return Ok(signed_in_to(&signed_in, &next)),
        Err(Denied::WrongCode) => "The code is not right, or was used before. Wait for the next one.".to_owned(),
        Err(Denied::TooMany(seconds)) => format!("Too many tries. Wait {seconds} s, and try again."),
        Err(Denied::Unknown | Denied::SetUpNeeded) => return Ok(see_other("/sign-in")),
        Err(denied) => return Err(denied.into()),
    };
    refused(&form(&pending, next, Some(wrong), None))
}

/// Shows what must be set up.
pub(super) async fn set_up(request: HttpRequest, console: Data<Console>) -> Result<HttpResponse, Fault> {
    let next = Params::of(&request).owned("next").unwrap_or_default();
    match console.pending(&request).await? {
        Some(pending) if pending.must_set_up => {
            let setup = Shown::of(console.pending_setup(&pending).await?);
            page(&form(&pending, next, None, Some(setup)))
        }
        _ => Ok(see_other("/sign-in")),
    }
}

/// Sets it up by a first code; the answer shows the recovery codes, and begins the session.
pub(super) async fn confirm(request: HttpRequest, console: Data<Console>, body: Bytes) -> Result<HttpResponse, Fault> {
    let fields = Params::read(&body);
    let next = fields.owned("next").unwrap_or_default();
    let pending = console.pending(&request).await?.filter(|pending| pending.must_set_up);
    let Some(pending) = pending else { return Ok(see_other("/sign-in")) };
    let (csrf, code) = (fields.get("csrf").unwrap_or_default(), fields.get("code").unwrap_or_default());
    let wrong = match console.finish_set_up(&request, &pending, csrf, code).await {
        Ok((signed_in, codes)) => {
            let codes = codes.into_iter().map(crate::redact::Secret::into_exposed).collect();
            let (next, stylesheet) = (ours(&next).to_owned(), assets::stylesheet());
            let mut answer = page(&Codes { next, codes, stylesheet, mark: assets::mark() })?;
            for set_cookie in signed_in.set_cookies.iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
                answer.headers_mut().append(SET_COOKIE, set_cookie);
            }
            return Ok(answer);
        }
        Err(Refused::Unfit(detail)) => format!("{}.", sentence(&detail)),
        Err(Refused::TooMany(seconds)) => format!("Too many tries. Wait {seconds} s, and try again."),
        Err(Refused::Away(error)) => return Err(error.into()),
        Err(Refused::NotFound) => return Ok(see_other("/sign-in")),
    };
    let setup = Shown::of(console.pending_setup(&pending).await?);
    refused(&form(&pending, next, Some(wrong), Some(setup)))
}

fn form(pending: &Pending, next: String, wrong: Option<String>, setup: Option<Shown>) -> Page {
    let csrf = pending.csrf.expose().to_owned();
    let (stylesheet, mark) = (assets::stylesheet(), assets::mark());
    Page { next, csrf, login: pending.login.clone(), wrong, setup, stylesheet, mark }
}

fn refused(form: &Page) -> Result<HttpResponse, Fault> {
    Ok(HttpResponse::Unauthorized().content_type("text/html; charset=utf-8").body(form.render()?))
}
