//! `tenant`: whose calls and leads they are.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{Context, cells, input, tenant_rate, tenant_settings};
use crate::admin::roster;
use crate::store::directory;
use crate::store::roster::tenants;

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a tenant
    Add {
        /// Its name in commands: lower-case letters, digits, _ and -
        #[arg(value_parser = input::tenant_slug)]
        slug: String,
        /// Its name for people [default: the slug]
        #[arg(long)]
        name: Option<String>,
        /// ISO 3166 code that its national numbers are read in [default: phones.default_region]
        #[arg(long, value_parser = input::region)]
        region: Option<String>,
    },
    /// List the tenants
    List,
    /// Give a tenant a setting of its own: region, time_zone, or a key of outreach, analysis, alerts or integrations
    Set(tenant_settings::SetArgs),
    /// Take a setting of its own from a tenant: then the configuration counts
    Unset(tenant_settings::UnsetArgs),
    /// Show a tenant's own settings; secrets are masked
    Settings {
        /// The tenant
        slug: String,
    },
    /// Set what a minute costs, or show it
    Rate(tenant_rate::Args),
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    match command {
        Command::Set(args) => tenant_settings::set(args, &pool, context).await?,
        Command::Unset(args) => tenant_settings::unset(&args, &pool, context).await?,
        Command::Settings { slug } => tenant_settings::show(&slug, &pool, context).await?,
        Command::Rate(args) => return tenant_rate::run(args, context).await,
        Command::Add { slug, name, region } => {
            anyhow::ensure!(directory::find_tenant(&pool, &slug).await?.is_none(), "there is a tenant {slug} already");
            let id = roster::add_tenant(&pool, &context.scope(), &slug, name, region.as_deref()).await?;
            context.output.one(&json!({ "id": id, "slug": slug }), |_| format!("added tenant {slug}"))?;
        }
        Command::List => {
            let columns = ["tenant", "name", "region", "connections", "numbers", "agents", "since"];
            context.output.list(&columns, &tenants::list(&pool).await?, |tenant| {
                vec![
                    tenant.slug.clone(),
                    tenant.name.clone(),
                    cells::text_or_dash(tenant.region.as_deref()),
                    cells::count(tenant.connections),
                    cells::count(tenant.numbers),
                    cells::count(tenant.agents),
                    cells::time(tenant.created_at),
                ]
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
