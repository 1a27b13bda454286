//! `credit`: what tenants paid in.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::admin;
use crate::store::billing::{self, Amount};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a credit; a negative amount takes back
    Add {
        /// Whose
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// How much, such as 100 or 12.50
        #[arg(long, allow_hyphen_values = true)]
        amount: Amount,
        /// ISO 4217 [default: the currency that the tenant is charged in]
        #[arg(long, value_parser = input::currency)]
        currency: Option<String>,
        /// What for, and by which paper
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        /// Who adds it
        #[arg(long, value_name = "NAME", default_value = "cli")]
        by: String,
    },
    /// List credits, the newest first
    List {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Credits at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    match command {
        Command::Add { tenant, amount, currency, note, by } => {
            let tenant_id = owner::tenant(&pool, &tenant).await?;
            let rate = billing::rates(&pool, tenant_id).await?.into_iter().next();
            let currency = currency
                .or(rate.map(|rate| rate.currency))
                .ok_or_else(|| Usage::error(format!("{tenant} has no rate yet: say --currency, such as USD")))?;
            let scope = context.scope_of(tenant_id)?;
            let id = admin::billing::add_credit(&pool, &scope, &amount, &currency, &note, &by).await?;
            let added = json!({ "id": id, "tenant": tenant, "amount": amount, "currency": currency });
            context.output.one(&added, |_| format!("added {amount} {currency} for {tenant}"))?;
        }
        Command::List { tenant, limit } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let columns = ["added", "tenant", "amount", "currency", "note", "by"];
            context.output.list(&columns, &billing::credits(&pool, tenant_id, limit).await?, |credit| {
                vec![
                    cells::time(credit.added_at),
                    credit.tenant.clone(),
                    credit.amount.clone(),
                    credit.currency.clone(),
                    cells::text_or_dash(Some(&credit.note)),
                    credit.added_by.clone(),
                ]
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
