//! `connection`: who may send, and what proves it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use super::failure::Usage;
use super::verify_token::VerifyToken;
use super::{Context, Output, cells, connection_add, input};
use crate::db;
use crate::store::roster::connections::{self, ConnectionRow};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a connection: it makes `POST /webhooks/<platform>/<slug>`
    Add(Box<connection_add::Args>),
    /// List the connections; never their secrets
    List {
        /// Show the URLs in full, also those that are secrets
        #[arg(long)]
        urls: bool,
    },
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
        /// How long the secrets that it has stay good, such as 24h; 0s ends them now
        #[arg(long, value_name = "DURATION", value_parser = input::duration)]
        expire_others: Option<Duration>,
    },
    /// Give a connection of a platform that asks for one (WhatsApp) a verify token, in place of the one it had
    VerifyToken {
        #[command(flatten)]
        which: Which,
        /// Read the token from this file [default: a random one, shown once]
        #[arg(long, value_name = "FILE")]
        token_file: Option<std::path::PathBuf>,
    },
    /// Take a connection out of use: its webhooks hear 404 within a second
    Disable(Which),
    /// Take a connection into use again
    Enable(Which),
}

/// One connection.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The platform
    #[arg(long, value_parser = input::provider())]
    provider: String,
    /// Its name in the URL; of an unguessable one the beginning will do
    #[arg(long)]
    slug: String,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let output = context.output;
    match command {
        Command::Add(args) => return connection_add::run(*args, &context.config, output, &pool).await,
        Command::List { urls } => list(output, &pool, &context.config.http.base_url(), urls).await?,
        Command::Secret { which, secret_stdin: _, secret_file, expire_others } => {
            let row = find(&pool, &which).await?;
            let secret = match secret_file {
                Some(path) => input::secret_from_file(&path)?,
                None => input::secret_from_stdin(output)?,
            };
            let mut transaction = db::patient(&pool).await?;
            let others = connections::add_secret(&mut transaction, row.id, &secret, expire_others).await?;
            transaction.commit().await?;
            let live = if expire_others.is_none() { row.live_secrets } else { 0 } + 1;
            output.one(&json!({ "connection": row.id, "live_secrets": live, "expiring": others }), |_| {
                let name = name(&row);
                match expire_others {
                    Some(wait) => format!(
                        "{name} has a new secret; {} in force for {} more",
                        cells::counted(i64::try_from(others).unwrap_or(i64::MAX), "other"),
                        humantime::format_duration(wait)
                    ),
                    None => format!("{name} has {} in force", cells::counted(live, "secret")),
                }
            })?;
        }
        Command::VerifyToken { which, token_file } => {
            let row = find(&pool, &which).await?;
            let token = VerifyToken::of(&row.provider, token_file.as_deref())?
                .ok_or_else(|| Usage::error(format!("{} asks for no verify token", row.provider)))?;
            connections::set_verify_token(&pool, row.id, &token.secret).await?;
            output.one(&json!({ "connection": row.id, "verify_token": token.shown() }), |_| match token.shown() {
                Some(shown) => format!("{shown}\n(shown this once; type it into the form of the platform)"),
                None => format!("{} has a new verify token", name(&row)),
            })?;
        }
        Command::Disable(which) => set_disabled(output, &pool, &which, true).await?,
        Command::Enable(which) => set_disabled(output, &pool, &which, false).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What a connection asks of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    SecretAndHeader,
    Secret,
    Header,
    Url,
    Nothing,
    /// A proof that nobody can give: everything is refused.
    Impossible,
}

impl Asks {
    /// In the order in which the door looks.
    pub(super) fn of(row: &ConnectionRow) -> Self {
        match row {
            ConnectionRow { live_secrets: 1.., header_name: Some(_), .. } => Self::SecretAndHeader,
            ConnectionRow { live_secrets: 1.., .. } => Self::Secret,
            ConnectionRow { header_name: Some(_), .. } => Self::Header,
            ConnectionRow { url_is_secret: true, .. } => Self::Url,
            ConnectionRow { allow_unsigned: true, .. } => Self::Nothing,
            _ => Self::Impossible,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::SecretAndHeader => "secret and header",
            Self::Secret => "secret",
            Self::Header => "header",
            Self::Url => "url",
            Self::Nothing => "none: unsigned",
            Self::Impossible => "missing: refuses all",
        }
    }
}

/// A connection as people name it, without what is secret of it.
pub(super) fn name(row: &ConnectionRow) -> String {
    let slug = if row.url_is_secret { cells::masked_slug(&row.slug) } else { row.slug.clone() };
    format!("{}/{slug}", row.provider)
}

/// A connection as it is listed: an unguessable slug is a secret, and shown only when asked for.
#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    row: ConnectionRow,
    proof: &'static str,
    url: String,
}

async fn list(output: Output, pool: &PgPool, base_url: &str, urls: bool) -> anyhow::Result<()> {
    let items = connections::list(pool).await?.into_iter().map(|mut row| {
        if row.url_is_secret && !urls {
            row.slug = cells::masked_slug(&row.slug);
        }
        let url = format!("{base_url}/webhooks/{}/{}", row.provider, row.slug);
        Item { proof: Asks::of(&row).as_str(), url, row }
    });
    let columns = ["platform", "url", "tenant", "proof", "secret used", "from", "in use"];
    output.list(&columns, &items.collect::<Vec<_>>(), |Item { row, proof, url }| {
        vec![
            row.provider.clone(),
            url.clone(),
            row.tenant.clone().unwrap_or_else(|| "shared".to_owned()),
            (*proof).to_owned(),
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

async fn set_disabled(output: Output, pool: &PgPool, which: &Which, disabled: bool) -> anyhow::Result<()> {
    let row = find(pool, which).await?;
    connections::set_disabled(pool, row.id, disabled).await?;
    let state = if disabled { "out of use" } else { "in use" };
    output.one(&json!({ "connection": row.id, "disabled": disabled }), |_| format!("{} is {state}", name(&row)))
}

async fn find(pool: &PgPool, which: &Which) -> anyhow::Result<ConnectionRow> {
    let mut rows = connections::list(pool).await?;
    rows.retain(|row| row.provider == which.provider);
    match pick(&rows, &which.slug) {
        Some(row) => Ok(row.clone()),
        None => anyhow::bail!(
            "there is no such connection of {}, or more than one begins so: see `switchhook connection list`",
            which.provider
        ),
    }
}

/// The one of this slug; else the one unguessable slug that begins so.
pub(super) fn pick<'r>(rows: &'r [ConnectionRow], slug: &str) -> Option<&'r ConnectionRow> {
    if let Some(row) = rows.iter().find(|row| row.slug == slug) {
        return Some(row);
    }
    let beginning = slug.trim_end_matches('…');
    let mut found = rows.iter().filter(|row| row.url_is_secret && row.slug.starts_with(beginning));
    match (found.next(), found.next()) {
        (Some(row), None) if beginning.len() >= 4 => Some(row),
        _ => None,
    }
}
