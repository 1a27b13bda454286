//! `rejections`: requests that were refused; what was kept of those that nothing verified, and verifying it once more.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::connection::{self, Which as Source};
use super::{Context, cells, input};
use crate::admin::rejections::{Reverified, reverify, why_refused};
use crate::store::kept_requests::{self, Which};
use crate::store::rejections;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List refused requests, the newest first
    List {
        /// Those that were kept because nothing verified them
        #[arg(long)]
        kept: bool,
        /// Rows at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Show a kept request, without its content, and say whether it would verify now
    Show {
        /// Its id, of `rejections list --kept`
        id: Uuid,
    },
    /// Verify kept requests once more, as of the time at which they came, and store those that verify
    Reverify {
        #[command(flatten)]
        source: MaybeSource,
        /// This one alone
        #[arg(long, value_name = "UUID", conflicts_with = "provider")]
        id: Option<Uuid>,
        /// Count only
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A source, if one is meant.
#[derive(Debug, clap::Args)]
pub struct MaybeSource {
    /// Of this platform's source alone
    #[arg(long, value_parser = input::provider(), requires = "slug")]
    provider: Option<String>,
    /// Its name
    #[arg(long, requires = "provider")]
    slug: Option<String>,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { kept: true, limit } => list_kept(context, limit).await,
        Command::List { kept: false, limit } => list(context, limit).await,
        Command::Show { id } => show(context, id).await,
        Command::Reverify { source, id, dry_run, yes } => again(context, source, id, dry_run, yes).await,
    }
}

async fn list(context: &mut Context, limit: u32) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let mut connection = pool.acquire().await?;
    let rows = rejections::list(&mut connection, &context.scope(), None, i64::from(limit)).await?;
    let columns = ["at", "platform", "source", "address", "status", "times", "bytes", "reason"];
    context.output.list(&columns, &rows, |row| {
        vec![
            cells::time(row.at),
            cells::text_or_dash(row.provider.as_deref()),
            cells::text_or_dash(row.connection.as_deref()),
            cells::text_or_dash(row.address.as_deref()),
            row.status.to_string(),
            cells::count(row.repeats),
            cells::count(row.body_bytes),
            row.reason.clone(),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn list_kept(context: &mut Context, limit: u32) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let mut connection = pool.acquire().await?;
    let rows = kept_requests::list(&mut connection, &context.scope(), None, None, i64::from(limit)).await?;
    let columns = ["id", "at", "platform", "source", "network", "bytes", "reason"];
    context.output.list(&columns, &rows, |row| {
        vec![
            row.id.to_string(),
            cells::time(row.at),
            row.provider.clone(),
            row.source.clone(),
            cells::text_or_dash(row.network.as_deref()),
            cells::count(i64::from(row.bytes)),
            row.reason.clone(),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn show(context: &mut Context, id: Uuid) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let mut connection = pool.acquire().await?;
    let Some(row) = kept_requests::find(&mut connection, &context.scope(), id).await? else {
        anyhow::bail!("there is no kept request {id}: see `switchhook rejections list --kept`");
    };
    let refused_now = why_refused(&pool, &context.keys()?, &context.scope(), id).await?;
    let shown = json!({ "request": row, "verifies_now": refused_now.is_none(), "refused_now": refused_now });
    context.output.one(&shown, |_| {
        let fields = [
            ("id", row.id.to_string()),
            ("source", format!("{}/{}", row.provider, row.source)),
            ("at", cells::time(row.at)),
            ("network", cells::text_or_dash(row.network.as_deref())),
            ("bytes", row.bytes.to_string()),
            ("refused then", row.reason.clone()),
            ("now", refused_now.clone().unwrap_or_else(|| "it verifies: `switchhook rejections reverify`".to_owned())),
        ];
        fields.map(|(name, value)| format!("{name:<16}{value}")).join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn again(
    context: &mut Context,
    source: MaybeSource,
    id: Option<Uuid>,
    dry_run: bool,
    yes: bool,
) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let source_id = match source.provider.zip(source.slug) {
        Some((provider, slug)) => Some(connection::find(&pool, &Source { provider, slug }).await?.id),
        None => None,
    };
    let (which, keys, scope) = (Which { source_id, id }, context.keys()?, context.scope());
    let counted = reverify(&pool, &keys, &scope, &which, true).await?;
    if dry_run || (counted.verified == 0 && !yes) {
        print(context, &counted)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !yes {
        if !context.output.json {
            print(context, &counted)?;
        }
        let question = format!("store {}?", requests(counted.verified));
        if !context.output.confirm(&question)? {
            context.output.say("nothing was changed")?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let done = reverify(&pool, &keys, &scope, &which, false).await?;
    print(context, &done)?;
    Ok(ExitCode::SUCCESS)
}

fn print(context: &Context, report: &Reverified) -> anyhow::Result<()> {
    context.output.one(report, |report| {
        let verb = if report.dry_run { "would be stored" } else { "stored" };
        let mut lines = vec![format!("{} looked at", requests(report.requests))];
        let duplicates = match report.duplicates {
            0 => String::new(),
            known => format!(", {known} of them known already"),
        };
        lines.push(format!("{verb}: {}{duplicates}", requests(report.verified)));
        lines.extend(report.refused.iter().map(|(why, count)| format!("stays out: {}: {why}", requests(*count))));
        lines.join("\n")
    })
}

fn requests(count: u64) -> String {
    cells::counted(i64::try_from(count).unwrap_or(i64::MAX), "request")
}
