//! `retention`: how long data is kept, and taking away what is older.

use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{Context, cells, input, owner};
use crate::admin::{self, AdminError};
use crate::retention::{self, Action, Kind, Options, Report};

/// A rule keeps data for a day at least, so that a slip of the pen does not take away what has just come in.
const MIN_KEEP: Duration = Duration::from_secs(86_400);
/// And for a hundred years at most: longer is for ever, and beyond what the database reckons with.
const MAX_KEEP: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the rules; without one, data is kept for ever
    List,
    /// Make a rule, or change it; it counts from the next run on
    Set {
        /// What it is about
        kind: KindWord,
        /// How long it is kept: 90d, 6months, 1y; `forever` exempts a tenant from the rule for all
        #[arg(long, value_name = "DURATION")]
        keep: Keep,
        /// What is done then
        #[arg(long, default_value = "delete")]
        action: ActionWord,
        /// Of this tenant only [default: of all that have no rule of their own]
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Take a rule away
    Unset {
        /// What it is about
        kind: KindWord,
        /// The rule of this tenant [default: the one for all]
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Take away what is older than its rule allows
    Run {
        /// Count only
        #[arg(long)]
        dry_run: bool,
        /// Rows in one transaction at most
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        batch: u32,
        /// The wait after each
        #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = input::duration)]
        pause: Duration,
    },
}

/// How long.
#[derive(Clone, Copy, Debug)]
pub struct Keep(Option<Duration>);

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "forever" {
            return Ok(Self(None));
        }
        match input::duration(text)? {
            keep if (MIN_KEEP..=MAX_KEEP).contains(&keep) => Ok(Self(Some(keep))),
            _ => Err("from a day to a hundred years, or forever".to_owned()),
        }
    }
}

/// The words of kinds.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KindWord {
    /// What platforms sent; the events themselves stay, so that a late duplicate is known for one
    Payloads,
    /// What was said in calls
    Transcripts,
    /// Audio, and links to it
    Recordings,
    /// What was written to people, and what they wrote
    Messages,
    /// What was made of calls: summaries, extracted data, scores
    Analytics,
    /// Requests that were refused at the door; they belong to no tenant
    Rejections,
}

impl From<KindWord> for Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Payloads => Self::Payloads,
            KindWord::Transcripts => Self::Transcripts,
            KindWord::Recordings => Self::Recordings,
            KindWord::Messages => Self::Messages,
            KindWord::Analytics => Self::Analytics,
            KindWord::Rejections => Self::Rejections,
        }
    }
}

/// The words of actions.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ActionWord {
    /// It goes
    Delete,
    /// What counts stays (times, durations, states); what is personal goes
    Anonymise,
}

impl From<ActionWord> for Action {
    fn from(word: ActionWord) -> Self {
        match word {
            ActionWord::Delete => Self::Delete,
            ActionWord::Anonymise => Self::Anonymise,
        }
    }
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let output = context.output;
    match command {
        Command::List => {
            let columns = ["kind", "tenant", "keep", "then", "since"];
            output.list(&columns, &retention::rules(&pool).await?, |rule| {
                vec![
                    rule.kind.as_str().to_owned(),
                    rule.tenant.clone().unwrap_or_else(|| "all".to_owned()),
                    rule.keep_seconds.map_or_else(|| "for ever".to_owned(), |seconds| cells::seconds(seconds as f64)),
                    rule.action.as_str().to_owned(),
                    cells::time(rule.created_at),
                ]
            })?;
        }
        Command::Set { kind, keep: Keep(keep), action, tenant } => {
            let (kind, action) = (Kind::from(kind), Action::from(action));
            let word = kind.as_str();
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            admin::retention::set(&pool, &context.scope(), tenant_id, kind, keep, action).await?;
            output.one(&json!({ "kind": kind, "tenant": tenant, "action": action }), |_| {
                format!("{word}: set; `switchhook retention run --dry-run` counts what it takes away")
            })?;
        }
        Command::Unset { kind, tenant } => {
            let kind = Kind::from(kind);
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            match admin::retention::unset(&pool, &context.scope(), tenant_id, kind).await {
                Err(AdminError::NotFound) => anyhow::bail!("there is no such rule"),
                unset => unset?,
            }
            output.one(&json!({ "kind": kind, "tenant": tenant }), |_| format!("{}: no rule", kind.as_str()))?;
        }
        Command::Run { dry_run, batch, pause } => {
            let options = Options { dry_run, batch, pause, actor: context.actor() };
            print(context, &retention::run_once(&pool, &options).await?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(context: &Context, report: &Report) -> anyhow::Result<()> {
    if context.output.json {
        return context.output.one(report, |_| String::new());
    }
    let columns = ["kind", "tenant", "where", "what", "rows"];
    context.output.list(&columns, &report.rules, |rule| {
        vec![
            rule.kind.as_str().to_owned(),
            rule.tenant.clone().unwrap_or_else(|| "all".to_owned()),
            rule.place.to_owned(),
            rule.action.as_str().to_owned(),
            cells::count(i64::try_from(rule.rows).unwrap_or(i64::MAX)),
        ]
    })?;
    let rows = cells::counted(i64::try_from(report.rows()).unwrap_or(i64::MAX), "row");
    context.output.say(&if report.dry_run { format!("would go: {rows}") } else { format!("gone: {rows}") })
}
