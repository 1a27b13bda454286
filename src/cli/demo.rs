//! `demo`: sends the sample calls of every platform, signed, scrambled and doubled, and shows what becomes of them.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::sender::Access;
use super::{Context, sender, story};
use crate::clock::Clock;
use crate::providers::{self, Provider, Sample};
use crate::store::connections::{self, Connection};
use crate::store::roster::tenants;
use crate::store::{directory, reads};
use crate::{db, inbox, outbox};

/// How long the service may take to work everything off.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Every so many samples one is sent again.
const DOUBLED: usize = 3;
/// Rows shown at most.
const SHOWN: i64 = 100;
/// Jobs shown at most.
const JOBS_SHOWN: i64 = 20;
/// What stands above the story.
const STORY: &str =
    "\nOne lead from missed call to reply, with stand-ins for WhatsApp and OpenAI, and a clock that skips the waits";

/// Where the samples go.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The running service [default: http://<http.bind>]
    #[arg(long)]
    url: Option<String>,
    /// Only the story of one lead: it needs no running service
    #[arg(long, conflicts_with = "samples")]
    story: bool,
    /// Only the samples
    #[arg(long)]
    samples: bool,
    /// Send the samples although vendors are configured: they will be asked, and people written to
    #[arg(long)]
    with_vendors: bool,
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let mut shown = if args.story { Shown::default() } else { samples(args.url, args.with_vendors, context).await? };
    if !args.samples {
        let lines = story::tell(context.output).await.context("the story of one lead")?;
        if !context.output.json {
            context.output.say(STORY)?;
            context.output.list(&["time (UTC)", "", "what happens"], &lines, |line| line.cells())?;
        }
        shown.story = Some(lines);
    }
    if context.output.json {
        context.output.one(&shown, |_| String::new())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is shown; absent: it was not asked for.
#[derive(Default, Serialize)]
struct Shown {
    #[serde(flatten)]
    samples: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    story: Option<Vec<story::Line>>,
}

/// Sends the samples and shows what becomes of them.
async fn samples(url: Option<String>, with_vendors: bool, context: &mut Context) -> anyhow::Result<Shown> {
    let base = url.unwrap_or_else(|| format!("http://{}", context.config.http.bind));
    let client = sender::client()?;
    client.get(format!("{base}/readyz")).send().await.with_context(|| {
        format!("no service answers at {base}: start one with `make run`, or name its address with --url")
    })?;
    let pool = context.ready_pool().await?;
    let tenant = tenant(&pool).await?;
    if !with_vendors {
        reaches_nobody(context, &pool, tenant).await?;
    }
    let keys = context.keys()?;
    keys.load(&pool).await.map_err(described)?;
    let connections = connections::all(&pool, &keys).await.map_err(described)?;
    let mut accesses = BTreeMap::new();
    for provider in providers::ALL {
        let connection = default_of(&connections, *provider).with_context(|| {
            format!("{} has no default connection: start the service once with --setup", provider.name())
        })?;
        let access = Access::to(&pool, &context.scope(), &keys, connection, *provider).await.map_err(described)?;
        accesses.insert(provider.name(), access);
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut result = Ok(());
    for (provider, sample) in scrambled() {
        let Some(access) = accesses.get(provider.name()) else { continue };
        match sender::send(&client, &base, access, provider, sample.body, Clock::system().now()).await {
            Ok(answer) => {
                let outcome = answer.outcome.unwrap_or_else(|| format!("refused with {}", answer.status));
                *counts.entry(outcome).or_default() += 1;
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    for access in accesses.into_values() {
        access.end(&pool).await.map_err(described)?;
    }
    result?;
    let sent: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    context.output.say(&format!("sent {} webhooks: {}", counts.values().sum::<u64>(), sent.join(", ")))?;
    let waited = wait_until_idle(&pool).await?;
    context.output.say(&format!("nothing is pending after {} ms\n", waited.as_millis()))?;
    show(context, &pool, tenant).await
}

/// The one tenant; of several, `default`.
async fn tenant(pool: &PgPool) -> anyhow::Result<Uuid> {
    match reads::sole_tenant(pool).await.map_err(described)? {
        Some(tenant) => Ok(tenant),
        None => directory::find_tenant(pool, "default").await.map_err(described)?.context("no tenant `default`"),
    }
}

/// The numbers in the samples may be somebody's: nothing must be sent to them.
async fn reaches_nobody(context: &Context, pool: &PgPool, tenant: Uuid) -> anyhow::Result<()> {
    let own = tenants::own(pool, tenant).await.map_err(described)?;
    let vendors = context.config.for_tenant(&own.settings, &context.keys()?)?.integrations;
    let configured: Vec<&str> = [
        ("whatsapp", vendors.whatsapp.is_configured()),
        ("openai", vendors.openai.is_configured()),
        ("slack", vendors.slack.is_configured()),
        ("email", vendors.email.is_configured()),
        ("twilio", vendors.twilio.is_configured()),
        ("zoho", vendors.zoho.is_configured()),
    ]
    .iter()
    .filter_map(|(name, is_configured)| is_configured.then_some(*name))
    .collect();
    anyhow::ensure!(
        configured.is_empty(),
        "{} configured here: the samples' jobs would reach them, and the people whose numbers the samples hold. Show \
         the story alone with --story, or insist with --with-vendors",
        configured.join(", ")
    );
    Ok(())
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
        let jobs = outbox::operate::counts(pool).await.map_err(described)?;
        let due: i64 = jobs.iter().filter(|kind| kind.paused.is_none()).map(|kind| kind.due + kind.running).sum();
        if backlog.pending <= backlog.retrying && due == 0 {
            return Ok(began.elapsed());
        }
        anyhow::ensure!(
            began.elapsed() < TIMEOUT,
            "{} events and {due} jobs are still pending: does `serve` run with its processors?",
            backlog.pending
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn show(context: &Context, pool: &PgPool, tenant: Uuid) -> anyhow::Result<Shown> {
    let calls = reads::list_calls(pool, tenant, None, SHOWN).await.map_err(described)?;
    let leads = reads::list_leads(pool, tenant, None, SHOWN).await.map_err(described)?;
    let messages = reads::list_messages(pool, tenant, SHOWN).await.map_err(described)?;
    let jobs = outbox::operate::list(pool, None, None, Some(tenant), None, JOBS_SHOWN).await.map_err(described)?;
    if context.output.json {
        let samples = serde_json::json!({ "calls": calls, "leads": leads, "messages": messages, "jobs": jobs });
        return Ok(Shown { samples: Some(samples), story: None });
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
    )?;
    context.output.say("\nJobs: without credentials nothing is sent; `switchhook jobs show` has the whole text")?;
    context.output.list(&["due (UTC)", "kind", "state", "what"], &jobs, |job| {
        let what = job.preview.as_ref().or(job.note.as_ref()).or(job.last_error.as_ref()).cloned().unwrap_or_default();
        let due_at = job.due_at.format("%Y-%m-%d %H:%M").to_string();
        vec![due_at, job.kind.clone(), job.state.clone(), what.lines().next().unwrap_or_default().to_owned()]
    })?;
    Ok(Shown::default())
}

fn described(error: sqlx::Error) -> anyhow::Error {
    anyhow::anyhow!(db::describe(&error))
}
