//! `dead`: events that failed for good, and what to do with them.

use std::process::ExitCode;

use clap::Subcommand;

use super::filter::FilterArgs;
use super::{Context, bulk, cells, events};
use crate::db;
use crate::inbox::Outcome;
use crate::inbox::operate::Operation;
use crate::inbox::search::{self, State};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List dead events, the newest first
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// One line for each reason, the most frequent first
        #[arg(long)]
        by_cause: bool,
        #[command(flatten)]
        page: events::Page,
    },
    /// Show one dead event
    Show(events::ShowArgs),
    /// Process dead events again, as if they had just come in
    Redrive(bulk::Args),
    /// Settle dead events as ignored; why they died stays with them
    Discard {
        #[command(flatten)]
        args: bulk::Args,
        /// Why; it is kept with the event
        #[arg(long)]
        reason: Option<String>,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::List { filter, by_cause: true, .. } => by_cause(filter, context).await,
        Command::List { filter, page, .. } => {
            events::list(filter, Some(State::Settled(Outcome::Dead)), &page, context).await
        }
        Command::Show(args) => events::show(&args, Some(Outcome::Dead), context).await,
        Command::Redrive(args) => bulk::run(args, &Operation::Redrive, context).await,
        Command::Discard { args, reason } => {
            bulk::run(args, &Operation::Discard(bulk::note("discarded", reason.as_deref())?), context).await
        }
    }
}

async fn by_cause(filter: FilterArgs, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let filter = filter.resolve(&pool).await?;
    let mut connection = db::patient(&pool).await?;
    let causes = search::dead_by_cause(&mut connection, &filter, None).await?;
    let columns = ["events", "platform", "type", "why", "first", "last", "such as"];
    context.output.list(&columns, &causes, |cause| {
        vec![
            cells::count(cause.rows),
            cause.provider.clone(),
            crate::redact::scrub(&cause.event_type),
            cause.last_error.clone(),
            cells::time(cause.oldest_at),
            cells::time(cause.newest_at),
            cause.newest_id.to_string(),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}
