//! `balance`: what is left of what tenants paid in.

use std::process::ExitCode;

use super::{Context, cells, owner};
use crate::store::billing::{self, CreditState};

/// Whose.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of this tenant only
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let tenant_id = owner::maybe_tenant(&pool, args.tenant.as_deref()).await?;
    let columns = ["tenant", "currency", "credits", "charges", "balance", "low at", "state"];
    context.output.list(&columns, &billing::balances(&pool, tenant_id).await?, |balance| {
        vec![
            balance.tenant.clone(),
            balance.currency.clone(),
            balance.credits.clone(),
            balance.charges.clone(),
            balance.balance.clone(),
            cells::text_or_dash(balance.low_credit.as_deref()),
            cells::text_or_dash(balance.state.map(CreditState::as_str)),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}
