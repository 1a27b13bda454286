//! `/setup/users`: people who sign in with a password.

use actix_web::HttpResponse;
use askama::Template;

use super::{PLACE, done, is_shown, required, role, roles, said, scope_of};
use crate::admin::users;
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::redact::Secret;
use crate::store::users::{self as store, UserRow};

const PATH: &str = "/setup/users";

#[derive(Template)]
#[template(path = "setup_users.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    said: Option<&'static str>,
    rows: Vec<Row>,
    roles: Vec<(&'static str, String)>,
    is_wide: bool,
}

struct Row {
    user: UserRow,
    added: When,
    used: Option<When>,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Users").await?;
    let mut rows = store::list(visit.pool(), shell.scope.tenant_id()).await?;
    rows.retain(|row| is_shown(&shell, row.tenant.as_deref()));
    page(&Page {
        said: said(&shell),
        rows: rows
            .into_iter()
            .map(|user| Row {
                added: When::of(&user.created_at, &shell),
                used: When::maybe(user.last_used_at, &shell),
                user,
            })
            .collect(),
        roles: roles(),
        is_wide: shell.scope.tenant_id().is_none(),
        shell,
    })
}

/// Adds a user.
pub(in crate::dashboard) async fn add(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Users").await?;
    let login = required(&visit.form, "login", "Fill in a login name.")?;
    let scope = scope_of(&shell, &visit.form);
    users::add(visit.pool(), visit.console.hasher(), &scope, &login, password_of(&visit.form), role(&visit.form)?)
        .await?;
    Ok(done(&shell, PATH, "added"))
}

/// Takes a user away.
pub(in crate::dashboard) async fn remove(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Users").await?;
    users::remove(visit.pool(), &shell.scope, &required(&visit.form, "login", "Whom?")?).await?;
    Ok(done(&shell, PATH, "removed"))
}

/// Gives a user another password.
pub(in crate::dashboard) async fn password(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Users").await?;
    let login = required(&visit.form, "login", "Whose?")?;
    users::set_password(visit.pool(), visit.console.hasher(), &shell.scope, &login, password_of(&visit.form)).await?;
    Ok(done(&shell, PATH, "password"))
}

/// Ends every session of a user.
pub(in crate::dashboard) async fn end_sessions(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Users").await?;
    users::end_sessions(visit.pool(), &shell.scope, &required(&visit.form, "login", "Whose?")?).await?;
    Ok(done(&shell, PATH, "sessions"))
}

/// Takes a user's second factor away, or obliges them to have one, or no longer.
pub(in crate::dashboard) async fn second_factor(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Users").await?;
    let login = required(&visit.form, "login", "Whose?")?;
    match visit.form.get("do") {
        Some("reset") => users::reset_second_factor(visit.pool(), &shell.scope, &login).await?,
        Some("require") => users::require_second_factor(visit.pool(), &shell.scope, &login, true).await?,
        Some("release") => users::require_second_factor(visit.pool(), &shell.scope, &login, false).await?,
        _ => return Err(Fault::unfit("Choose what is done.")),
    }
    Ok(done(&shell, PATH, "factor"))
}

/// As it was typed, with the spaces around it, as when one signs in.
fn password_of(form: &Params) -> Secret {
    Secret::new(form.raw("password").unwrap_or_default())
}
