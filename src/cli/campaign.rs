//! `campaign`: what a tenant's calls are for.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{Context, cells, owner};
use crate::admin::roster;
use crate::store::roster::campaigns;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a campaign; numbers and agents lead calls to it
    Add {
        /// Its name, unique for the tenant
        name: String,
        /// Whose it is
        #[arg(long, value_name = "SLUG")]
        tenant: String,
    },
    /// List the campaigns
    List {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    match command {
        Command::Add { name, tenant } => {
            let tenant_id = owner::tenant(&pool, &tenant).await?;
            let id = roster::add_campaign(&pool, &context.scope_of(tenant_id)?, &name).await?;
            context.output.one(&json!({ "id": id, "tenant": tenant, "name": name }), |_| {
                format!(
                    "added campaign {name}; lead calls to it with \
                     `switchhook number add <number> --tenant {tenant} --campaign {name:?}`"
                )
            })?;
        }
        Command::List { tenant } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let columns = ["tenant", "campaign", "numbers", "agents", "since"];
            context.output.list(&columns, &campaigns::list(&pool, tenant_id).await?, |campaign| {
                vec![
                    campaign.tenant.clone(),
                    campaign.name.clone(),
                    cells::count(campaign.numbers),
                    cells::count(campaign.agents),
                    cells::time(campaign.created_at),
                ]
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
