//! `stats`: the inbox in numbers. sql/ops/backlog_by_type.sql, oldest.sql and lag.sql print the same, and the gauges of
//! `/metrics` are the first line.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::input::When;
use super::{Context, cells};
use crate::clock::Clock;
use crate::inbox::statistics::{self, Lag, TypeCounts};
use crate::{db, inbox};

/// Over which time.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Count processed and ignored events, and their lag, from those received since: a time, a day, or how long ago.
    /// Pending and dead ones are counted however old they are
    #[arg(long, value_name = "WHEN", default_value = "24h")]
    since: When,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Stats {
    pending: i64,
    retrying: i64,
    dead: i64,
    oldest_pending_seconds: f64,
    jobs_pending: i64,
    jobs_due: i64,
    jobs_dead: i64,
    since: DateTime<Utc>,
    processed: i64,
    ignored: i64,
    lag: Lag,
    by_type: Vec<TypeCounts>,
}

pub(super) async fn run(args: &Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let since = args.since.resolve(Clock::system().now());
    let mut connection = db::patient(&pool).await?;
    let backlog = inbox::backlog(&mut *connection).await?;
    let by_type = statistics::counts_by_type(&mut connection, since).await?;
    let lag = statistics::lag(&mut connection, since).await?;
    connection.rollback().await?;
    let stats = Stats {
        pending: backlog.pending,
        retrying: backlog.retrying,
        dead: backlog.dead,
        oldest_pending_seconds: backlog.oldest_pending_seconds,
        jobs_pending: backlog.jobs_pending,
        jobs_due: backlog.jobs_due,
        jobs_dead: backlog.jobs_dead,
        since,
        processed: by_type.iter().map(|counts| counts.processed).sum(),
        ignored: by_type.iter().map(|counts| counts.ignored).sum(),
        lag,
        by_type,
    };
    if context.output.json {
        context.output.one(&stats, |_| String::new())?;
        return Ok(ExitCode::SUCCESS);
    }
    context.output.say(&summary(&stats))?;
    let columns = ["platform", "type", "pending", "processed", "ignored", "dead", "oldest pending"];
    context.output.list(&columns, &stats.by_type, |counts| {
        vec![
            counts.provider.clone(),
            crate::redact::scrub(&counts.event_type),
            cells::count(counts.pending),
            cells::count(counts.processed),
            cells::count(counts.ignored),
            cells::count(counts.dead),
            cells::time_or_dash(counts.oldest_pending_at),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

fn summary(stats: &Stats) -> String {
    let percentile = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), cells::seconds);
    let waiting = match stats.pending {
        0 => String::new(),
        _ => format!(" (the oldest for {})", cells::seconds(stats.oldest_pending_seconds)),
    };
    format!(
        "now     pending {}{waiting}, of these retrying {}; dead {}; jobs {}, due {}, dead {}\n\
         since   {}: processed {}, ignored {}\n\
         lag     p50 {}, p90 {}, p99 {}, max {}",
        cells::count(stats.pending),
        cells::count(stats.retrying),
        cells::count(stats.dead),
        cells::count(stats.jobs_pending),
        cells::count(stats.jobs_due),
        cells::count(stats.jobs_dead),
        cells::time(stats.since),
        cells::count(stats.processed),
        cells::count(stats.ignored),
        percentile(stats.lag.p50_seconds),
        percentile(stats.lag.p90_seconds),
        percentile(stats.lag.p99_seconds),
        percentile(stats.lag.max_seconds),
    )
}
