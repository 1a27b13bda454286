//! Replay, skip, redrive and discard: counted, asked for, done in chunks, logged.

use std::process::ExitCode;

use serde::Serialize;

use super::failure::Usage;
use super::filter::FilterArgs;
use super::{Context, cells};
use crate::admin::operations;
use crate::db;
use crate::inbox::operate::{self, Cursor, Group, Operation};
use crate::inbox::{self, Filter};

/// Which events, and whether somebody has agreed.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// All of them: no filter
    #[arg(long)]
    all: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Count only
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

/// What an operation did.
#[derive(Debug, Serialize)]
struct Report {
    operation: &'static str,
    matched: i64,
    changed: i64,
    by_type: Vec<Group>,
}

/// Does an operation to all events of a filter.
pub(super) async fn run(args: Args, operation: &Operation, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let output = context.output;
    let filter = args.filter.resolve(&pool).await?;
    if filter == Filter::default() && !args.all {
        return Err(Usage::error(
            "which events? Name a filter (--provider, --type, --since, --until, --id, --tenant), or say --all",
        ));
    }
    let mut connection = db::patient(&pool).await?;
    let by_type = operate::count(&mut connection, operation, &filter).await?;
    connection.rollback().await?;
    let matched = by_type.iter().map(|group| group.rows).sum();
    let mut report = Report { operation: operation.as_str(), matched, changed: 0, by_type };
    output.say(&summary(&report))?;
    if matched > 0 && !args.dry_run {
        if !args.yes && !output.confirm(&format!("{} {}?", operation.as_str(), cells::counted(matched, "event")))? {
            output.say("nothing was changed")?;
            return Ok(ExitCode::SUCCESS);
        }
        report.changed = work(context, &pool, operation, &filter, &report.by_type).await?;
        output.say(&format!("{}: {}", done(operation), cells::counted(report.changed, "event")))?;
        if report.changed < matched {
            output.say("(the rest was taken or settled by somebody else meanwhile)")?;
        }
    }
    if output.json {
        output.one(&report, |_| String::new())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Chunk by chunk, each with its line in the operator log; returns how many events were changed.
async fn work(
    context: &Context,
    pool: &sqlx::PgPool,
    operation: &Operation,
    filter: &Filter,
    groups: &[Group],
) -> anyhow::Result<i64> {
    let last_id = groups.iter().map(|group| group.last_id).max().unwrap_or_default();
    let total: i64 = groups.iter().map(|group| group.rows).sum();
    let mut cursor = Some(Cursor::before(groups));
    let mut changed = 0;
    while let Some(from) = cursor {
        let (rows, reached) =
            operations::patient_step_events(pool, &context.scope(), operation, filter, from, last_id).await?;
        changed += rows;
        cursor = reached;
        if cursor.is_some() && rows > 0 {
            context.output.say(&format!("  {} of {}", cells::count(changed), cells::count(total)))?;
        }
    }
    Ok(changed)
}

fn summary(report: &Report) -> String {
    if report.matched == 0 {
        return format!("nothing to {}: no event fits", report.operation);
    }
    let mut text = cells::counted(report.matched, "event");
    for group in &report.by_type {
        text.push_str(&format!("\n  {:>10}  {}/{}", cells::count(group.rows), group.provider, group.event_type));
    }
    text
}

fn done(operation: &Operation) -> &'static str {
    match operation {
        Operation::Replay(_) => "back in the queue",
        Operation::Redrive => "back in the queue, no longer dead",
        Operation::Skip(_) => "skipped",
        Operation::Discard(_) => "discarded",
    }
}

/// The note of events that were settled by hand.
pub(super) fn note(what: &str, reason: Option<&str>) -> anyhow::Result<String> {
    operations::note(what, reason).map_err(|error| Usage::error(error.to_string()))
}

/// The words of an outcome, for `--outcome`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum OutcomeWord {
    /// Its changes are in the tables
    Processed,
    /// It changes nothing
    Ignored,
    /// It failed for good
    Dead,
}

impl From<OutcomeWord> for inbox::Outcome {
    fn from(word: OutcomeWord) -> Self {
        match word {
            OutcomeWord::Processed => Self::Processed,
            OutcomeWord::Ignored => Self::Ignored,
            OutcomeWord::Dead => Self::Dead,
        }
    }
}
