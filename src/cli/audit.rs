//! `audit`: who changed what, and who looked at whom.

use std::process::ExitCode;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use uuid::Uuid;

use super::input::When;
use super::{Context, cells, owner};
use crate::clock::Clock;
use crate::store::operator_log::{Action, LogFilter, list, position};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List operations, the newest first
    List {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// By this actor: a login, a token's label, the id of either, or as it stands in the log, such as cli
        #[arg(long)]
        actor: Option<String>,
        /// Of this action
        #[arg(long, value_parser = PossibleValuesParser::new(Action::ALL.iter().map(|action| action.as_str())), hide_possible_values = true)]
        action: Option<String>,
        /// Then or later: a time, a day, or how long ago (2h)
        #[arg(long, value_name = "WHEN")]
        since: Option<When>,
        /// Earlier than that
        #[arg(long, value_name = "WHEN")]
        until: Option<When>,
        /// That name this id in their details: a call, a lead, a token, whatever it is
        #[arg(long, value_name = "UUID")]
        subject: Option<Uuid>,
        /// Those before this one: the next page
        #[arg(long, value_name = "UUID")]
        before: Option<Uuid>,
        /// Rows at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let Command::List { tenant, actor, action, since, until, subject, before, limit } = command;
    let pool = context.ready_pool().await?;
    let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
    let now = Clock::system().now();
    let filter = LogFilter {
        tenant_id,
        actor,
        action: action.as_deref().and_then(Action::read),
        from: since.map(|when| when.resolve(now)),
        until: until.map(|when| when.resolve(now)),
        subject,
    };
    let mut connection = pool.acquire().await?;
    let after = match before {
        None => None,
        Some(id) => {
            let found = position(&mut connection, id).await?;
            Some(found.ok_or_else(|| anyhow::anyhow!("there is no line {id}"))?)
        }
    };
    let items = list(&mut connection, &filter, after, limit.into()).await?;
    let columns = ["at", "action", "by", "from", "tenant", "rows", "details"];
    context.output.list(&columns, &items, |item| {
        vec![
            cells::time(item.at),
            item.action.clone(),
            item.shown_actor().to_owned(),
            cells::text_or_dash(item.address.as_deref()),
            cells::text_or_dash(item.tenant.as_deref()),
            cells::count(item.row_count),
            item.shown_details(),
        ]
    })?;
    if let Some(last) = items.last().filter(|_| items.len() >= limit as usize) {
        context.output.say(&format!("the next page: --before {}", last.id))?;
    }
    Ok(ExitCode::SUCCESS)
}
