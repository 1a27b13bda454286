//! `/setup/tokens`: what scripts and people without a password come in with. A token is shown once, on the answer to the
//! form that made it.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use chrono::TimeDelta;
use uuid::Uuid;

use super::{PLACE, brief, done, is_shown, role, roles, said, scope_of};
use crate::admin::tokens::{self, MadeToken, NewToken, TOKEN_WARNING_DAYS, TokenEnd};
use crate::console::Console;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::store::roster::tokens::{self as store, TokenRow};

const PATH: &str = "/setup/tokens";

#[derive(Template)]
#[template(path = "setup_tokens.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    rows: Vec<Row>,
    roles: Vec<(&'static str, String)>,
    is_wide: bool,
    token: Option<String>,
    ends: Option<When>,
}

struct Row {
    token: TokenRow,
    added: When,
    ends: Option<When>,
    ends_soon: bool,
    used: Option<When>,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Tokens").await?;
    answer(shell, &visit.console, None).await
}

/// Makes a token; the answer shows it.
pub(in crate::dashboard) async fn add(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Tokens").await?;
    let label = brief(&visit.form, "label")?.unwrap_or_default();
    let days = visit.form.get("days").map(str::parse).transpose();
    let days = days.map_err(|_| Fault::unfit("The days are a number, 1 to 3650."))?;
    let end = TokenEnd::of(days, visit.form.is_set("never"))?;
    let new = NewToken { role: role(&visit.form)?, label, end };
    let scope = scope_of(&shell, &visit.form);
    let made = tokens::add(visit.pool(), visit.console.keys(), &scope, new).await?;
    answer(shell, &visit.console, Some(made)).await
}

/// Ends a token.
pub(in crate::dashboard) async fn revoke(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Tokens").await?;
    tokens::revoke(visit.pool(), &shell.scope, *id).await?;
    Ok(done(&shell, PATH, "revoked"))
}

async fn answer(shell: Shell, console: &Console, made: Option<MadeToken>) -> Result<HttpResponse, Fault> {
    let mut rows = store::list_of(console.pool(), shell.scope.tenant_id(), false).await?;
    rows.retain(|row| is_shown(&shell, row.tenant.as_deref()));
    let (token, ends) = made.map_or((None, None), |made| (Some(made.token.into_exposed()), made.expires_at));
    page(&Page {
        said: said(&shell),
        rows: rows
            .into_iter()
            .map(|token| Row {
                added: When::of(&token.created_at, &shell),
                ends: When::maybe(token.expires_at, &shell),
                ends_soon: token
                    .expires_at
                    .is_some_and(|at| at - shell.now < TimeDelta::days(TOKEN_WARNING_DAYS.into())),
                used: When::maybe(token.last_used_at, &shell),
                token,
            })
            .collect(),
        roles: roles(),
        is_wide: shell.scope.tenant_id().is_none(),
        token,
        ends: When::maybe(ends, &shell),
        shell,
    })
}
