//! `token`: who may use the API and the dashboard.

use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::access;
use crate::clock::Clock;
use crate::store::operator_log::{Action, Line, Text};
use crate::store::{roster, tokens};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token; it is shown this once
    Add {
        /// What it may do
        #[arg(long)]
        role: Role,
        /// The one tenant that it may see [default: all]
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// What people call it
        #[arg(long, default_value = "", hide_default_value = true)]
        label: String,
        /// How long it is good, such as 30d; `never` must be said
        #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = expires)]
        expires: Expires,
    },
    /// List the tokens that are good; never the token itself, which is not kept
    List {
        /// Also those that have expired or were revoked
        #[arg(long)]
        all: bool,
    },
    /// End a token now
    Revoke {
        /// Its id, as `token list` shows it
        id: Uuid,
    },
}

/// When a token ends.
#[derive(Clone, Copy, Debug)]
pub enum Expires {
    /// When it is revoked.
    Never,
    /// After so long.
    After(Duration),
}

fn expires(text: &str) -> Result<Expires, String> {
    if text == "never" { Ok(Expires::Never) } else { input::duration(text).map(Expires::After) }
}

/// What a token or a user may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Role {
    /// Look
    Viewer,
    /// Look, and work on leads
    Agent,
    /// And replay, skip, redrive and discard
    Operator,
    /// Everything
    Admin,
}

impl Role {
    /// The role that the word means.
    pub(super) fn role(self) -> access::Role {
        match self {
            Self::Viewer => access::Role::Viewer,
            Self::Agent => access::Role::Agent,
            Self::Operator => access::Role::Operator,
            Self::Admin => access::Role::Admin,
        }
    }
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let output = context.output;
    match command {
        Command::Add { role, tenant, label, expires } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let too_long = || Usage::error("--expires is too long");
            let expires_at = match expires {
                Expires::Never => None,
                Expires::After(wait) => {
                    let wait = TimeDelta::from_std(wait).map_err(|_| too_long())?;
                    Some(Clock::system().now().checked_add_signed(wait).ok_or_else(too_long)?)
                }
            };
            let keys = context.keys()?;
            let key = keys.load(&pool).await?;
            let mut transaction = pool.begin().await?;
            let (id, token) = tokens::add(&mut *transaction, key, tenant_id, role.role(), &label, expires_at).await?;
            let line = Line::of(&context.scope(), Action::AddToken).tenant(tenant_id).with("token_id", id);
            let line = line.with("label", Text(&label)).with("role", role.role()).with("expires_at", expires_at);
            line.write(&mut transaction).await?;
            transaction.commit().await?;
            let token = token.expose();
            output.one(&json!({ "id": id, "token": token, "expires_at": expires_at }), |_| {
                let end = expires_at.map_or_else(|| "never ends".to_owned(), |at| format!("ends {}", cells::time(at)));
                format!("{token}\n(shown this once; it {end}; use it as `Authorization: Bearer <token>`)")
            })?;
        }
        Command::List { all } => {
            let columns = ["id", "role", "tenant", "label", "since", "until", "last used"];
            output.list(&columns, &roster::tokens::list(&pool, all).await?, |token| {
                vec![
                    token.id.to_string(),
                    token.role.clone(),
                    token.tenant.clone().unwrap_or_else(|| "all".to_owned()),
                    cells::text_or_dash(Some(&token.label)),
                    cells::time(token.created_at),
                    cells::time_or_dash(token.expires_at),
                    cells::time_or_dash(token.last_used_at),
                ]
            })?;
        }
        Command::Revoke { id } => {
            let mut transaction = pool.begin().await?;
            let label = roster::tokens::revoke(&mut *transaction, id, None).await?;
            let label = label.ok_or_else(|| anyhow::anyhow!("there is no such token, or it has ended"))?;
            let line = Line::of(&context.scope(), Action::RevokeToken).with("token_id", id);
            line.with("label", Text(&label)).write(&mut transaction).await?;
            transaction.commit().await?;
            output.one(&json!({ "id": id }), |_| format!("revoked {id}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
