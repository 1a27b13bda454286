//! `connection`: sources of webhooks, and what verifies them.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::failure::Usage;
use super::verify_token::VerifyToken;
use super::{Context, Output, cells, connection_add, input};
use crate::admin::sources::{self, Rotation, source_url};
use crate::providers;
use crate::store::roster::connections::{self, ConnectionRow, Overlap};
use crate::store::source_tokens::TokenUse;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a connection: it makes `POST /webhooks/<platform>/<slug>`
    Add(Box<connection_add::Args>),
    /// List the connections and what each asks of its platform; never their secrets
    List,
    /// Give a connection a further secret; the ones that it has stay good unless --expire-others says otherwise
    Secret {
        #[command(flatten)]
        which: Which,
        /// Read the secret from standard input
        #[arg(long, required_unless_present = "secret_file")]
        secret_stdin: bool,
        /// Read the secret from this file
        #[arg(long, value_name = "FILE", conflicts_with = "secret_stdin")]
        secret_file: Option<std::path::PathBuf>,
        #[command(flatten)]
        others: Others,
    },
    /// Make a new secret URL, or with --live a new token for live requests; shown once
    Url {
        #[command(flatten)]
        which: Which,
        /// A token for live requests (who is calling, tools), for platforms that do not sign them
        #[arg(long)]
        live: bool,
        #[command(flatten)]
        others: Others,
    },
    /// Give a connection of a platform that asks for one (WhatsApp) a verify token, in place of the one it had
    VerifyToken {
        #[command(flatten)]
        which: Which,
        /// Read the token from this file [default: a random one, shown once]
        #[arg(long, value_name = "FILE")]
        token_file: Option<std::path::PathBuf>,
    },
    /// End the live tokens of a connection at once: its live requests are refused within a second
    LiveOff(Which),
    /// Take a connection out of use: its webhooks hear 404 within a second
    Disable(Which),
    /// Take a connection into use again
    Enable(Which),
}

/// What becomes of the secrets that there are.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Others {
    /// How long the ones that it has stay good, such as 24h. One that works is kept until the new one has verified
    /// something, unless --even-unreplaced [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    expire_others: Option<Duration>,
    /// End them then even if the new one has verified nothing, as after a leak
    #[arg(long, requires = "expire_others")]
    even_unreplaced: bool,
}

impl Others {
    fn rotation(self) -> Rotation {
        let overlap = self.expire_others.map(|wait| Overlap { wait, even_unreplaced: self.even_unreplaced });
        Rotation { id: Uuid::now_v7(), overlap }
    }

    /// What is said of them.
    fn said(self, others: u64) -> String {
        let counted = cells::counted(i64::try_from(others).unwrap_or(i64::MAX), "other");
        match self.expire_others {
            None => "the ones before stay in force".to_owned(),
            Some(wait) => {
                let until = if self.even_unreplaced { "" } else { ", and until the new one has verified something" };
                format!("{counted} in force for {} more{until}", humantime::format_duration(wait))
            }
        }
    }
}

