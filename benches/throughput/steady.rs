//! Steady full load: webhooks come in at a fixed rate and are worked off by the same process.

use std::time::Duration;

use super::cluster::{Bench, Database, scalar, secret};
use super::cpu::Ticks;
use super::drain::wait_until_idle;
use super::ingest::CONNECTIONS;
use super::load;
use super::report::{Figure, Line, Report, Target};
use super::{Scale, payload, progress};

/// Webhooks a second: the target, half as much again, and the moonshot.
const RATES: &[u32] = &[3_000, 4_500, 6_000];
/// Pending may be what comes in during this time, at the end as at any other moment.
const PENDING_SECONDS_MAX: f64 = 0.5;

/// Measures, at rising rates, whether pending grows.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let (mut sustained, mut memory, mut notes) = (Figure::default(), Vec::new(), Vec::new());
    for rate in RATES {
        progress(&format!("steady load of {rate}/s for {} s", scale.steady_seconds));
        let run = once(bench, *rate, scale.steady_seconds).await?;
        notes.push(format!("\n    {rate}/s: {}", run.note));
        memory.push(run.memory_mb);
        if run.keeps_up {
            sustained = Figure { runs: vec![f64::from(*rate)], cpu: vec![run.cpu] };
        }
    }
    if sustained.runs.is_empty() {
        sustained.runs.push(0.0);
    }
    report.add(
        Line::new("steady full load without pending growing", "/s", sustained, Target::AtLeast(3_000.0, 6_000.0))
            .note(notes.concat()),
    );
    let memory = memory.into_iter().fold(0.0, f64::max);
    report.add(Line::new("memory, full load", "MB", Figure::of(vec![memory]), Target::AtMost(150.0, 60.0)));
    Ok(())
}

struct Steady {
    keeps_up: bool,
    memory_mb: f64,
    cpu: super::cpu::Cpu,
    note: String,
}

async fn once(bench: &mut Bench, rate: u32, seconds: u64) -> anyhow::Result<Steady> {
    let mut database = bench.database().await?;
    let program = bench.serve(&database, &[], &[]).await?;
    let warm_up = rate as usize * 2;
    let webhooks = warm_up + rate as usize * usize::try_from(seconds)?;
    load::open_loop(&program.address, CONNECTIONS, rate, payload::requests(0..warm_up, &secret())?)
        .await?
        .all_answered()?;
    let requests = payload::requests(warm_up..webhooks, &secret())?;
    let ticks = Ticks::now();
    let sending = tokio::spawn({
        let address = program.address.clone();
        async move { load::open_loop(&address, CONNECTIONS, rate, requests).await }
    });
    let mut pending = Vec::new();
    while !sending.is_finished() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        pending.push(count_pending(&mut database).await?);
    }
    let (sent, cpu) = (sending.await??.all_answered()?, ticks.since());
    let last = pending.iter().rev().take(6).copied().max().unwrap_or(0);
    let memory_mb = program.memory_max_mb()?;
    wait_until_idle(&mut database).await?;
    program.stop().await?;
    bench.drop(database).await?;
    let in_time = sent.per_second() > f64::from(rate) * 0.97;
    let keeps_up = in_time && (last as f64) < f64::from(rate) * PENDING_SECONDS_MAX;
    let note = format!(
        "{:.0}/s answered 200, p50 {:.1} ms, p99 {:.1} ms; pending at most {}, in the last seconds {last}; cpu {cpu}",
        sent.per_second(),
        sent.quantile_ms(0.5),
        sent.quantile_ms(0.99),
        pending.iter().max().unwrap_or(&0),
    );
    Ok(Steady { keeps_up, memory_mb, cpu, note })
}

async fn count_pending(database: &mut Database) -> anyhow::Result<i64> {
    scalar(&mut database.connection, "select count(*) from event_queue").await
}
