//! Pending events to calls, leads and jobs: how fast, in how many statements, with how much log.

use std::time::{Duration, Instant};

use sqlx::Row;

use super::cluster::{Bench, CONNECTION, Database, TENANT, execute, scalar};
use super::cpu::{Cpu, Ticks};
use super::program::Program;
use super::report::{Figure, Line, Report, Target};
use super::{Scale, baseline, payload, progress};

/// Events before the clock starts.
const WARM_UP: usize = 2_000;
/// How long a drain may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(90);
/// Longer than the program's longest wait between two looks at the queue.
const POLL_WAIT: Duration = Duration::from_millis(1_400);

/// What one drain gave.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    pub per_second: f64,
    pub wal_bytes_per_event: f64,
    pub cpu: Cpu,
}

/// Measures the processor, by turns with the raw statement.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let (mut raw, mut raw_wal) = (Figure::default(), Vec::new());
    let (mut one, mut two, mut wal) = (Figure::default(), Figure::default(), Vec::new());
    for run in 1..=scale.runs {
        progress(&format!("drain {run}/{}: raw statement, then one and two workers", scale.runs));
        let drained = baseline::drain(bench, scale.events).await?;
        raw.add(drained.per_second, drained.cpu);
        raw_wal.push(drained.wal_bytes_per_event);
        for (workers, figure) in [("1", &mut one), ("2", &mut two)] {
            let drained = fresh(bench, "call_ended", scale.events, workers).await?;
            figure.add(drained.per_second, drained.cpu);
            if workers == "2" {
                wal.push(drained.wal_bytes_per_event);
            }
        }
    }
    progress("drain: events that change nothing, statements");
    let mut settle = Vec::new();
    for _ in 0..scale.runs {
        settle.push(fresh(bench, "chat_ended", scale.events / 2, "2").await?.wal_bytes_per_event);
    }
    let target = Target::AtLeast(0.7, 1.5);
    report.add(
        Line::new("events to calls, leads and jobs, two workers", "/s", two, target).against(&raw).note(
            "raw: claim, upsert into a narrow calls table and mark done, one statement of 500, two pgbench clients",
        ),
    );
    report.add(Line::new("… one worker", "/s", one, Target::None).against(&raw));
    report.add(
        Line::new("WAL to settle", "bytes/event", Figure::of(settle), Target::AtMost(800.0, 300.0))
            .note("of events that change no other table (chat_ended, ignored)"),
    );
    let whole: Vec<f64> =
        report.runs_of("WAL to accept").iter().zip(&wal).map(|(accept, rest)| accept + rest).collect();
    report.add(
        Line::new("WAL to settle with call, lead and job", "bytes/event", Figure::of(wal), Target::None)
            .against(&Figure::of(raw_wal)),
    );
    if !whole.is_empty() {
        let target = Target::AtMost(4_000.0, 3_000.0);
        report.add(
            Line::new("WAL, whole life", "bytes/event", Figure::of(whole), target)
                .note("accepted over HTTP, settled with its call, its lead and its job"),
        );
    }
    report.add(statements(bench, scale).await?);
    Ok(())
}

/// A drain in a database of its own.
async fn fresh(bench: &mut Bench, event: &str, events: usize, workers: &str) -> anyhow::Result<Drained> {
    let mut database = bench.database().await?;
    let program = worker(bench, &database, workers).await?;
    warm_up(&mut database).await?;
    let drained = drain(bench, &mut database, event, WARM_UP..WARM_UP + events).await?;
    program.stop().await?;
    bench.drop(database).await?;
    Ok(drained)
}

/// `switchhook serve --only work`.
pub async fn worker(bench: &Bench, database: &Database, workers: &str) -> anyhow::Result<Program> {
    bench.serve(database, &["--only", "work"], &[("PROCESSOR__WORKERS", workers)]).await
}

/// The first events prepare statements and fill caches.
pub async fn warm_up(database: &mut Database) -> anyhow::Result<()> {
    fill(database, "call_ended", 0..WARM_UP).await?;
    wait_until_idle(database).await
}

