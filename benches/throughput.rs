//! `make bench`: what Switchhook does in a second, beside what the bare statements do on the same Postgres in the same
//! minutes. Machines differ and neighbours disturb, so medians and ratios are what counts; the share of the processor
//! that others took stands beside every figure.
//!
//! `cargo bench -- [--quick | --long] [--only NAME]… [--json]`. Everything runs on loopback, and all that is started
//! is stopped again; the cluster is deleted.

#[path = "throughput/baseline.rs"]
mod baseline;
#[path = "throughput/cluster.rs"]
mod cluster;
#[path = "throughput/cpu.rs"]
mod cpu;
#[path = "throughput/drain.rs"]
mod drain;
#[path = "throughput/flood.rs"]
mod flood;
#[path = "throughput/history.rs"]
mod history;
#[path = "../tests/suite/support/hostile.rs"]
mod hostile;
#[path = "throughput/idle.rs"]
mod idle;
#[path = "throughput/ingest.rs"]
mod ingest;
#[path = "../tests/suite/support/keys.rs"]
mod keys;
#[path = "throughput/live.rs"]
mod live;
#[path = "throughput/load.rs"]
mod load;
#[path = "throughput/memory.rs"]
mod memory;
#[path = "throughput/pages.rs"]
mod pages;
#[path = "throughput/paths.rs"]
mod paths;
#[path = "throughput/pause.rs"]
mod pause;
#[path = "throughput/payload.rs"]
mod payload;
#[path = "throughput/program.rs"]
mod program;
#[expect(clippy::unwrap_used, dead_code, reason = "shared with the tests, and fed by what stands beside it")]
#[path = "../tests/suite/support/raw.rs"]
mod raw;
#[path = "throughput/report.rs"]
mod report;
#[path = "throughput/spool.rs"]
mod spool;
#[path = "throughput/steady.rs"]
mod steady;

use std::io::Write;

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use cluster::Bench;
use report::Report;

/// Measures Switchhook against the raw statements on one private, durable Postgres.
#[derive(Debug, Parser)]
struct Args {
    /// One run of each, and small ones: a look, not a figure
    #[arg(long, conflicts_with = "long")]
    quick: bool,
    /// Also what takes long: many processed rows, an old snapshot
    #[arg(long)]
    long: bool,
    /// Only this measurement; may be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<Name>,
    /// A setting of the program, such as HTTP__FLUSHERS=3; may be given more than once
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// What `cargo bench` passes to every harness
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Webhooks over HTTP to the disk
    Ingest,
    /// Webhooks to files while Postgres stands still, and from there
    Spool,
    /// Pending events to calls, leads and jobs
    Drain,
    /// Both at once, at a fixed rate
    Steady,
    /// From the answer to the visible row, when nothing else happens
    Idle,
    /// Who is calling, asked beside webhooks over many calls and leads, also while Postgres stands still
    Live,
    /// Verified webhooks and live answers beside a thousand hostile sockets
    Flood,
    /// Many processed rows, an old snapshot
    History,
    /// Lists, details, searches and overviews over a big table
    Pages,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Runs of each measurement.
    runs: usize,
    /// Webhooks in one run at the door.
    webhooks: usize,
    /// Events in one drain.
    events: usize,
    /// Seconds of raw inserts in one run.
    raw_seconds: u64,
    /// Seconds of steady load.
    steady_seconds: u64,
    /// Webhooks sent one by one.
    idle_webhooks: usize,
    /// Calls and leads that callers are looked up among.
    live_calls: usize,
    live_leads: usize,
    /// Seconds of questions.
    live_seconds: u64,
    /// Processed rows beside the pending ones.
    history_rows: usize,
    /// The big table.
    big_calls: usize,
    big_leads: usize,
    big_events: usize,
}

impl Scale {
    fn of(args: &Args) -> Self {
        let usual = Self {
            runs: 3,
            webhooks: 50_000,
            events: 40_000,
            raw_seconds: 5,
            steady_seconds: 15,
            idle_webhooks: 200,
            live_calls: 1_000_000,
            live_leads: 200_000,
            live_seconds: 30,
            history_rows: 300_000,
            big_calls: 1_000_000,
            big_leads: 200_000,
            big_events: 10_000_000,
        };
        match args {
            Args { quick: true, .. } => Self {
                runs: 1,
                webhooks: 20_000,
                events: 20_000,
                raw_seconds: 3,
                steady_seconds: 6,
                idle_webhooks: 100,
                live_calls: 20_000,
                live_leads: 5_000,
                live_seconds: 10,
                history_rows: 100_000,
                big_calls: 20_000,
                big_leads: 5_000,
                big_events: 50_000,
            },
            Args { long: true, .. } => Self { runs: 5, history_rows: 1_000_000, steady_seconds: 30, ..usual },
            _ => usual,
        }
    }
}

// One thread: the load generator shares its cores with the program and Postgres, and should take little.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut bench = Bench::start(&args.set).await?;
    let measured = tokio::select! {
        measured = measure(&mut bench, &args) => measured,
        _ = terminate.recv() => Err(anyhow::anyhow!("stopped")),
        _ = interrupt.recv() => Err(anyhow::anyhow!("stopped")),
    };
    bench.stop().await?;
    measured?.print(args.json)
}

async fn measure(bench: &mut Bench, args: &Args) -> anyhow::Result<Report> {
    let scale = Scale::of(args);
    let wanted = |name: Name| match args.only.is_empty() {
        true => name != Name::Pages && (name != Name::History || args.long),
        false => args.only.contains(&name),
    };
    let mut report = Report::new(bench.facts().await?);
    if wanted(Name::Ingest) {
        ingest::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::Spool) {
        spool::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::Drain) {
        drain::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::Steady) {
        steady::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::Idle) {
        idle::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::Live) {
        live::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::Flood) {
        flood::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::History) {
        history::measure(bench, scale, &mut report).await?;
    }
    if wanted(Name::Pages) {
        pages::measure(bench, scale, &mut report).await?;
    }
    Ok(report)
}

/// Says on standard error what is being done: a run takes minutes.
fn progress(text: &str) {
    // Nobody may be reading.
    writeln!(std::io::stderr(), "  {text}").ok();
}
