//! `demo`: sends the sample calls of every platform, signed, scrambled and doubled, and shows what becomes of them.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::PgPool;

use super::{Context, sender};
use crate::clock::Clock;
use crate::providers::{self, Provider, Sample};
use crate::store::connections::{self, Connection};
use crate::store::{directory, reads};
use crate::{db, inbox};

/// How long the service may take to work everything off.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Every so many samples one is sent again.
const DOUBLED: usize = 3;
/// Rows shown at most.
const SHOWN: i64 = 100;

/// Where the samples go.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The running service [default: http://<http.bind>]
    #[arg(long)]
    url: Option<String>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let base = args.url.unwrap_or_else(|| format!("http://{}", context.config.http.bind));
    let client = sender::client()?;
    client.get(format!("{base}/readyz")).send().await.with_context(|| {
        format!("no service answers at {base}: start one with `make run`, or name its address with --url")
    })?;
    let pool = context.ready_pool().await?;
    let connections = connections::all(&pool).await.map_err(described)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (provider, sample) in scrambled() {
        let connection = default_of(&connections, provider).with_context(|| {
            format!("{} has no default connection: start the service once with --setup", provider.name())
        })?;
        let answer = sender::send(&client, &base, connection, provider, sample.body, Clock::system().now()).await?;
        let outcome = answer.outcome.unwrap_or_else(|| format!("refused with {}", answer.status));
        *counts.entry(outcome).or_default() += 1;
    }
    let sent: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    context.output.say(&format!("sent {} webhooks: {}", counts.values().sum::<u64>(), sent.join(", ")))?;
    let waited = wait_until_idle(&pool).await?;
    context.output.say(&format!("nothing is pending after {} ms\n", waited.as_millis()))?;
    show(context, &pool).await?;
    Ok(ExitCode::SUCCESS)
}

/// Every sample that a platform published, every third of them twice, in an order that no platform would send.
fn scrambled() -> Vec<(&'static dyn Provider, &'static Sample)> {
    let all: Vec<_> = providers::ALL
        .iter()
        .flat_map(|provider| provider.samples().iter().map(move |sample| (*provider, sample)))
        .filter(|(_, sample)| sample.is_published())
        .collect();
    let mut scrambled: Vec<_> = all.iter().copied().chain(all.iter().copied().step_by(DOUBLED)).collect();
    scrambled.sort_by_cached_key(|_| rand::random::<u64>());
    scrambled
}

fn default_of<'c>(connections: &'c [Connection], provider: &dyn Provider) -> Option<&'c Connection> {
    let mut own = connections.iter().filter(|connection| connection.provider == provider.name());
    let is_default = |connection: &&Connection| connection.is_default || connection.slug == "default";
    own.clone().find(is_default).or_else(|| own.next())
}

/// Events that failed wait for their next attempt and are not waited for here.
async fn wait_until_idle(pool: &PgPool) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        let backlog = inbox::backlog(pool).await.map_err(described)?;
        if backlog.pending <= backlog.retrying {
            return Ok(began.elapsed());
        }
        anyhow::ensure!(
            began.elapsed() < TIMEOUT,
            "{} events are still pending: does `serve` run with its processors?",
            backlog.pending
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn show(context: &Context, pool: &PgPool) -> anyhow::Result<()> {
    let tenant = match reads::sole_tenant(pool).await.map_err(described)? {
        Some(tenant) => tenant,
        None => directory::find_tenant(pool, "default").await.map_err(described)?.context("no tenant `default`")?,
    };
    let calls = reads::list_calls(pool, tenant, None, SHOWN).await.map_err(described)?;
    let leads = reads::list_leads(pool, tenant, None, SHOWN).await.map_err(described)?;
    let messages = reads::list_messages(pool, tenant, SHOWN).await.map_err(described)?;
    if context.output.json {
        let shown = serde_json::json!({ "calls": calls, "leads": leads, "messages": messages });
        return context.output.one(&shown, |_| String::new());
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    // What is no telephone number stands as the platform wrote it.
    let number = |number: &Option<String>, raw: &Option<String>| number.clone().unwrap_or_else(|| text(raw));
    context.output.say("Calls")?;
    context.output.list(
        &[
            "started (UTC)",
            "platform",
            "direction",
            "from",
            "to",
            "status",
            "outcome",
            "seconds",
            "sentiment",
            "transcript",
        ],
        &calls,
        |call| {
            vec![
                call.started_at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M").to_string()),
                call.provider.clone(),
                text(&call.direction),
                number(&call.from_number, &call.from_raw),
                number(&call.to_number, &call.to_raw),
                text(&call.status),
                text(&call.disposition),
                call.duration_ms.map_or_else(String::new, |ms| (ms / 1000).to_string()),
                text(&call.sentiment),
                if call.has_transcript { "yes" } else { "" }.to_owned(),
            ]
        },
    )?;
    context.output.say("\nMessages")?;
    context.output.list(
        &["sent (UTC)", "platform", "direction", "from", "to", "status", "error", "text"],
        &messages,
        |message| {
            vec![
                message.sent_at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M").to_string()),
                message.provider.clone(),
                message.direction.clone(),
                text(&message.from_number),
                text(&message.to_number),
                text(&message.status),
                text(&message.error),
                text(&message.body),
            ]
        },
    )?;
    context.output.say("\nLeads")?;
    context.output.list(
        &["phone", "name", "e-mail", "stage", "opted out", "source", "calls", "missed", "last call (UTC)"],
        &leads,
        |lead| {
            vec![
                lead.phone.clone(),
                text(&lead.name),
                text(&lead.email),
                lead.stage.clone(),
                if lead.opted_out { "yes" } else { "" }.to_owned(),
                text(&lead.source),
                lead.calls.to_string(),
                lead.missed.to_string(),
                lead.last_call_at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M").to_string()),
            ]
        },
    )
}

fn described(error: sqlx::Error) -> anyhow::Error {
    anyhow::anyhow!(db::describe(&error))
}
