//! When nothing else happens: from a webhook's 200 to its row in `calls`.

use std::time::{Duration, Instant};

use switchhook::domain;

use super::Scale;
use super::cluster::{Bench, TENANT, secret};
use super::cpu::Ticks;
use super::load::{self, Sender};
use super::report::{Figure, Line, Report, Target};
use super::{keys, payload, progress};

/// Between two webhooks.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a row may take.
const ROW_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends webhooks one by one and waits for the row of each.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    progress(&format!("idle: {} webhooks one by one", scale.idle_webhooks));
    let mut database = bench.database().await?;
    let program = bench.serve(&database, &[], &[]).await?;
    let mut sender = Sender::connect(&program.address).await?;
    let (mut answers, mut rows) = (load::histogram()?, load::histogram()?);
    let ticks = Ticks::now();
    let ids = keys::digest_key();
    let warm_up = 10;
    for (number, request) in payload::requests(0..warm_up + scale.idle_webhooks, &secret())?.iter().enumerate() {
        let id = domain::call_id(&ids, TENANT, "retell", &payload::call_id(number));
        let began = Instant::now();
        sender.send(request).await?;
        let (answered, answer) = (Instant::now(), began.elapsed());
        while !is_there(&mut database.connection, id).await? {
            anyhow::ensure!(answered.elapsed() < ROW_TIMEOUT, "no row after {ROW_TIMEOUT:?}");
        }
        if number >= warm_up {
            answers.saturating_record(u64::try_from(answer.as_micros())?);
            rows.saturating_record(u64::try_from(answered.elapsed().as_micros())?);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let cpu = ticks.since();
    program.stop().await?;
    bench.drop(database).await?;
    let ms = |us: u64| us as f64 / 1000.0;
    let figure = Figure { runs: vec![ms(rows.value_at_quantile(0.99))], cpu: vec![cpu] };
    report.add(Line::new("idle: 200 to visible row, p99", "ms", figure, Target::AtMost(50.0, 15.0)).note(format!(
        "p50 {:.2} ms, most {:.2} ms; the 200 itself p50 {:.2} ms, p99 {:.2} ms",
        ms(rows.value_at_quantile(0.5)),
        ms(rows.max()),
        ms(answers.value_at_quantile(0.5)),
        ms(answers.value_at_quantile(0.99)),
    )));
    Ok(())
}

async fn is_there(connection: &mut sqlx::PgConnection, id: uuid::Uuid) -> anyhow::Result<bool> {
    let statement = "select exists (select from calls where id = $1)";
    #[expect(clippy::disallowed_methods, reason = "benchmarks speak SQL in place")]
    let is_there = sqlx::query_scalar(statement).bind(id).fetch_one(connection).await?;
    Ok(is_there)
}
