//! `user`: people who log in with a password.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::token::Role;
use super::{Context, Output, cells, input, owner};
use crate::admin::{self, AdminError};
use crate::console::password::Hasher;
use crate::store::users as store;

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
    /// Oblige a user to have a second factor; their sessions end, and the next sign-in sets it up
    RequireSecondFactor {
        /// What they log in with
        login: String,
    },
    /// Oblige a user no longer; the second factor that they have stays
    ReleaseSecondFactor {
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
    let (output, scope) = (context.output, context.scope());
    match command {
        Command::Add { login, role, tenant } => {
            let scope = owner::scope(context, &pool, tenant.as_deref()).await?;
            let given = input::secret_from_stdin(output)?;
            let id = admin::users::add(&pool, &Hasher::default(), &scope, &login, given, role.role()).await?;
            let login = login.trim().to_lowercase();
            output.one(&json!({ "id": id, "login": login }), |_| format!("added {login}"))?;
        }
        Command::List => {
            let columns = ["login", "role", "tenant", "signs in with", "second factor", "since", "last login"];
            output.list(&columns, &store::list(&pool, None).await?, |user| {
                let factor = match (user.has_second_factor, user.second_factor_required) {
                    (true, false) => "on",
                    (true, true) => "on, required",
                    (false, true) => "required",
                    (false, false) => "-",
                };
                vec![
                    user.login.clone(),
                    user.role.clone(),
                    user.tenant.clone().unwrap_or_else(|| "all".to_owned()),
                    user.signs_in_with.clone(),
                    factor.to_owned(),
                    cells::time(user.created_at),
                    cells::time_or_dash(user.last_used_at),
                ]
            })?;
        }
        Command::Remove { login } => {
            found(admin::users::remove(&pool, &scope, &login).await)?;
            said(output, &login, "is removed")?;
        }
        Command::ResetSecondFactor { login } => {
            found(admin::users::reset_second_factor(&pool, &scope, &login).await)?;
            said(output, &login, "has no second factor any more")?;
        }
        Command::RequireSecondFactor { login } => {
            found(admin::users::require_second_factor(&pool, &scope, &login, true).await)?;
            said(output, &login, "must have a second factor, and sets it up at the next sign-in")?;
        }
        Command::ReleaseSecondFactor { login } => {
            found(admin::users::require_second_factor(&pool, &scope, &login, false).await)?;
            said(output, &login, "need not have a second factor")?;
        }
        Command::Password { login } => {
            let given = input::secret_from_stdin(output)?;
            let ended = found(admin::users::set_password(&pool, &Hasher::default(), &scope, &login, given).await)?;
            let login = login.to_lowercase();
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

fn found<T>(done: Result<T, AdminError>) -> anyhow::Result<T> {
    match done {
        Err(AdminError::NotFound) => anyhow::bail!("there is no such user"),
        done => Ok(done?),
    }
}

fn said(output: Output, login: &str, what: &str) -> anyhow::Result<()> {
    let login = login.to_lowercase();
    output.one(&json!({ "login": login }), |_| format!("{login} {what}"))
}
