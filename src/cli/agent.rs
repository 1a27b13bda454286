//! `agent`: which tenant and campaign a platform's agent belongs to.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{Context, cells, input, owner};
use crate::store::roster::agents;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an agent of ours: its calls belong to this tenant and campaign
    Add {
        /// The platform's id of the agent
        agent_id: String,
        /// The platform
        #[arg(long, value_parser = input::provider())]
        provider: String,
        /// Whose it is
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The campaign that its calls belong to, unless the called number has one
        #[arg(long, value_name = "NAME")]
        campaign: Option<String>,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
    },
    /// List our agents
    List {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Remove an agent; what its calls belong to stays as it is
    Remove {
        /// The platform's id of the agent
        agent_id: String,
        /// The platform
        #[arg(long, value_parser = input::provider())]
        provider: String,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let output = context.output;
    match command {
        Command::Add { agent_id, provider, tenant, campaign, name } => {
            let tenant_id = owner::tenant(&pool, &tenant).await?;
            let campaign_id = owner::maybe_campaign(&pool, tenant_id, campaign.as_deref()).await?;
            anyhow::ensure!(
                agents::add(&pool, &provider, &agent_id, tenant_id, campaign_id, name.as_deref()).await?,
                "{provider} agent {agent_id} has an owner already (`switchhook agent list`): remove it first"
            );
            let added = json!({
                "provider": provider, "agent_id": agent_id, "tenant": tenant, "campaign": campaign,
            });
            output.one(&added, |_| format!("added {provider} agent {agent_id} for {tenant}"))?;
        }
        Command::List { tenant } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let columns = ["tenant", "platform", "agent", "campaign", "name", "since"];
            output.list(&columns, &agents::list(&pool, tenant_id).await?, |row| {
                vec![
                    row.tenant.clone(),
                    row.provider.clone(),
                    row.agent_id.clone(),
                    cells::text_or_dash(row.campaign.as_deref()),
                    cells::text_or_dash(row.name.as_deref()),
                    cells::time(row.created_at),
                ]
            })?;
        }
        Command::Remove { agent_id, provider } => {
            anyhow::ensure!(
                agents::remove(&pool, &provider, &agent_id, None).await?,
                "{provider} agent {agent_id} is not one of ours"
            );
            output.one(&json!({ "provider": provider, "agent_id": agent_id }), |_| {
                format!("removed {provider} agent {agent_id}")
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
