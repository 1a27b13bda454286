//! `charges`: what calls cost.

use std::process::ExitCode;

use clap::Subcommand;

use super::input::When;
use super::{Context, cells, owner};
use crate::clock::Clock;
use crate::store::billing;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List charges, the newest first
    List {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Charged then or later: a time, a day, or how long ago (2h)
        #[arg(long, value_name = "WHEN")]
        since: Option<When>,
        /// Charged earlier than that
        #[arg(long, value_name = "WHEN")]
        until: Option<When>,
        /// Charges at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let Command::List { tenant, since, until, limit } = command;
    let pool = context.ready_pool().await?;
    let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
    let now = Clock::system().now();
    let (since, until) = (since.map(|when| when.resolve(now)), until.map(|when| when.resolve(now)));
    let charges = billing::charges(&pool, tenant_id, since, until, limit).await?;
    let columns = ["charged", "tenant", "call", "seconds", "billed", "per minute", "amount", "currency", "corrected"];
    context.output.list(&columns, &charges, |charge| {
        vec![
            cells::time(charge.charged_at),
            charge.tenant.clone(),
            charge.call_id.to_string(),
            charge.seconds.clone(),
            format!("{}s", charge.billed_seconds),
            charge.rate_per_minute.clone(),
            charge.amount.clone(),
            charge.currency.clone(),
            cells::time_or_dash(charge.corrected_at),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}
