//! `crm`: ask it for names, tell it of leads, see where it differs.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::failure::Usage;
use super::{Context, cells, owner};
use crate::admin;
use crate::domain::phone;
use crate::jobs::Desk;
use crate::jobs::crm::operate::{self, Status};
use crate::redact::Phone;
use crate::store::roster::tenants;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say who has a CRM, how many leads are known there, how many differ, and what waits
    Status {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// List leads that differ from the CRM, about which somebody must decide
    Differing {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Rows at most
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Look leads up in the CRM: puts up a job for each whose record is not known
    Pull {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Also those whose record is known
        #[arg(long)]
        all: bool,
    },
    /// Tell the CRM of leads that it was not told of, such as those from before it was configured
    Push {
        /// Of this tenant only
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Of this person only, and even if nothing changed: what differs there is written over, a record that is gone
        /// is made anew. A national number is read in the tenant's region
        #[arg(long, value_name = "NUMBER")]
        phone: Option<String>,
    },
}

/// What was put up for a tenant.
#[derive(Serialize)]
struct PutUp {
    tenant: String,
    leads: u64,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let desk = context.desk_over(pool.clone())?;
    let tenant = match &command {
        Command::Status { tenant }
        | Command::Differing { tenant, .. }
        | Command::Pull { tenant, .. }
        | Command::Push { tenant, .. } => tenant.as_deref(),
    };
    let tenant_id = owner::maybe_tenant(&pool, tenant).await?;
    match command {
        Command::Status { .. } => show(context, &operate::status(&desk, tenant_id).await?)?,
        Command::Differing { limit, .. } => {
            let columns = ["tenant", "lead", "number", "record", "differs in", "looked at"];
            context.output.list(&columns, &operate::differing(&pool, tenant_id, limit).await?, |lead| {
                let record = lead.module.as_deref().zip(lead.record_id.as_deref());
                vec![
                    lead.tenant.clone(),
                    lead.lead_id.to_string(),
                    lead.phone.clone(),
                    cells::text_or_dash(record.map(|(module, id)| format!("{module} {id}")).as_deref()),
                    lead.differs.join(", ").replace('_', " "),
                    cells::time_or_dash(lead.looked_at),
                ]
            })?;
        }
        Command::Pull { all, .. } => {
            let mut put_up = Vec::new();
            for tenant in active(&desk, tenant_id).await? {
                put_up.push(PutUp {
                    leads: admin::crm::pull(&desk, &context.scope_of(tenant.id)?, all).await?,
                    tenant: tenant.slug,
                });
            }
            report(context, &put_up, "are looked up")?;
        }
        Command::Push { phone, .. } => {
            let mut put_up = Vec::new();
            for tenant in active(&desk, tenant_id).await? {
                let number = match &phone {
                    Some(phone) => Some(number(phone, &tenant, context).await?),
                    None => None,
                };
                let leads = admin::crm::push(&pool, &context.scope_of(tenant.id)?, number.as_ref()).await?;
                put_up.push(PutUp { leads, tenant: tenant.slug });
            }
            anyhow::ensure!(phone.is_none() || put_up.iter().any(|put| put.leads > 0), "there is no such lead");
            report(context, &put_up, "are compared with what the CRM was told")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn active(desk: &Desk, tenant_id: Option<uuid::Uuid>) -> anyhow::Result<Vec<Status>> {
    let active: Vec<Status> =
        operate::status(desk, tenant_id).await?.into_iter().filter(|tenant| tenant.is_active).collect();
    anyhow::ensure!(!active.is_empty(), "no CRM is configured: see [integrations.zoho] in config.toml");
    Ok(active)
}

async fn number(text: &str, tenant: &Status, context: &mut Context) -> anyhow::Result<Phone> {
    let region = tenants::region(&context.pool().await?, tenant.id).await?;
    let region = region.unwrap_or_else(|| context.config.phones.default_region.clone());
    phone::e164(&Phone::new(text), &region).ok_or_else(|| {
        Usage::error(format!("this is no telephone number in region {region}: write it as +15550100123"))
    })
}

fn show(context: &Context, tenants: &[Status]) -> anyhow::Result<()> {
    let columns = ["tenant", "crm", "leads", "known there", "differing", "waiting", "last told"];
    context.output.list(&columns, tenants, |tenant| {
        vec![
            tenant.slug.clone(),
            if tenant.is_active { "zoho" } else { "not configured" }.to_owned(),
            cells::count(tenant.leads),
            cells::count(tenant.linked),
            cells::count(tenant.differing),
            cells::count(tenant.waiting),
            cells::time_or_dash(tenant.last_pushed_at),
        ]
    })
}

fn report(context: &Context, put_up: &[PutUp], what: &str) -> anyhow::Result<()> {
    let cell = |leads: u64| cells::count(i64::try_from(leads).unwrap_or(i64::MAX));
    context.output.list(&["tenant", "leads"], put_up, |put| vec![put.tenant.clone(), cell(put.leads)])?;
    context.output.say(&format!("they {what} by `switchhook serve`, or now by `switchhook jobs run`"))?;
    Ok(())
}
