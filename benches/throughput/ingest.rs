//! Webhooks over HTTP to the disk: 64 connections, real signatures, a row committed before each 200.

use super::cluster::{Bench, secret};
use super::cpu::Ticks;
use super::load::{self, Sent};
use super::program::Program;
use super::report::{Figure, Line, Report, Target};
use super::{Scale, baseline, payload, progress};

/// Connections at once.
pub const CONNECTIONS: usize = 64;
/// Webhooks before the clock starts.
const WARM_UP: usize = 5_000;

/// Our figures, run by run.
#[derive(Debug, Default)]
struct Ours {
    rate: Figure,
    commits: Vec<f64>,
    wal: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    p999: Vec<f64>,
    memory: Vec<f64>,
}

/// Measures the door, by turns with the raw inserts.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let (mut ours, mut raw, mut raw_wal) = (Ours::default(), Figure::default(), Vec::new());
    for run in 1..=scale.runs {
        progress(&format!("ingest {run}/{}: raw inserts, then over HTTP", scale.runs));
        let inserts = baseline::insert(bench, scale.raw_seconds).await?;
        raw.add(inserts.per_second, inserts.cpu);
        raw_wal.push(inserts.wal_bytes_per_event);
        once(bench, scale.webhooks, &mut ours).await?;
    }
    let latencies = [("p50", ours.p50), ("p99", ours.p99), ("p99.9", ours.p999)];
    report.add(
        Line::new("durable webhooks over HTTP, 64 connections", "/s", ours.rate, Target::AtLeast(1.3, 2.0))
            .against(&raw)
            .note("raw: single-row insert and commit by 32 pgbench clients"),
    );
    for (name, runs) in latencies {
        report.add(Line::new(format!("… latency {name}"), "ms", Figure::of(runs), Target::None));
    }
    report.add(Line::new("commits per webhook", "", Figure::of(ours.commits), Target::AtMost(1.0 / 8.0, 1.0 / 24.0)));
    report.add(
        Line::new("WAL to accept", "bytes/event", Figure::of(ours.wal), Target::None).against(&Figure::of(raw_wal)),
    );
    report.add(Line::new("memory, taking in all it can", "MB", Figure::of(ours.memory), Target::AtMost(150.0, 60.0)));
    Ok(())
}

async fn once(bench: &mut Bench, webhooks: usize, ours: &mut Ours) -> anyhow::Result<()> {
    let database = bench.database().await?;
    let program = bench.serve(&database, &["--only", "ingest"], &[]).await?;
    load::closed_loop(&program.address, CONNECTIONS, payload::requests(0..WARM_UP, &secret())?).await?;
    let requests = payload::requests(WARM_UP..WARM_UP + webhooks, &secret())?;
    let (commits, rows) = commits(&program).await?;
    let (wal, ticks) = (bench.wal_bytes().await?, Ticks::now());
    let sent: Sent = load::closed_loop(&program.address, CONNECTIONS, requests).await?;
    let (cpu, wal) = (ticks.since(), bench.wal_bytes().await? - wal);
    let (commits_after, rows_after) = self::commits(&program).await?;
    ours.rate.add(sent.per_second(), cpu);
    ours.commits.push((commits_after - commits) / (rows_after - rows));
    ours.wal.push(wal / webhooks as f64);
    ours.p50.push(sent.quantile_ms(0.5));
    ours.p99.push(sent.quantile_ms(0.99));
    ours.p999.push(sent.quantile_ms(0.999));
    ours.memory.push(program.memory_max_mb()?);
    program.stop().await?;
    bench.drop(database).await
}

/// Commits at the door so far, and their rows.
async fn commits(program: &Program) -> anyhow::Result<(f64, f64)> {
    let count = program.metric("switchhook_commit_rows_count").await?;
    Ok((count, program.metric("switchhook_commit_rows_sum").await?))
}
