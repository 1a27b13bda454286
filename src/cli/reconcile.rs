//! `reconcile`: asks a platform what calls there were, and fetches those whose webhooks never came.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::failure::Usage;
use super::input::{self, When};
use super::{Context, cells};
use crate::clock::Clock;
use crate::integrations::platforms::{self, Window};
use crate::reconcile::{self, Candidate, Options, Reconciler, Report};
use crate::store::roster::connections;

/// Whose calls, of when.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The platform that is asked; its key is api_key in its table of integrations
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(platforms::ALL), required_unless_present = "history")]
    provider: Option<String>,
    /// Calls that began then or later: a time, a day, or how long ago (24h)
    #[arg(long, value_name = "WHEN", required_unless_present = "history")]
    since: Option<When>,
    /// Calls that began earlier than that [default: now]
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// The connection whose calls they are, where the platform has several: its whole name
    #[arg(long, value_name = "SLUG")]
    connection: Option<String>,
    /// Leave calls that ended later than this long ago to their webhooks
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = input::duration)]
    grace: Duration,
    /// Say what is missing, and fetch nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask; list the last runs, the scheduled ones too
    #[arg(long, conflicts_with_all = ["since", "until", "grace", "dry_run"])]
    history: bool,
    /// Runs in that list at most
    #[arg(long, default_value_t = 20, requires = "history", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let chosen = match &args.provider {
        Some(provider) if !args.history || args.connection.is_some() => {
            Some(choose(&pool, provider, args.connection.as_deref()).await?)
        }
        _ => None,
    };
    let Some((candidate, since)) = chosen.clone().zip(args.since) else {
        let connection_id = chosen.map(|candidate| candidate.connection_id);
        history(context, &reconcile::runs(&pool, args.provider.as_deref(), connection_id, args.limit).await?)?;
        return Ok(ExitCode::SUCCESS);
    };
    let now = Clock::system().now();
    let window = Window { since: since.resolve(now), until: args.until.map_or(now, |until| until.resolve(now)) };
    if window.since >= window.until {
        return Err(Usage::error("--since is not before --until"));
    }
    let registry = Arc::new(context.registry()?);
    let reconciler = Reconciler { desk: Arc::new(context.desk_over(pool.clone())?), registry };
    let options = Options { window, grace: args.grace, every: None, dry_run: args.dry_run, actor: context.actor() };
    let report = reconciler.run(&candidate, &options).await?;
    print(context, &report)?;
    Ok(if report.error.is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// The connection that is named, or the only one in use.
async fn choose(pool: &sqlx::PgPool, provider: &str, slug: Option<&str>) -> anyhow::Result<Candidate> {
    let mut candidates = reconcile::candidates(pool).await?;
    candidates.retain(|candidate| candidate.provider == provider);
    let Some(slug) = slug else {
        return match candidates.len() {
            0 => anyhow::bail!("there is no connection of {provider} in use: see `switchhook connection list`"),
            1 => Ok(candidates.remove(0)),
            _ => {
                let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
                Err(Usage::error(format!("say whose calls they are with --connection: {}", names.join(", "))))
            }
        };
    };
    let rows = connections::list(pool).await?;
    let row = rows.into_iter().find(|row| row.provider == provider && row.slug == slug);
    match row.and_then(|row| candidates.into_iter().find(|candidate| candidate.connection_id == row.id)) {
        Some(candidate) => Ok(candidate),
        None => anyhow::bail!("there is no such connection of {provider} in use: see `switchhook connection list`"),
    }
}

fn print(context: &Context, report: &Report) -> anyhow::Result<()> {
    if context.output.json {
        return context.output.one(report, |_| String::new());
    }
    let count = |number: u64, one: &str| cells::counted(i64::try_from(number).unwrap_or(i64::MAX), one);
    if !report.calls.is_empty() {
        context.output.list(&["call", "event", "ended", "missing"], &report.calls, |call| {
            vec![
                call.call_id.clone(),
                call.event_type.clone(),
                cells::time_or_dash(call.ended_at),
                call.missing.as_str().to_owned(),
            ]
        })?;
    }
    let counts = &report.counts;
    let fetched = if report.dry_run { "nothing fetched".to_owned() } else { count(counts.inserted, "event") + " made" };
    let mut text = format!(
        "{}: {} listed from {} until {}, {} missing, {fetched}",
        report.connection,
        count(counts.listed, "call"),
        cells::time(report.since),
        cells::time(report.until),
        counts.missing,
    );
    for (number, why) in [
        (counts.ongoing, "going on"),
        (counts.fresh, "left to the webhook"),
        (counts.undated, "without any time"),
        (counts.unread, "not read"),
    ] {
        if number > 0 {
            text.push_str(&format!("; {number} {why}"));
        }
    }
    context.output.say(&text)?;
    match &report.error {
        Some(error) => context.output.say(&format!("it ended early, what was found is kept: {error}")),
        None => Ok(()),
    }
}

fn history(context: &Context, runs: &[reconcile::RunRow]) -> anyhow::Result<()> {
    let columns = ["began", "connection", "tenant", "since", "until", "by", "listed", "missing", "events", "error"];
    context.output.list(&columns, runs, |run| {
        vec![
            cells::time(run.started_at),
            format!("{}/{}", run.provider, run.connection),
            cells::text_or_dash(run.tenant.as_deref()),
            cells::time(run.since),
            cells::time(run.until),
            if run.scheduled { "schedule" } else { "hand" }.to_owned(),
            cells::count(run.listed),
            cells::count(run.missing),
            cells::count(run.inserted),
            match run.finished_at {
                None => "not finished".to_owned(),
                Some(_) => cells::text_or_dash(run.error.as_deref()),
            },
        ]
    })
}
