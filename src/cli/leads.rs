//! `leads`: the people who call.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::domain::phone;
use crate::redact::Phone;
use crate::retention::{self, ForgetReport, Person, Unread};
use crate::store::by_hand::{self, DoNotContact};
use crate::store::roster::tenants;

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
    /// Decide by hand whether somebody may be written to; it counts over what they said themselves
    DoNotContact {
        /// Their number; a national one is read in the tenant's region
        phone: String,
        /// on: never; off: they may, whatever they said; auto: what they said counts
        #[arg(default_value = "on")]
        value: Choice,
        /// By this tenant, also if they never called it [default: by every tenant that knows them]
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// ISO 3166 code that a national number is read in [default: the tenant's, else phones.default_region]
        #[arg(long, value_parser = input::region)]
        region: Option<String>,
    },
}

/// The words of a decision.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Choice {
    /// They are never written to
    On,
    /// They may be written to, whatever they said
    Off,
    /// What they said themselves counts
    Auto,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    match command {
        Command::Forget { phone, tenant, region, yes, dry_run } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let number = number(phone, region, tenant_id, &pool, context).await?;
            forget(&pool, Person { number, tenant_id }, yes, dry_run, context).await
        }
        Command::DoNotContact { phone, value, tenant, region } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let number = number(phone, region, tenant_id, &pool, context).await?;
            do_not_contact(&pool, &number, tenant_id, value, context).await
        }
    }
}

async fn number(
    text: String,
    region: Option<String>,
    tenant_id: Option<Uuid>,
    pool: &PgPool,
    context: &Context,
) -> anyhow::Result<Phone> {
    let tenants_region = match tenant_id {
        Some(tenant_id) => tenants::region(pool, tenant_id).await?,
        None => None,
    };
    let region = region.or(tenants_region).unwrap_or_else(|| context.config.phones.default_region.clone());
    let error = || Usage::error(format!("this is no telephone number in region {region}: write it as +15550100123"));
    phone::e164(&Phone::new(text), &region).ok_or_else(error)
}

async fn do_not_contact(
    pool: &PgPool,
    number: &Phone,
    tenant_id: Option<Uuid>,
    choice: Choice,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let value = match choice {
        Choice::On => DoNotContact::On,
        Choice::Off => DoNotContact::Off,
        Choice::Auto => DoNotContact::Auto,
    };
    let tenants = match tenant_id {
        Some(tenant_id) => vec![tenant_id],
        None => tenants::list(pool).await?.into_iter().map(|tenant| tenant.id).collect(),
    };
    let adds = tenant_id.is_some() && value == DoNotContact::On;
    let keys = context.keys()?;
    let ids = keys.load(pool).await?;
    let changed = by_hand::set_do_not_contact(pool, ids, &tenants, number, value, adds, &context.scope()).await?;
    anyhow::ensure!(changed > 0, "nobody knows {number}; with --tenant it is set before they ever call");
    context.output.one(&json!({ "leads": changed }), |_| {
        let done = match value {
            DoNotContact::On => "will not be written to",
            DoNotContact::Off => "may be written to, whatever they said",
            DoNotContact::Auto => "may be written to unless they said otherwise",
        };
        format!("{number} {done}")
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn forget(
    pool: &PgPool,
    person: Person,
    yes: bool,
    dry_run: bool,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let number = &person.number;
    anyhow::ensure!(
        !retention::is_ours(pool, number).await?,
        "{number} is one of our own numbers (`switchhook number list`): calls of everybody stand under it"
    );
    if dry_run {
        print(context, &retention::preview(pool, &context.keys()?, &person).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !yes {
        let preview = retention::preview(pool, &context.keys()?, &person).await?;
        if !context.output.json {
            print(context, &preview)?;
        }
        let question = format!("erase {} for good? Nothing brings it back.", rows(&preview));
        if !context.output.confirm(&question)? {
            context.output.say("nothing was changed")?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let report = retention::forget(pool, &context.keys()?, &person, context.actor()).await?;
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
    if !report.unread.is_empty() {
        context.output.say("\nThese tables could not be searched; if they are yours, look there yourself:")?;
        let columns = |table: &Unread| vec![table.place.clone(), table.reason.to_owned()];
        context.output.list(&["table", "reason"], &report.unread, columns)?;
    }
    Ok(())
}

fn rows(report: &ForgetReport) -> String {
    cells::counted(i64::try_from(report.rows()).unwrap_or(i64::MAX), "row")
}
