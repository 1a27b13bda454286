//! Signing in, by a token or a name and a password, and out.

use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::assets;
use super::fault::Fault;
use super::params::Params;
use super::second_step;
use super::shell::{page, see_other};
use crate::console::{Begun, Console, Credentials, Denied, Entry, SignedIn};
use crate::redact::Secret;

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/dashboard/askama.toml")]
struct Page {
    next: String,
    login: String,
    /// What was wrong with the last try.
    wrong: Option<String>,
    stylesheet: &'static str,
    mark: &'static str,
}

/// The page.
pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Fault> {
    let next = Params::of(&request).owned("next").unwrap_or_default();
    page(&form(next, String::new(), None))
}

/// Begins a session, and goes to where one wanted to go.
pub(super) async fn sign_in(request: HttpRequest, console: Data<Console>, body: Bytes) -> Result<HttpResponse, Fault> {
    let form_of = Params::read(&body);
    let (login, password) = (form_of.owned("login"), form_of.raw("password"));
    let next = form_of.owned("next").unwrap_or_default();
    let credentials = match (form_of.owned("token"), &login, password) {
        (Some(token), ..) => Credentials::Token(Secret::new(token)),
        (None, Some(login), Some(password)) => Credentials::Password(login.clone(), Secret::new(password)),
        _ => return refused(next, login, "Fill in a name and a password, or a token."),
    };
    match console.begin_sign_in(&request, credentials).await {
        Ok(Begun::In(signed_in)) => Ok(signed_in_to(&signed_in, &next)),
        Ok(Begun::Pending { set_cookie, must_set_up }) => {
            let path = if must_set_up { second_step::SET_UP } else { second_step::CODE };
            let query = Params::default().with("next", Some(ours(&next))).query();
            let mut answer = see_other(&format!("{path}{query}"));
            if let Ok(value) = set_cookie.parse() {
                answer.headers_mut().insert(actix_web::http::header::SET_COOKIE, value);
            }
            Ok(answer)
        }
        Err(Denied::Unknown) => refused(next, login, "That is not right. Check it, and try again."),
        Err(Denied::TooMany(seconds)) => {
            let mut page = refused(next, login, &format!("Too many tries. Wait {seconds} s, and try again."))?;
            page.headers_mut().insert(actix_web::http::header::RETRY_AFTER, seconds.into());
            *page.status_mut() = actix_web::http::StatusCode::TOO_MANY_REQUESTS;
            Ok(page)
        }
        Err(denied) => Err(denied.into()),
    }
}

/// To where one wanted to go, with the cookies of the session.
pub(super) fn signed_in_to(signed_in: &SignedIn, next: &str) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    for set_cookie in &signed_in.set_cookies {
        answer.append_header(("Set-Cookie", set_cookie.as_str()));
    }
    answer.insert_header(("Location", ours(next))).finish()
}

/// Ends the session.
pub(super) async fn sign_out(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let set_cookie = console.sign_out(&request, &entry).await?;
    let mut response = see_other("/sign-in");
    if let Ok(value) = set_cookie.parse() {
        response.headers_mut().insert(actix_web::http::header::SET_COOKIE, value);
    }
    Ok(response)
}

fn refused(next: String, login: Option<String>, wrong: &str) -> Result<HttpResponse, Fault> {
    let body = form(next, login.unwrap_or_default(), Some(wrong.to_owned())).render()?;
    Ok(HttpResponse::Unauthorized().content_type("text/html; charset=utf-8").body(body))
}

fn form(next: String, login: String, wrong: Option<String>) -> Page {
    Page { next, login, wrong, stylesheet: assets::stylesheet(), mark: assets::mark() }
}

/// Only a path of ours: nobody is led away by a link to this page.
pub(super) fn ours(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if is_path { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn nobody_is_led_away() {
        for away in ["//example.com", "https://example.com", "/\\example.com", "javascript:alert(1)", "", "/a\tb"] {
            assert_eq!(ours(away), "/", "{away:?}");
        }
        assert_eq!(ours("/calls?from=2026-11-01"), "/calls?from=2026-11-01");
    }
}