/// Puts these events up all at once, and times a running program until the last one is settled. The clock is the
/// database's: from the commit that shows the events to the last `processed_at`.
pub async fn drain(
    bench: &mut Bench,
    database: &mut Database,
    event: &str,
    numbers: std::ops::Range<usize>,
) -> anyhow::Result<Drained> {
    let events = numbers.len() as f64;
    // The workers run into this lock and wait; when it goes they begin together.
    execute(&mut database.connection, "begin; lock table event_queue in access exclusive mode").await?;
    fill(database, event, numbers).await?;
    execute(&mut database.connection, "analyze webhook_events; analyze event_queue").await?;
    tokio::time::sleep(POLL_WAIT).await;
    let (wal, ticks) = (bench.wal_bytes().await?, Ticks::now());
    let began: f64 = scalar(&mut database.connection, "select extract(epoch from clock_timestamp())::float8").await?;
    execute(&mut database.connection, "commit").await?;
    wait_until_idle(database).await?;
    let (cpu, wal) = (ticks.since(), bench.wal_bytes().await? - wal);
    let ended = "select extract(epoch from max(processed_at))::float8 from webhook_events";
    let took: f64 = scalar::<f64>(&mut database.connection, ended).await? - began;
    let failed: i64 =
        scalar(&mut database.connection, "select count(*) from webhook_events where last_error is not null").await?;
    anyhow::ensure!(failed == 0, "{failed} events failed");
    Ok(Drained { per_second: events / took, wal_bytes_per_event: wal / events, cpu })
}

/// Puts pending events into the inbox, as the door would.
pub async fn fill(database: &mut Database, event: &str, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    let body = payload::body_sql(&payload::template(event), "n");
    let (first, last) = (numbers.start, numbers.end.saturating_sub(1));
    execute(
        &mut database.connection,
        &format!(
            "insert into webhook_events
                 (connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload)
             select '{CONNECTION}', '{TENANT}', 'retell', '{event}',
                    'call_' || lpad(n::text, 24, '0') || ':{event}:' || left(md5(n::text), 24),
                    '2026-09-01T08:36:01Z', ({body})::jsonb
             from generate_series({first}, {last}) n"
        ),
    )
    .await
}

/// Waits until nothing is pending.
pub async fn wait_until_idle(database: &mut Database) -> anyhow::Result<()> {
    let began = Instant::now();
    while scalar(&mut database.connection, "select exists (select from event_queue)").await? {
        anyhow::ensure!(began.elapsed() < DRAIN_TIMEOUT, "events are still pending after {DRAIN_TIMEOUT:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Statements an event, in a run of its own: counting costs.
async fn statements(bench: &mut Bench, scale: Scale) -> anyhow::Result<Line> {
    let line = |figure| Line::new("statements per event", "", figure, Target::AtMost(0.05, 0.02));
    if !bench.counts_statements() {
        return Ok(line(Figure::default()).note("n/a: the library of pg_stat_statements is not installed"));
    }
    let mut database = bench.database().await?;
    let set = format!("alter database {} set pg_stat_statements.track = 'top'", database.name);
    execute(&mut database.connection, &set).await?;
    let program = worker(bench, &database, "2").await?;
    warm_up(&mut database).await?;
    execute(&mut database.connection, "select pg_stat_statements_reset()").await?;
    let events = scale.events / 2;
    drain(bench, &mut database, "call_ended", WARM_UP..WARM_UP + events).await?;
    program.stop().await?;
    let rows = sqlx::raw_sql(
        "select calls, total_exec_time, left(regexp_replace(query, '(--[^\\n]*|\\s)+', ' ', 'g'), 60)
         from pg_stat_statements s join pg_database d on d.oid = s.dbid
         where d.datname = current_database() and query !~ 'generate_series|exists|lock table|analyze|pg_stat|epoch'
         order by 2 desc",
    )
    .fetch_all(&mut database.connection)
    .await?;
    let mut calls = 0;
    let mut dearest = Vec::new();
    for row in &rows {
        let (count, ms): (i64, f64) = (row.try_get(0)?, row.try_get(1)?);
        let text: String = row.try_get(2)?;
        calls += count;
        if dearest.len() < 8 {
            dearest.push(format!("{:.1} µs/event {}", ms * 1000.0 / events as f64, text.trim()));
        }
    }
    bench.drop(database).await?;
    anyhow::ensure!(calls > 0, "pg_stat_statements has counted nothing");
    let figure = Figure::of(vec![calls as f64 / events as f64]);
    Ok(line(figure).note(format!("the dearest:\n    {}", dearest.join("\n    "))))
}
