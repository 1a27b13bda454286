//! `number`: which tenant and campaign a number of ours belongs to.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::admin::AdminError;
use crate::admin::roster::{self, NewNumber};
use crate::domain::phone;
use crate::redact::Phone;
use crate::store::roster::numbers;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a number of ours: calls to and from it belong to this tenant and campaign
    Add {
        /// As people write it; a national one is read in the tenant's region
        number: String,
        /// Whose it is
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The campaign that its calls belong to
        #[arg(long, value_name = "NAME")]
        campaign: Option<String>,
        /// What people call it
        #[arg(long)]
        label: Option<String>,
        /// WhatsApp phone_number_id that answers for it [default: integrations.whatsapp.phone_number_id]
        #[arg(long)]
        sender: Option<String>,
    },
    /// List our numbers
    List {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Remove a number; what its calls belong to stays as it is
    Remove {
        /// As people write it
        number: String,
        /// ISO 3166 code that a national number is read in [default: phones.default_region]
        #[arg(long, value_parser = input::region)]
        region: Option<String>,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let output = context.output;
    let default_region = &context.config.phones.default_region;
    match command {
        Command::Add { number, tenant, campaign, label, sender } => {
            let tenant_id = owner::tenant(&pool, &tenant).await?;
            let campaign_id = owner::maybe_campaign(&pool, tenant_id, campaign.as_deref()).await?;
            let new = NewNumber {
                number: Phone::new(number),
                campaign_id,
                label,
                sender,
                default_region: Some(default_region.clone()),
            };
            let number = roster::add_number(&pool, &context.scope_of(tenant_id)?, new).await?;
            let shown = number.expose();
            output.one(&json!({ "number": shown, "tenant": tenant, "campaign": campaign }), |_| {
                format!("added {shown} for {tenant}")
            })?;
        }
        Command::List { tenant } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let columns = ["tenant", "number", "campaign", "label", "sender", "since"];
            output.list(&columns, &numbers::list(&pool, tenant_id).await?, |row| {
                vec![
                    row.tenant.clone(),
                    row.number.expose().to_owned(),
                    cells::text_or_dash(row.campaign.as_deref()),
                    cells::text_or_dash(row.label.as_deref()),
                    cells::text_or_dash(row.sender.as_deref()),
                    cells::time(row.created_at),
                ]
            })?;
        }
        Command::Remove { number, region } => {
            let number = e164(number, region.as_deref().unwrap_or(default_region))?;
            let shown = number.expose();
            match roster::remove_number(&pool, &context.scope(), &number).await {
                Err(AdminError::NotFound) => anyhow::bail!("{shown} is not one of our numbers"),
                removed => removed?,
            }
            output.one(&json!({ "number": shown }), |_| format!("removed {shown}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn e164(text: String, region: &str) -> anyhow::Result<Phone> {
    phone::e164(&Phone::new(text), region).ok_or_else(|| {
        Usage::error(format!("this is no telephone number in region {region}: write it as +15550100123"))
    })
}
