//! `events`: what came in, and what became of it.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::bulk::{self, OutcomeWord};
use super::filter::FilterArgs;
use super::{Context, cells};
use crate::inbox::Outcome;
use crate::inbox::operate::Operation;
use crate::inbox::search::{self, EventRow, State};
use crate::redact::scrub;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List events, the newest first
    List(ListArgs),
    /// Show one event
    Show(ShowArgs),
    /// Process settled events again, also those that were skipped or discarded: what was in the tables does not change,
    /// and nothing is sent twice
    Replay {
        #[command(flatten)]
        args: bulk::Args,
        /// Only those that were settled so
        #[arg(long)]
        outcome: Option<OutcomeWord>,
    },
    /// Settle pending events as ignored
    Skip {
        #[command(flatten)]
        args: bulk::Args,
        /// Why; it is kept with the event
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Which events are listed.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Only those that stand so
    #[arg(long)]
    outcome: Option<StateWord>,
    #[command(flatten)]
    page: Page,
}

/// Which part of a list.
#[derive(Debug, clap::Args)]
pub(super) struct Page {
    /// Events at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) limit: u32,
    /// The next page: only events before this one
    #[arg(long, value_name = "UUID")]
    pub(super) before: Option<Uuid>,
}

/// Which event is shown, and how much of it.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Its id
    pub(super) id: Uuid,
    /// With the payload, which is personal data
    #[arg(long)]
    payload: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateWord {
    /// Not yet processed
    Pending,
    /// Its changes are in the tables
    Processed,
    /// It changes nothing
    Ignored,
    /// It failed for good
    Dead,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => {
            let state = args.outcome.map(|word| match word {
                StateWord::Pending => State::Pending,
                StateWord::Processed => State::Settled(Outcome::Processed),
                StateWord::Ignored => State::Settled(Outcome::Ignored),
                StateWord::Dead => State::Settled(Outcome::Dead),
            });
            list(args.filter, state, &args.page, context).await
        }
        Command::Show(args) => show(&args, None, context).await,
        Command::Replay { args, outcome } => {
            bulk::run(args, &Operation::Replay(outcome.map(Outcome::from)), context).await
        }
        Command::Skip { args, reason } => {
            bulk::run(args, &Operation::Skip(bulk::note("skipped", reason.as_deref())?), context).await
        }
    }
}

/// Lists the events of a filter that stand so.
pub(super) async fn list(
    filter: FilterArgs,
    state: Option<State>,
    page: &Page,
    context: &mut Context,
) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let filter = filter.resolve(&pool).await?;
    let mut connection = crate::db::patient(&pool).await?;
    let rows = search::list(&mut connection, &filter, state, page.before, page.limit).await?;
    let columns = ["id", "received", "platform", "type", "tenant", "outcome", "attempts", "why"];
    context.output.list(&columns, &rows, |row| {
        vec![
            row.id.to_string(),
            cells::time(row.received_at),
            row.provider.clone(),
            event_type(row),
            cells::text_or_dash(row.tenant.as_deref()),
            outcome(row).to_owned(),
            row.attempts.to_string(),
            why(row),
        ]
    })?;
    if let Some(last) = rows.last().filter(|_| rows.len() >= page.limit as usize) {
        context.output.say(&format!("the next page: --before {}", last.id))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows one event; with `wanted`, only one that was settled so.
pub(super) async fn show(args: &ShowArgs, wanted: Option<Outcome>, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let mut connection = pool.acquire().await?;
    let Some(row) = search::find(&mut connection, args.id).await? else {
        anyhow::bail!("there is no event {}", args.id);
    };
    if let Some(wanted) = wanted {
        anyhow::ensure!(
            row.outcome.as_deref() == Some(wanted.as_str()),
            "event {} is {}, not {}",
            args.id,
            outcome(&row),
            wanted.as_str()
        );
    }
    let payload = match args.payload {
        true => search::find_payload(&mut connection, args.id).await?.map(|text| text.expose().clone()),
        false => None,
    };
    // As it is: a JSON number keeps all its digits.
    let raw = payload.clone().map(RawValue::from_string).transpose()?;
    context.output.one(&Shown { event: &row, payload: raw }, |_| match payload {
        Some(payload) => format!("{}\n\n{payload}", lines(&row)),
        None => lines(&row),
    })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    event: &'a EventRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
}

/// The type, and the mark of an event that did not come as a webhook.
fn event_type(row: &EventRow) -> String {
    let origin = row.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
    format!("{}{origin}", scrub(&row.event_type))
}

/// The word for where an event stands.
fn outcome(row: &EventRow) -> &str {
    row.outcome.as_deref().unwrap_or("pending")
}

/// An ignored event says why it is ignored; any other, why it failed.
fn why(row: &EventRow) -> String {
    let (error, note) = (row.last_error.as_deref(), row.note.as_deref());
    cells::text_or_dash(if row.outcome.as_deref() == Some("ignored") { note.or(error) } else { error.or(note) })
}

fn lines(row: &EventRow) -> String {
    let due = if row.processed_at.is_none() { cells::time(row.next_attempt_at) } else { cells::text_or_dash(None) };
    let fields = [
        ("id", row.id.to_string()),
        ("event", format!("{}/{}", row.provider, scrub(&row.event_type))),
        ("connection", cells::text_or_dash(row.connection.as_deref())),
        ("tenant", cells::text_or_dash(row.tenant.as_deref())),
        ("external id", row.external_event_id.clone()),
        ("origin", row.origin.clone().unwrap_or_else(|| "webhook".to_owned())),
        ("occurred", cells::time_or_dash(row.occurred_at)),
        ("received", cells::time(row.received_at)),
        ("processed", cells::time_or_dash(row.processed_at)),
        ("outcome", outcome(row).to_owned()),
        ("failed attempts", row.attempts.to_string()),
        ("next attempt", due),
        ("last error", cells::text_or_dash(row.last_error.as_deref())),
        ("note", cells::text_or_dash(row.note.as_deref())),
    ];
    fields.map(|(name, value)| format!("{name:<16}{value}")).join("\n")
}
