//! The raw statements: what the same Postgres does with nothing but SQL before it, driven by pgbench.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::cluster::{Bench, Database, execute, scalar};
use super::cpu::{Cpu, Ticks};
use super::payload;

/// The tables most teams would make: the payload in the row, pending told by a partial index, calls beside it.
pub const TABLES: &str = "
    create table raw_events (
        id uuid primary key,
        provider text not null,
        external_event_id text not null,
        event_type text not null,
        received_at timestamptz not null default now(),
        processed_at timestamptz,
        attempts integer not null default 0,
        payload jsonb not null,
        unique (provider, external_event_id)
    );
    create index raw_events_pending_idx on raw_events (received_at, id) where processed_at is null;
    create table raw_calls (
        id uuid primary key,
        provider text not null,
        provider_call_id text not null,
        status text,
        from_number text,
        to_number text,
        started_at timestamptz,
        ended_at timestamptz,
        duration_ms bigint,
        unique (provider, provider_call_id)
    )";

/// One event, one statement, one commit. (pgbench takes every colon before a word for a variable, in quotes too.)
const INSERT: &str = "\\set n random(1, 9000000000000000)
insert into raw_events (id, provider, external_event_id, event_type, payload)
values (uuid_v7(), 'retell', 'call_' || :n::text || '/call_ended', 'call_ended', :payload);
";

/// Claim, upsert and mark done: one statement and one commit for five hundred events.
const DRAIN: &str = "with due as materialized (
    select id, payload from raw_events where processed_at is null order by received_at, id limit 500
    for update skip locked
), written as (
    insert into raw_calls as c (id, provider, provider_call_id, status, from_number, to_number, started_at, ended_at,
                                duration_ms)
    select id, 'retell', payload #>> '{call,call_id}', payload #>> '{call,call_status}',
           payload #>> '{call,from_number}', payload #>> '{call,to_number}',
           to_timestamp((payload #>> '{call,start_timestamp}')::bigint / 1000.0),
           to_timestamp((payload #>> '{call,end_timestamp}')::bigint / 1000.0),
           (payload #>> '{call,duration_ms}')::bigint
    from due
    on conflict (provider, provider_call_id) do update
    set status = excluded.status, ended_at = greatest(c.ended_at, excluded.ended_at)
)
update raw_events e set processed_at = now() from due where e.id = due.id;
";

/// What one raw run gave.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    pub per_second: f64,
    pub wal_bytes_per_event: f64,
    pub cpu: Cpu,
}

/// Single-row inserts and commits by 32 clients.
pub async fn insert(bench: &mut Bench, seconds: u64) -> anyhow::Result<Raw> {
    let mut database = bench.database().await?;
    let body = payload::body(&payload::template("call_ended"), 1);
    let payload = format!("payload={body}");
    let arguments =
        |seconds: u64| ["-c", "32", "-j", "1", "-D", &payload, "-T", &seconds.to_string()].map(str::to_owned);
    pgbench(bench, &database, INSERT, &arguments(1)).await?;
    let before: i64 = scalar(&mut database.connection, "select count(*) from raw_events").await?;
    let (wal, ticks) = (bench.wal_bytes().await?, Ticks::now());
    let per_second = pgbench(bench, &database, INSERT, &arguments(seconds)).await?;
    let (cpu, wal) = (ticks.since(), bench.wal_bytes().await? - wal);
    let after: i64 = scalar(&mut database.connection, "select count(*) from raw_events").await?;
    bench.drop(database).await?;
    Ok(Raw { per_second, wal_bytes_per_event: wal / (after - before).max(1) as f64, cpu })
}

/// This many pending events, worked off by two workers in transactions of 500.
pub async fn drain(bench: &mut Bench, events: usize) -> anyhow::Result<Raw> {
    let mut database = bench.database().await?;
    fill(&mut database, events).await?;
    execute(&mut database.connection, "analyze raw_events").await?;
    let batches = (events / 1_000).max(1).to_string();
    let (wal, ticks) = (bench.wal_bytes().await?, Ticks::now());
    let arguments = ["-c", "2", "-j", "1", "-t", &batches].map(str::to_owned);
    let batches_per_second = pgbench(bench, &database, DRAIN, &arguments).await?;
    let (cpu, wal) = (ticks.since(), bench.wal_bytes().await? - wal);
    let done: i64 =
        scalar(&mut database.connection, "select count(*) from raw_events where processed_at is not null").await?;
    bench.drop(database).await?;
    let batches = 2.0 * batches.parse::<f64>()?;
    Ok(Raw {
        per_second: batches_per_second * done as f64 / batches,
        wal_bytes_per_event: wal / done.max(1) as f64,
        cpu,
    })
}

/// Puts pending events into the raw table.
async fn fill(database: &mut Database, events: usize) -> anyhow::Result<()> {
    let body = payload::body_sql(&payload::template("call_ended"), "n");
    execute(
        &mut database.connection,
        &format!(
            "insert into raw_events (id, provider, external_event_id, event_type, payload)
             select uuid_v7(), 'retell', 'call_' || n || ':call_ended', 'call_ended', ({body})::jsonb
             from generate_series(1, {events}) n"
        ),
    )
    .await
}

/// Runs a script, and returns its transactions a second.
async fn pgbench(bench: &mut Bench, database: &Database, script: &str, arguments: &[String]) -> anyhow::Result<f64> {
    let (pgbench, folder) = (bench.pgbench().await?, tempfile::tempdir()?);
    let file = folder.path().join("script.sql");
    // pgbench ends a statement at a semicolon, and a script's statement may span lines.
    std::fs::write(&file, script)?;
    let output = run(&pgbench, &file, arguments, &database.url).await?;
    let rate = output.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench says no rate: {output}"))
}

async fn run(pgbench: &Path, file: &Path, arguments: &[String], url: &str) -> anyhow::Result<String> {
    let output = tokio::process::Command::new(pgbench)
        .args(["-n", "-M", "prepared", "-f"])
        .arg(file)
        .args(arguments)
        .arg(url)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), output).await.context("pgbench does not end")??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "pgbench failed: {}", errors.lines().next().unwrap_or_default());
    Ok(text)
}
