//! Webhooks while Postgres stands still: into files, each on disk before its 200, and from there into the table when it goes on.

use std::time::{Duration, Instant};

use super::cluster::{Bench, scalar, secret};
use super::cpu::Ticks;
use super::ingest::CONNECTIONS;
use super::report::{Figure, Line, Report, Target};
use super::{Scale, load, payload, progress};

/// Webhooks before the clock starts.
const WARM_UP: usize = 5_000;
/// How long draining may take.
const DRAIN_MAX: Duration = Duration::from_secs(120);

/// Measures the spool, by turns with the endpoint over the same Postgres while it goes.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let (mut stored, mut kept, mut drained) = (Figure::default(), Figure::default(), Figure::default());
    for run in 1..=scale.runs {
        progress(&format!("spool {run}/{}: over HTTP to Postgres, to files, and from there", scale.runs));
        let mut database = bench.database().await?;
        let folder = tempfile::tempdir()?;
        let dir = folder.path().to_string_lossy().into_owned();
        let program = bench.serve(&database, &["--only", "ingest"], &[("SPOOL__DIR", &dir)]).await?;
        let mut from = 0;
        let mut requests = |count: usize| {
            from += count;
            payload::requests(from - count..from, &secret())
        };
        load::closed_loop(&program.address, CONNECTIONS, requests(WARM_UP)?).await?;
        let ticks = Ticks::now();
        let sent = load::closed_loop(&program.address, CONNECTIONS, requests(scale.webhooks)?).await?;
        stored.add(sent.per_second(), ticks.since());
        let pause = bench.pause().await?;
        // Until it is known that Postgres says nothing.
        load::closed_loop(&program.address, CONNECTIONS, requests(WARM_UP)?).await?;
        let ticks = Ticks::now();
        let sent = load::closed_loop(&program.address, CONNECTIONS, requests(scale.webhooks)?).await?;
        kept.add(sent.per_second(), ticks.since());
        let (held, ticks, began) = (program.metric("switchhook_spool_records").await?, Ticks::now(), Instant::now());
        drop(pause);
        while program.metric("switchhook_spool_records").await? > 0.0 {
            anyhow::ensure!(began.elapsed() < DRAIN_MAX, "the spool is not empty after {DRAIN_MAX:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drained.add(held / began.elapsed().as_secs_f64(), ticks.since());
        let rows: i64 = scalar(&mut database.connection, "select count(*) from webhook_events").await?;
        anyhow::ensure!(usize::try_from(rows)? == from, "{rows} of {from} webhooks are stored");
        program.stop().await?;
        bench.drop(database).await?;
    }
    report.add(
        Line::new(
            "webhooks into files, Postgres standing still, 64 connections",
            "/s",
            kept,
            Target::AtLeast(1.0, 2.0),
        )
        .against(&stored)
        .note("raw: the same over the same Postgres before, into the table"),
    );
    report.add(
        Line::new("… and from there into the table, when it goes on", "/s", drained, Target::None)
            .against(&stored)
            .note("from the moment in which Postgres goes on, until no file is left"),
    );
    Ok(())
}
