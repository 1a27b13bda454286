//! `/account`: one's own sessions and password.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::fault::Fault;
use super::shell::{Shell, page, see_other};
use super::show;
use super::visit::Visit;
use super::when::When;
use crate::access::ActorKind;
use crate::console::Entry;
use crate::redact::Secret;
use crate::store::sessions::SessionRow;

pub(super) const PLACE: &str = "/account";

#[derive(Template)]
#[template(path = "account.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    /// `None`: a token, which has no account.
    login: Option<String>,
    /// The identity provider that vouches for them.
    issuer: Option<String>,
    has_password: bool,
    has_factor: bool,
    rows: Vec<Row>,
}

struct Row {
    session: SessionRow,
    method: String,
    began: When,
    used: When,
}

/// The page.
pub(super) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Account").await?;
    let account = visit.console.account(&shell.scope).await?;
    let rows = visit.console.sessions(&visit.request, &visit.entry).await?;
    page(&Page {
        said: said(&shell),
        has_password: account.as_ref().is_some_and(|account| account.password_hash.is_some()),
        has_factor: account.as_ref().is_some_and(|account| account.has_second_factor),
        issuer: account.as_ref().and_then(|account| account.issuer.clone()),
        login: account.map(|account| account.login),
        rows: rows
            .into_iter()
            .map(|session| Row {
                method: match session.method.as_str() {
                    "external" => "Identity provider".to_owned(),
                    method => show::words(method),
                },
                began: When::of(&session.created_at, &shell),
                used: When::of(&session.last_used_at, &shell),
                session,
            })
            .collect(),
        shell,
    })
}

/// Changes one's own password.
pub(super) async fn password(visit: Visit) -> Result<HttpResponse, Fault> {
    of_user(&visit.entry)?;
    let field = |name: &str| Secret::new(visit.form.raw(name).unwrap_or_default());
    if visit.form.raw("password") != visit.form.raw("again") {
        return Err(Fault::unfit("The two new passwords are not the same."));
    }
    visit.console.change_password(&visit.request, &visit.entry, field("present"), field("password")).await?;
    Ok(done("password"))
}

/// Ends all of one's own sessions but this one.
pub(super) async fn end_others(visit: Visit) -> Result<HttpResponse, Fault> {
    visit.console.end_sessions(&visit.request, &visit.entry, None).await?;
    Ok(done("others"))
}

/// Ends one of one's own sessions.
pub(super) async fn end_session(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    visit.console.end_sessions(&visit.request, &visit.entry, Some(*id)).await?;
    Ok(done("ended"))
}

/// A token has no account.
pub(super) fn of_user(entry: &Entry) -> Result<(), Fault> {
    match entry.scope.actor().kind {
        ActorKind::User => Ok(()),
        _ => Err(Fault::Forbidden),
    }
}

pub(super) fn done(said: &str) -> HttpResponse {
    see_other(&format!("{PLACE}?said={said}"))
}

fn said(shell: &Shell) -> Option<&'static str> {
    Some(match shell.params.get("said")? {
        "password" => "Your password was changed, and your other sessions have ended.",
        "factor_off" => "The second factor is off.",
        "others" => "Your other sessions have ended.",
        "ended" => "The session has ended.",
        _ => return None,
    })
}
