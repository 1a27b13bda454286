//! `/setup`: whose calls they are, who may send, what leads where, and who may look.

mod agents;
mod audit;
mod campaigns;
mod connections;
mod numbers;
mod tenants;
mod test_event;
mod tokens;
mod users;

use actix_web::HttpResponse;
use askama::Template;
use uuid::Uuid;

use super::fault::Fault;
use super::params::Params;
use super::shell::{Shell, page, see_other};
use super::show;
use super::visit::Visit;
use crate::access::Role;
use crate::admin::AdminError;
use crate::admin::roster::NAME_CHARS_MAX;
use crate::inbox::pulse;
use crate::store::roster;

pub(super) use agents::{add as add_agent, assign as assign_agent, remove as remove_agent, show as agents};
pub(super) use audit::{export as export_audit, show as audit};
pub(super) use campaigns::{add as add_campaign, remove as remove_campaign, show as campaigns};
pub(super) use connections::{
    add as add_connection, disable as disable_connection, enable as enable_connection, new_url,
    rotate as rotate_secret, show as connections,
};
pub(super) use numbers::{add as add_number, assign as assign_number, remove as remove_number, show as numbers};
pub(super) use tenants::{add as add_tenant, show as tenants};
pub(super) use test_event::send as send_test_event;
pub(super) use tokens::{add as add_token, revoke as revoke_token, show as tokens};
pub(super) use users::{
    add as add_user, end_sessions, password as set_password, remove as remove_user, second_factor, show as users,
};

/// The place that these pages belong to.
const PLACE: &str = "/setup";

#[derive(Template)]
#[template(path = "setup.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    has_events: bool,
    connections: usize,
    numbers: usize,
    agents: usize,
    campaigns: usize,
    tokens: usize,
    users: usize,
}

/// The page: what there is, and the next step.
pub(super) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Setup").await?;
    let tenant = Some(shell.within().tenant());
    let mut transaction = visit.console.begin().await?;
    let has_events = pulse::standing(&mut transaction, None).await?.has_events;
    let connections = roster::connections::list(&mut *transaction).await?;
    let numbers = roster::numbers::list(&mut *transaction, tenant).await?.len();
    let agents = roster::agents::list(&mut *transaction, tenant).await?.len();
    let campaigns = roster::campaigns::list(&mut *transaction, tenant).await?.len();
    let tokens = roster::tokens::list_of(&mut *transaction, shell.scope.tenant_id(), false).await?;
    let users = crate::store::users::list(&mut *transaction, shell.scope.tenant_id()).await?;
    drop(transaction);
    page(&Page {
        has_events,
        connections: connections
            .iter()
            .filter(|row| is_shown(&shell, row.tenant.as_deref()) && row.disabled_at.is_none())
            .count(),
        numbers,
        agents,
        campaigns,
        tokens: tokens.iter().filter(|row| is_shown(&shell, row.tenant.as_deref())).count(),
        users: users.iter().filter(|row| is_shown(&shell, row.tenant.as_deref())).count(),
        shell,
    })
}

/// Whether something of this tenant stands on a page: what is the shown tenant's, and what is everybody's for who sees
/// everybody.
fn is_shown(shell: &Shell, tenant: Option<&str>) -> bool {
    match tenant {
        Some(slug) => slug == shell.tenant.slug,
        None => shell.scope.tenant_id().is_none(),
    }
}

/// The scope that something new is made for: the shown tenant's, or that of all tenants for who asks for it and may.
fn scope_of(shell: &Shell, form: &Params) -> crate::access::Scope {
    if form.is_set("all_tenants") { shell.scope } else { *shell.within().scope() }
}

/// Every role, the word and the name.
fn roles() -> Vec<(&'static str, String)> {
    Role::ALL.iter().map(|role| (role.as_str(), show::words(role.as_str()))).collect()
}

fn role(form: &Params) -> Result<Role, Fault> {
    form.get("role").and_then(Role::read).ok_or(Fault::unfit("Choose a role."))
}

/// What a field must hold.
fn required(form: &Params, name: &str, missing: &'static str) -> Result<String, Fault> {
    brief(form, name)?.ok_or(Fault::unfit(missing))
}

/// What a field holds, if it is short enough for a name.
fn brief(form: &Params, name: &str) -> Result<Option<String>, Fault> {
    match form.owned(name) {
        Some(text) if text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) => {
            Err(Fault::unfit(format!("A name has {NAME_CHARS_MAX} characters at most, in one line.")))
        }
        text => Ok(text.map(|text| text.trim().to_owned())),
    }
}

/// The campaign that a form chooses.
fn campaign(form: &Params) -> Result<Option<Uuid>, Fault> {
    form.get("campaign").map(str::parse).transpose().map_err(|_| Fault::NotFound)
}

/// Back to a page, which says what was done.
fn done(shell: &Shell, path: &str, said: &str) -> HttpResponse {
    see_other(&shell.to(&format!("{path}?said={said}")))
}

/// What was done, as a sentence.
fn said(shell: &Shell) -> Option<&'static str> {
    Some(match shell.params.get("said")? {
        "added" => "It was added.",
        "removed" => "It was removed.",
        "changed" => "It was changed.",
        "disabled" => "The connection is out of use: what is sent to it is refused within a second.",
        "enabled" => "The connection is in use again.",
        "repeated" => "That was done before, and not done again. What was shown then is not shown again.",
        "revoked" => "The token has ended, and so have the sessions that began with it.",
        "factor" => "The second factor was changed.",
        "sessions" => "Their sessions have ended.",
        "password" => "The password was changed, and their sessions have ended.",
        _ => return None,
    })
}

impl From<crate::console::account::Refused> for Fault {
    fn from(refused: crate::console::account::Refused) -> Self {
        use crate::console::account::Refused;
        match refused {
            Refused::Unfit(detail) => Self::unfit(format!("{}.", sentence(&detail))),
            Refused::NotFound => Self::NotFound,
            Refused::TooMany(seconds) => Self::TooMany(seconds),
            Refused::Away(error) => error.into(),
        }
    }
}

impl From<AdminError> for Fault {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Invalid(detail) | AdminError::Conflict(detail) => {
                Self::unfit(format!("{}.", sentence(&detail)))
            }
            AdminError::Repeated => Self::unfit("This was done before: the form was sent twice."),
            AdminError::NotFound => Self::NotFound,
            AdminError::Busy => Self::TooMany(1),
            AdminError::NeedsAllTenants(_) => Self::Forbidden,
            AdminError::Database(error) => error.into(),
        }
    }
}

/// With a capital letter.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
