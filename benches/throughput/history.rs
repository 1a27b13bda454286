//! What time does to the queue: many processed rows beside the pending ones, and an old snapshot that keeps what is
//! gone in sight.

use sqlx::{Connection, PgConnection};

use super::cluster::{Bench, CONNECTION, Database, TENANT, execute};
use super::report::{Figure, Line, Report, Target};
use super::{Scale, drain, progress};

/// As many events as come in 40 seconds at 800 a second are worked off behind the old snapshot.
const BEHIND_SNAPSHOT: usize = 32_000;

/// Measures a drain before, beside many processed rows, and under an old snapshot.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let (mut calm, mut beside, mut behind) = (Figure::default(), Figure::default(), Figure::default());
    let events = scale.events / 2;
    for run in 1..=scale.runs {
        progress(&format!("history {run}/{}", scale.runs));
        let mut database = bench.database().await?;
        let program = drain::worker(bench, &database, "2").await?;
        drain::warm_up(&mut database).await?;
        let mut next = 10_000;
        let mut numbers = |count: usize| {
            next += count;
            next - count..next
        };
        let drained = drain::drain(bench, &mut database, "call_ended", numbers(events)).await?;
        calm.add(drained.per_second, drained.cpu);
        processed(&mut database, scale.history_rows).await?;
        let drained = drain::drain(bench, &mut database, "call_ended", numbers(events)).await?;
        beside.add(drained.per_second, drained.cpu);
        let mut old = PgConnection::connect(&database.url).await?;
        execute(&mut old, "begin isolation level repeatable read; select from webhook_events limit 1").await?;
        drain::drain(bench, &mut database, "call_ended", numbers(BEHIND_SNAPSHOT)).await?;
        let drained = drain::drain(bench, &mut database, "call_ended", numbers(events)).await?;
        behind.add(drained.per_second, drained.cpu);
        old.close().await?;
        program.stop().await?;
        bench.drop(database).await?;
    }
    let what = format!("drain beside {} processed rows, against none", scale.history_rows);
    report.add(Line::new(what, "/s", beside.clone(), Target::AtLeast(0.8, 1.0)).against(&calm));
    let what = format!("drain after {BEHIND_SNAPSHOT} events behind a repeatable-read snapshot, against none");
    report.add(Line::new(what, "/s", behind, Target::AtLeast(0.8, 1.0)).against(&beside));
    Ok(())
}

/// Rows that were processed long ago.
async fn processed(database: &mut Database, rows: usize) -> anyhow::Result<()> {
    execute(
        &mut database.connection,
        &format!(
            "insert into webhook_events (connection_id, tenant_id, provider, event_type, external_event_id, received_at,
                                         processed_at, outcome, payload)
             select '{CONNECTION}', '{TENANT}', 'retell', 'call_ended', 'old-' || n, now() - interval '1 day',
                    now() - interval '1 day', 'processed',
                    jsonb_build_object('event', 'call_ended', 'transcript', repeat(md5(n::text), 40))
             from generate_series(1, {rows}) n"
        ),
    )
    .await
}
