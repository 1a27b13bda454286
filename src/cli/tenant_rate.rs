//! `tenant rate`: what a tenant's minutes cost.

use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::failure::Usage;
use super::{Context, cells, input, owner};
use crate::admin;
use crate::store::billing::{self, Amount, NewRate, RateRow};

/// What a minute costs from now on; nothing: show it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose
    tenant: String,
    /// A minute costs this; calls whose first event comes in from now on are charged so
    #[arg(long, value_name = "AMOUNT")]
    per_minute: Option<Amount>,
    /// Calls that come in from now on are not charged
    #[arg(long, conflicts_with = "per_minute")]
    none: bool,
    /// ISO 4217 [default: the currency of the rate before]
    #[arg(long, value_parser = input::currency)]
    currency: Option<String>,
    /// Round up to a multiple of this: 1s, 6s, 1m for started minutes [default: as before, else 1s]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    round_to: Option<Duration>,
    /// A call that was taken costs at least this long [default: as before, else 0s]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    minimum: Option<Duration>,
    /// A balance of this or less is low; `none`: only an exhausted one is told of
    #[arg(long, value_name = "AMOUNT")]
    low_credit: Option<LowCredit>,
}

/// An amount, or none.
#[derive(Clone, Debug)]
struct LowCredit(Option<Amount>);

impl FromStr for LowCredit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|amount| Self(Some(amount))) }
    }
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let tenant_id = owner::tenant(&pool, &args.tenant).await?;
    let before = billing::rates(&pool, tenant_id).await?;
    let new = new_rate(&args, before.first())?;
    let changes = new.is_some() || args.low_credit.is_some();
    if changes {
        let low_credit = args.low_credit.as_ref().map(|LowCredit(amount)| amount.as_ref());
        admin::billing::set_rate(&pool, &context.scope_of(tenant_id)?, new.as_ref(), low_credit).await?;
        context.output.one(&json!({ "tenant": args.tenant }), |_| format!("{}: set", args.tenant))?;
    } else {
        list(context, &pool, tenant_id).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The rate that the arguments ask for; what they leave out stays as it is.
fn new_rate(args: &Args, before: Option<&RateRow>) -> anyhow::Result<Option<NewRate>> {
    if args.per_minute.is_none() && !args.none {
        if args.currency.is_some() || args.round_to.is_some() || args.minimum.is_some() {
            return Err(Usage::error("what does a minute cost? Say --per-minute, or --none"));
        }
        return Ok(None);
    }
    if args.none && before.is_none() {
        anyhow::bail!("{} has no rate: nothing is charged as it is", args.tenant);
    }
    let currency = args.currency.clone().or(before.map(|rate| rate.currency.clone()));
    Ok(Some(NewRate {
        per_minute: args.per_minute.clone(),
        currency: currency.ok_or_else(|| Usage::error("in which currency? Say --currency, such as USD"))?,
        rounding_seconds: match args.round_to {
            Some(step) => seconds(step, "--round-to", 1)?,
            None => before.map_or(1, |rate| rate.rounding_seconds),
        },
        minimum_seconds: match args.minimum {
            Some(minimum) => seconds(minimum, "--minimum", 0)?,
            None => before.map_or(0, |rate| rate.minimum_seconds),
        },
    }))
}

/// Whole seconds, an hour at most, as the table takes them.
fn seconds(duration: Duration, option: &str, least: u64) -> anyhow::Result<i32> {
    let fits = duration.subsec_nanos() == 0 && (least..=3_600).contains(&duration.as_secs());
    match i32::try_from(duration.as_secs()) {
        Ok(seconds) if fits => Ok(seconds),
        _ => Err(Usage::error(format!("{option} is whole seconds, from {least}s to 1h"))),
    }
}

async fn list(context: &Context, pool: &sqlx::PgPool, tenant_id: Uuid) -> anyhow::Result<()> {
    let columns = ["since", "per minute", "currency", "rounded to", "minimum"];
    context.output.list(&columns, &billing::rates(pool, tenant_id).await?, |rate| {
        vec![
            cells::time(rate.since),
            rate.rate_per_minute.clone().unwrap_or_else(|| "not charged".to_owned()),
            rate.currency.clone(),
            format!("{}s", rate.rounding_seconds),
            format!("{}s", rate.minimum_seconds),
        ]
    })
}
