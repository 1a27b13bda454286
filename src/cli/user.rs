//! `user`: people who log in with a password.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::failure::Usage;
use super::token::Role;
use super::{Context, cells, input, owner};
use crate::console::password;
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line, Login};
use crate::store::{second_factors, sessions, users};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a user; the password is read from standard input
    Add {
        /// What they log in with
        login: String,
        /// What they may do
        #[arg(long)]
        role: Role,
        /// The one tenant that they may see [default: all]
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// List the users
    List,
    /// Take a user away; their sessions end at once
    Remove {
        /// What they log in with
        login: String,
    },
    /// Take a user's second factor away, such as when the telephone is lost; their sessions end
    ResetSecondFactor {
        /// What they log in with
        login: String,
    },
    /// Give a user another password, read from standard input; their sessions end at once
    Password {
        /// What they log in with
        login: String,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let output = context.output;
    match command {
        Command::Add { login, role, tenant } => {
            let login = password::login(&login).map_err(|error| Usage::error(error.to_string()))?;
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let hash = hashed(context, &login, &users::tenant_words(&pool, tenant_id).await?)?;
            let mut transaction = pool.begin().await?;
            let id = users::add(&mut *transaction, tenant_id, &login, &hash, role.role()).await?;
            let id = id.ok_or_else(|| anyhow::anyhow!("somebody has this login name"))?;
            let line = Line::of(&context.scope(), Action::AddUser).tenant(tenant_id).with("user_id", id);
            line.with("login", Login(&login)).with("role", role.role()).write(&mut transaction).await?;
            transaction.commit().await?;
            output.one(&json!({ "id": id, "login": login }), |_| format!("added {login}"))?;
        }
        Command::List => {
            let columns = ["login", "role", "tenant", "signs in with", "since", "last login"];
            output.list(&columns, &users::list(&pool, None).await?, |user| {
                vec![
                    user.login.clone(),
                    user.role.clone(),
                    user.tenant.clone().unwrap_or_else(|| "all".to_owned()),
                    user.signs_in_with.clone(),
                    cells::time(user.created_at),
                    cells::time_or_dash(user.last_used_at),
                ]
            })?;
        }
        Command::Remove { login } => {
            let login = login.to_lowercase();
            let mut transaction = pool.begin().await?;
            let id = users::remove(&mut *transaction, &login, None).await?;
            let id = id.ok_or_else(|| anyhow::anyhow!("there is no such user"))?;
            let line = Line::of(&context.scope(), Action::RemoveUser).with("user_id", id);
            line.with("login", Login(&login)).write(&mut transaction).await?;
            transaction.commit().await?;
            output.one(&json!({ "login": login }), |_| format!("removed {login}"))?;
        }
        Command::ResetSecondFactor { login } => {
            let login = login.to_lowercase();
            let user = users::find(&pool, &login).await?.ok_or_else(|| anyhow::anyhow!("there is no such user"))?;
            let mut transaction = pool.begin().await?;
            second_factors::remove(&mut *transaction, user.id).await?;
            sessions::close_all(&mut *transaction, user.id).await?;
            let line = Line::of(&context.scope(), Action::ResetSecondFactor).tenant(user.tenant_id);
            line.with("user_id", user.id).with("login", Login(&login)).write(&mut transaction).await?;
            transaction.commit().await?;
            output.one(&json!({ "login": login }), |_| format!("{login} has no second factor any more"))?;
        }
        Command::Password { login } => {
            let login = login.to_lowercase();
            let tenant_id = users::find(&pool, &login).await?.and_then(|user| user.tenant_id);
            let hash = hashed(context, &login, &users::tenant_words(&pool, tenant_id).await?)?;
            let mut transaction = pool.begin().await?;
            let id = users::set_password(&mut *transaction, &login, &hash, None).await?;
            let id = id.ok_or_else(|| anyhow::anyhow!("there is no such user"))?;
            let ended = sessions::close_all(&mut *transaction, id).await?;
            let line = Line::of(&context.scope(), Action::SetPassword).with("user_id", id);
            line.with("login", Login(&login)).write(&mut transaction).await?;
            transaction.commit().await?;
            output.one(&json!({ "login": login, "sessions_ended": ended }), |_| {
                format!(
                    "{login} has another password; {} ended",
                    cells::counted(i64::try_from(ended).unwrap_or(0), "session")
                )
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `words`: of the tenant, of which no password may be made, as little as of the login.
fn hashed(context: &Context, login: &str, words: &[String]) -> anyhow::Result<Secret> {
    let given = input::secret_from_stdin(context.output)?;
    let words = [&[login.to_owned()], words].concat();
    password::assess(&given, &words).map_err(|error| Usage::error(error.to_string()))?;
    password::hash(&given).map_err(|error| Usage::error(error.to_string()))
}
