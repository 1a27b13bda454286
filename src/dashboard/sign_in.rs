//! Signing in, by a token or a name and a password, and out.

use actix_web::http::StatusCode;
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
    /// What the button says that leads to the identity provider.
    button: Option<String>,
    /// Where it leads.
    begin: String,
    takes_passwords: bool,
    stylesheet: &'static str,
    mark: &'static str,
}

/// The page.
pub(super) async fn show(request: HttpRequest, console: Data<Console>) -> Result<HttpResponse, Fault> {
    let next = Params::of(&request).owned("next").unwrap_or_default();
    page(&form(&console, next, String::new(), None))
}

/// Begins a session, and goes to where one wanted to go.
pub(super) async fn sign_in(request: HttpRequest, console: Data<Console>, body: Bytes) -> Result<HttpResponse, Fault> {
    let form_of = Params::read(&body);
    let (login, password) = (form_of.owned("login"), form_of.raw("password"));
    let next = form_of.owned("next").unwrap_or_default();
    let credentials = match (form_of.owned("token"), &login, password) {
        (Some(token), ..) => Credentials::Token(Secret::new(token)),
        (None, Some(login), _) if !console.takes_passwords() => {
            let wrong = "Passwords do not count here. Sign in with your organization, or with a token.";
            return refused(&console, next, Some(login.clone()), wrong);
        }
        (None, Some(login), Some(password)) => Credentials::Password(login.clone(), Secret::new(password)),
        _ => return refused(&console, next, login, "Fill in a name and a password, or a token."),
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
        Err(Denied::Unknown) => refused(&console, next, login, "That is not right. Check it, and try again."),
        Err(Denied::TooMany(seconds)) => {
            let mut page =
                refused(&console, next, login, &format!("Too many tries. Wait {seconds} s, and try again."))?;
            page.headers_mut().insert(actix_web::http::header::RETRY_AFTER, seconds.into());
            *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
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

#[derive(Template)]
#[template(path = "signed_out.html", config = "src/dashboard/askama.toml")]
struct SignedOutPage {
    /// Where the session at the identity provider ends.
    url: String,
    stylesheet: &'static str,
    mark: &'static str,
}

/// Ends the session. To the identity provider a page leads, and no redirect: browsers that hold `form-action` against
/// redirects would not follow a form to another host.
pub(super) async fn sign_out(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let signed_out = console.sign_out(&request, &entry).await?;
    let mut response = match signed_out.provider_url {
        Some(url) => page(&SignedOutPage { url, stylesheet: assets::stylesheet(), mark: assets::mark() })?,
        None => see_other("/sign-in"),
    };
    if let Ok(value) = signed_out.set_cookie.parse() {
        response.headers_mut().insert(actix_web::http::header::SET_COOKIE, value);
    }
    Ok(response)
}

fn refused(console: &Console, next: String, login: Option<String>, wrong: &str) -> Result<HttpResponse, Fault> {
    again(console, StatusCode::UNAUTHORIZED, next, login, wrong)
}

/// The page once more, with what was wrong.
pub(super) fn again(
    console: &Console,
    status: StatusCode,
    next: String,
    login: Option<String>,
    wrong: &str,
) -> Result<HttpResponse, Fault> {
    let body = form(console, next, login.unwrap_or_default(), Some(wrong.to_owned())).render()?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
}

fn form(console: &Console, next: String, login: String, wrong: Option<String>) -> Page {
    let begin = Params::default().with("next", Some(&next)).query();
    Page {
        button: console.oidc().map(|oidc| oidc.button().to_owned()),
        begin: format!("/sign-in/oidc{begin}"),
        takes_passwords: console.takes_passwords(),
        next,
        login,
        wrong,
        stylesheet: assets::stylesheet(),
        mark: assets::mark(),
    }
}

/// Only a path of ours: nobody is led away by a link to this page.
pub(super) fn ours(next: &str) -> &str {
    // What is not plain ASCII could not stand in a header either.
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_path = is_plain && next.starts_with('/') && !next.starts_with("//");
    if is_path { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::ours;

    #[test]
    fn nobody_is_led_away() {
        for away in [
            "//example.com",
            "https://example.com",
            "/\\example.com",
            "javascript:alert(1)",
            "",
            "/a\tb",
            "/\u{e9}",
            "/a b",
            "/\0",
        ] {
            assert_eq!(ours(away), "/", "{away:?}");
        }
        assert_eq!(ours("/calls?from=2026-11-01"), "/calls?from=2026-11-01");
    }
}
