//! `leads`: the people who call.

use std::process::ExitCode;

use clap::Subcommand;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::domain::phone;
use crate::redact::Phone;
use crate::retention::{self, ForgetReport, Person};
use crate::store::roster::tenants;

/// Who did it, in the operator log.
const ACTOR: &str = "cli";

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Erase one person everywhere: lead, numbers, names, transcripts, recordings, messages, payloads. Calls stay, as
    /// times and durations that are nobody's
    Forget {
        /// Their number; a national one is read in the tenant's region
        phone: String,
        /// By this tenant only [default: by all]
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// ISO 3166 code that a national number is read in [default: the tenant's, else phones.default_region]
        #[arg(long, value_parser = input::region)]
        region: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Count only
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
    },
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let Command::Forget { phone, tenant, region, yes, dry_run } = command;
    let pool = context.ready_pool().await?;
    let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
    let tenants_region = match tenant_id {
        Some(tenant_id) => tenants::region(&pool, tenant_id).await?,
        None => None,
    };
    let region = region.or(tenants_region).unwrap_or_else(|| context.config.phones.default_region.clone());
    let number = phone::e164(&Phone::new(phone), &region).ok_or_else(|| {
        Usage::error(format!("this is no telephone number in region {region}: write it as +15550100123"))
    })?;
    anyhow::ensure!(
        !retention::is_ours(&pool, &number).await?,
        "{number} is one of our own numbers (`switchhook number list`): calls of everybody stand under it"
    );
    let person = Person { number, tenant_id };
    if dry_run {
        print(context, &retention::preview(&pool, &person).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !yes {
        let preview = retention::preview(&pool, &person).await?;
        if !context.output.json {
            print(context, &preview)?;
        }
        let question = format!("erase {} for good? Nothing brings it back.", rows(&preview));
        if !context.output.confirm(&question)? {
            context.output.say("nothing was changed")?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let report = retention::forget(&pool, &person, ACTOR).await?;
    print(context, &report)?;
    Ok(if report.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print(context: &Context, report: &ForgetReport) -> anyhow::Result<()> {
    if context.output.json {
        return context.output.one(report, |_| String::new());
    }
    let cell = |rows: u64| cells::count(i64::try_from(rows).unwrap_or(i64::MAX));
    let done = if report.dry_run { "would be erased" } else { "erased" };
    context.output.list(&["where", done], &report.erased, |place| vec![place.place.clone(), cell(place.rows)])?;
    if !report.left.is_empty() {
        context
            .output
            .say("\nThe number is still found here; these places are not ours to change, or were just written:")?;
        context.output.list(&["where", "rows"], &report.left, |place| vec![place.place.clone(), cell(place.rows)])?;
    }
    Ok(())
}

fn rows(report: &ForgetReport) -> String {
    cells::counted(i64::try_from(report.rows()).unwrap_or(i64::MAX), "row")
}
