//! `agent`: which tenant and campaign a platform's agent belongs to.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::admin::AdminError;
use crate::admin::roster::{self, NewAgent};
use crate::providers;
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
            let found = providers::find(&provider).map(|provider| provider.name());
            let provider = found.ok_or_else(|| Usage::error(format!("there is no platform {provider}")))?;
            let new = NewAgent { provider, agent_id: agent_id.clone(), campaign_id, name };
            roster::add_agent(&pool, &context.scope_of(tenant_id)?, new).await?;
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
            match roster::remove_agent(&pool, &context.scope(), &provider, &agent_id).await {
                Err(AdminError::NotFound) => anyhow::bail!("{provider} agent {agent_id} is not one of ours"),
                removed => removed?,
            }
            output.one(&json!({ "provider": provider, "agent_id": agent_id }), |_| {
                format!("removed {provider} agent {agent_id}")
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
