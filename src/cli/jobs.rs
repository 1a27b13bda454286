//! `jobs`: what must happen next, and what to do with it.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::failure::Usage;
use super::{Context, cells, owner};
use crate::admin::operations;
use crate::outbox::operate::{self, Filter, JobItem};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List jobs, the newest first
    List {
        /// Of this kind
        #[arg(long)]
        kind: Option<String>,
        /// In this state
        #[arg(long, value_parser = ["pending", "done", "skipped", "cancelled", "dead"])]
        state: Option<String>,
        /// Of this tenant
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Rows at most
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Count jobs by kind: what waits, what is late, what died
    Stats,
    /// Show one job, with what would have been sent where nothing is configured
    Show {
        /// Its id
        id: Uuid,
    },
    /// Do jobs again that are dead, skipped or cancelled, and pending ones now; what is done stays done
    Retry(Which),
    /// Call pending jobs off
    Cancel {
        #[command(flatten)]
        which: Which,
        /// Why; it is kept with the job
        #[arg(long, default_value = "cancelled by hand")]
        reason: String,
    },
    /// Claim no jobs of this kind until it is resumed
    Pause {
        /// The kind, such as start_outreach
        kind: String,
        /// Why
        #[arg(long, default_value = "paused by hand")]
        reason: String,
    },
    /// Claim jobs of this kind again
    Resume {
        /// The kind
        kind: String,
    },
    /// Carry out everything that is due, once, and say what became of it
    Run,
}

/// Which jobs.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// This job; may be repeated
    #[arg(long, value_name = "UUID")]
    id: Vec<Uuid>,
    /// Of this kind
    #[arg(long)]
    kind: Option<String>,
    /// With this key, such as the id of a call
    #[arg(long)]
    key: Option<String>,
}

impl Which {
    fn filter(&self) -> anyhow::Result<Filter> {
        if self.id.is_empty() && self.key.is_none() && self.kind.is_none() {
            return Err(Usage::error("say which: --id, --key or --kind".to_owned()));
        }
        let ids = (!self.id.is_empty()).then(|| self.id.clone());
        Ok(Filter { ids, kind: self.kind.clone(), key: self.key.clone() })
    }
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let changed = |context: &Context, what: &str, count: u64| {
        context.output.one(&json!({ "changed": count }), |_| {
            format!("{what} {}", cells::counted(i64::try_from(count).unwrap_or(i64::MAX), "job"))
        })
    };
    match command {
        Command::List { kind, state, tenant, limit } => {
            let tenant_id = owner::maybe_tenant(&pool, tenant.as_deref()).await?;
            let jobs = operate::list(&pool, kind.as_deref(), state.as_deref(), tenant_id, None, limit).await?;
            list(context, &jobs)?;
        }
        Command::Stats => stats(context, &operate::counts(&pool).await?)?,
        Command::Show { id } => {
            let jobs = operate::list(&pool, None, None, None, Some(id), 1).await?;
            let Some(job) = jobs.first() else { anyhow::bail!("there is no job {id}") };
            context.output.one(job, shown)?;
        }
        Command::Retry(which) => {
            let filter = which.filter()?;
            let count = operations::retry_jobs_of(&pool, &context.scope(), &filter).await?;
            changed(context, "retrying", count)?;
        }
        Command::Cancel { which, reason } => {
            let filter = which.filter()?;
            let reason = sentence(&reason, "cancelled by hand")?;
            let count = operations::cancel_jobs_of(&pool, &context.scope(), &filter, &reason).await?;
            changed(context, "cancelled", count)?;
        }
        Command::Pause { kind, reason } => {
            known(&kind)?;
            operations::pause_kind(&pool, &context.scope(), &kind, &sentence(&reason, "paused by hand")?).await?;
            context.output.say(&format!("{kind} is paused: switchhook jobs resume {kind}"))?;
        }
        Command::Resume { kind } => {
            let was = operations::resume_kind(&pool, &context.scope(), &kind).await?;
            context.output.say(&format!("{kind} {}", if was { "goes on" } else { "was not paused" }))?;
        }
        Command::Run => {
            let report = context.runner_over(pool)?.drain().await?;
            context.output.one(&report, |report| {
                format!(
                    "done {}, skipped {}, cancelled {}, postponed {}, dead {}",
                    report.done, report.skipped, report.cancelled, report.postponed, report.dead
                )
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A reason without personal data, as pages and API take it.
fn sentence(reason: &str, fallback: &str) -> anyhow::Result<String> {
    let sentence = operations::sentence(Some(reason)).map_err(|error| Usage::error(error.to_string()))?;
    Ok(sentence.unwrap_or_else(|| fallback.to_owned()))
}

fn known(kind: &str) -> anyhow::Result<()> {
    let kinds: Vec<&str> = crate::jobs::all().iter().map(|kind| kind.policy().name).collect();
    if kinds.contains(&kind) {
        return Ok(());
    }
    Err(Usage::error(format!("there is no kind {kind}; there are: {}", kinds.join(", "))))
}

fn list(context: &Context, jobs: &[JobItem]) -> anyhow::Result<()> {
    let columns = ["id", "kind", "tenant", "state", "due", "attempts", "why"];
    context.output.list(&columns, jobs, |job| {
        vec![
            job.id.to_string(),
            job.kind.clone(),
            cells::text_or_dash(job.tenant.as_deref()),
            job.state.clone(),
            cells::time(job.due_at),
            job.attempts.to_string(),
            cells::text_or_dash(job.note.as_deref().or(job.last_error.as_deref())),
        ]
    })
}

fn stats(context: &Context, counts: &[operate::KindCount]) -> anyhow::Result<()> {
    let columns = [
        "kind",
        "pending",
        "due",
        "running",
        "done (24h)",
        "skipped",
        "cancelled",
        "dead",
        "unknown",
        "oldest due",
        "paused",
    ];
    context.output.list(&columns, counts, |count| {
        vec![
            count.kind.clone(),
            cells::count(count.pending),
            cells::count(count.due),
            cells::count(count.running),
            cells::count(count.done),
            cells::count(count.skipped),
            cells::count(count.cancelled),
            cells::count(count.dead),
            cells::count(count.unknown_outcomes),
            cells::seconds(count.oldest_due_seconds),
            cells::text_or_dash(count.paused.as_deref()),
        ]
    })
}

fn shown(job: &JobItem) -> String {
    let time = cells::time_or_dash;
    let text = |text: &Option<String>| cells::text_or_dash(text.as_deref());
    [
        ("id", job.id.to_string()),
        ("kind", job.kind.clone()),
        ("key", job.key.clone()),
        ("tenant", text(&job.tenant)),
        ("state", job.state.clone()),
        ("due", cells::time(job.due_at)),
        ("attempts", job.attempts.to_string()),
        ("in hand until", time(job.lease_until)),
        ("sending since", time(job.sending_at)),
        ("settled", time(job.settled_at)),
        ("unknown outcomes", job.unknown_outcomes.to_string()),
        ("last error", text(&job.last_error)),
        ("note", text(&job.note)),
        ("would have sent", text(&job.preview)),
    ]
    .iter()
    .map(|(name, value)| format!("{name:<17} {value}"))
    .collect::<Vec<_>>()
    .join("\n")
}
