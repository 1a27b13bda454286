//! `token`: who may use the API and the dashboard.

use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::{Context, cells, input, owner};
use crate::access;
use crate::admin::tokens::{MadeToken, NewToken, TokenEnd};
use crate::admin::{self, AdminError};
use crate::store::roster::tokens as roster;

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
            let scope = owner::scope(context, &pool, tenant.as_deref()).await?;
            let end = match expires {
                Expires::Never => TokenEnd::Never,
                // What is too long for the type is too long for the rule as well.
                Expires::After(wait) => TokenEnd::After(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)),
            };
            let new = NewToken { role: role.role(), label, end };
            let made = admin::tokens::add(&pool, &context.keys()?, &scope, new).await?;
            let MadeToken { id, token, expires_at } = made;
            let token = token.expose();
            output.one(&json!({ "id": id, "token": token, "expires_at": expires_at }), |_| {
                let end = expires_at.map_or_else(|| "never ends".to_owned(), |at| format!("ends {}", cells::time(at)));
                format!("{token}\n(shown this once; it {end}; use it as `Authorization: Bearer <token>`)")
            })?;
        }
        Command::List { all } => {
            let columns = ["id", "role", "tenant", "label", "since", "until", "last used"];
            output.list(&columns, &roster::list(&pool, all).await?, |token| {
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
            match admin::tokens::revoke(&pool, &context.scope(), id).await {
                Err(AdminError::NotFound) => anyhow::bail!("there is no such token, or it has ended"),
                revoked => revoked?,
            }
            output.one(&json!({ "id": id }), |_| format!("revoked {id}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