/// One connection.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The platform
    #[arg(long, value_parser = input::provider())]
    pub(super) provider: String,
    /// Its name
    #[arg(long)]
    pub(super) slug: String,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let (output, keys) = (context.output, context.keys()?);
    keys.load(&pool).await?;
    match command {
        Command::Add(args) => return connection_add::run(*args, context, &pool).await,
        Command::List => list(output, &pool, &context.config.http.base_url()).await?,
        Command::Secret { which, secret_stdin: _, secret_file, others } => {
            let row = find(&pool, &which).await?;
            let secret = match secret_file {
                Some(path) => input::secret_from_file(&path)?,
                None => input::secret_from_stdin(output)?,
            };
            let rotation = others.rotation();
            let rotated = sources::add_secret(&pool, &context.scope(), &keys, row.id, Some(secret), rotation).await?;
            let expiring = rotated.ending;
            let live = if rotation.overlap.is_none() { row.live_secrets } else { 0 } + 1;
            output.one(&json!({ "connection": row.id, "live_secrets": live, "expiring": expiring }), |_| {
                format!("{} has a new secret; {}", name(&row), others.said(expiring))
            })?;
        }
        Command::Url { which, live, others } => {
            let row = find(&pool, &which).await?;
            let usage = if live { TokenUse::Live } else { TokenUse::Webhook };
            let made = sources::add_token(&pool, &context.scope(), &keys, row.id, usage, others.rotation()).await?;
            let (token, expiring) = (made.token, made.ending);
            let url = source_url(&context.config.http.base_url(), &row.provider, &token, usage);
            let made = json!({ "connection": row.id, "url": url, "token": token.expose(), "expiring": expiring });
            output.one(&made, |_| {
                let by_header = match live {
                    true => format!("\nor, by name, with the header Authorization: Bearer {}", token.expose()),
                    false => String::new(),
                };
                format!("{url}{by_header}\n(shown this once; {})", others.said(expiring))
            })?;
        }
        Command::VerifyToken { which, token_file } => {
            let row = find(&pool, &which).await?;
            let token = VerifyToken::of(&row.provider, token_file.as_deref())?
                .ok_or_else(|| Usage::error(format!("{} asks for no verify token", row.provider)))?;
            sources::set_verify_token(&pool, &context.scope(), &keys, row.id, &token.secret).await?;
            output.one(&json!({ "connection": row.id, "verify_token": token.shown() }), |_| match token.shown() {
                Some(shown) => format!("{shown}\n(shown this once; type it into the form of the platform)"),
                None => format!("{} has a new verify token", name(&row)),
            })?;
        }
        Command::LiveOff(which) => {
            let row = find(&pool, &which).await?;
            let (ended, needs) = sources::end_live_tokens(&pool, &context.scope(), row.id).await?;
            output.one(&json!({ "connection": row.id, "ended": ended, "live_requests_need": needs }), |_| {
                let counted = cells::counted(i64::try_from(ended).unwrap_or(i64::MAX), "live token");
                let rest = match needs.as_str() {
                    "never" => "its live requests are refused".to_owned(),
                    needs => format!("its live requests still need: {needs}"),
                };
                format!("{}: {counted} ended; {rest}", name(&row))
            })?;
        }
        Command::Disable(which) => set_disabled(context, &pool, &which, true).await?,
        Command::Enable(which) => set_disabled(context, &pool, &which, false).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A connection as people name it.
pub(super) fn name(row: &ConnectionRow) -> String {
    format!("{}/{}", row.provider, row.slug)
}

/// A connection as it is listed, with what it asks of its platform.
#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    row: ConnectionRow,
    webhooks_need: String,
    live_requests_need: String,
    url: String,
}

async fn list(output: Output, pool: &PgPool, base_url: &str) -> anyhow::Result<()> {
    let items = connections::list(pool).await?.into_iter().map(|row| {
        let last = if row.url_is_secret { "(secret)" } else { row.slug.as_str() };
        let url = format!("{base_url}/webhooks/{}/{last}", row.provider);
        let (webhooks_need, live_requests_need) = providers::needs_of(&row);
        Item { webhooks_need, live_requests_need, url, row }
    });
    let columns =
        ["platform", "name", "url", "tenant", "webhooks need", "live requests need", "last verified", "from", "in use"];
    output.list(&columns, &items.collect::<Vec<_>>(), |Item { row, webhooks_need, live_requests_need, url }| {
        vec![
            row.provider.clone(),
            row.slug.clone(),
            url.clone(),
            row.tenant.clone().unwrap_or_else(|| "shared".to_owned()),
            webhooks_need.clone(),
            live_requests_need.clone(),
            cells::time_or_dash(row.secret_used_at),
            if row.allowed_addresses.is_empty() { "anywhere".to_owned() } else { row.allowed_addresses.join(" ") },
            match (row.disabled_at, row.is_default) {
                (Some(_), _) => "no",
                (None, true) => "yes, default",
                (None, false) => "yes",
            }
            .to_owned(),
        ]
    })
}

async fn set_disabled(context: &Context, pool: &PgPool, which: &Which, disabled: bool) -> anyhow::Result<()> {
    let row = find(pool, which).await?;
    sources::set_disabled(pool, &context.scope(), row.id, disabled).await?;
    let state = if disabled { "out of use" } else { "in use" };
    context.output.one(&json!({ "connection": row.id, "disabled": disabled }), |_| format!("{} is {state}", name(&row)))
}

pub(super) async fn find(pool: &PgPool, which: &Which) -> anyhow::Result<ConnectionRow> {
    let rows = connections::list(pool).await?;
    let is_it = |row: &ConnectionRow| row.provider == which.provider && row.slug == which.slug;
    rows.into_iter().find(is_it).ok_or_else(|| {
        anyhow::anyhow!("there is no such connection of {}: see `switchhook connection list`", which.provider)
    })
}
