//! What people and scripts wait for over a big table: each list, detail, search and overview over real HTTP, one after the
//! other, from the request to the end of its answer. `../big_table/` makes the tables.

use std::time::Instant;

use anyhow::Context;
use switchhook::access::Role;
use switchhook::redact::Secret;
use switchhook::store::tokens;

use super::cluster::{Bench, Database, execute, scalar};
use super::keys;
use super::load::{self, Sender};
use super::paths::PATHS;
use super::program::Program;
use super::report::{Figure, Line, Report, Target};
use super::{Scale, progress};

/// Requests of each path before the clock starts: caches are warm, as on a machine where people work.
const WARM_UP: usize = 3;
/// Requests of each path.
const REQUESTS: usize = 40;
/// Events that are made at once: what triggers see of them is kept until the statement ends.
const EVENTS_AT_ONCE: usize = 500_000;
/// The median of every path should be this or less, in milliseconds.
const MEDIAN_MS_MAX: f64 = 100.0;
const CALLS_AND_LEADS: &str = include_str!("../big_table/fill.sql");
const EVENTS: &str = include_str!("../big_table/events.sql");

/// Measures every path.
pub async fn measure(bench: &mut Bench, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let Scale { big_calls, big_leads, big_events, .. } = scale;
    progress(&format!("pages: filling in {big_calls} calls, {big_leads} leads and {big_events} events"));
    let mut database = bench.database().await?;
    fill(&mut database, scale).await?;
    let token = token(&database).await?;
    let program = bench.serve(&database, &[], &[("CONSOLE__REQUESTS_PER_MINUTE", "1000000")]).await?;
    let size = format!("{big_calls} calls, {big_leads} leads, {big_events} events");
    let mut sender = Sender::connect(&program.address).await?;
    let first = ask(&mut sender, &program, &token, "/api/v1/overview?tenant=big").await?;
    report.add(Line::new(format!("pages: the first overview ({size})"), "ms", Figure::of(vec![first]), Target::None));
    for path in PATHS {
        let path = &filled_in(&mut database, path).await?;
        let mut latencies = load::histogram()?;
        for turn in 0..WARM_UP + REQUESTS {
            let took = ask(&mut sender, &program, &token, path).await.with_context(|| path.clone())?;
            if turn >= WARM_UP {
                latencies.saturating_record((took * 1000.0) as u64);
            }
        }
        let quantile = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1000.0;
        let target = Target::AtMost(MEDIAN_MS_MAX, MEDIAN_MS_MAX / 2.0);
        progress(&format!("pages: {path}: p50 {:.1} ms, p95 {:.1} ms", quantile(0.5), quantile(0.95)));
        let line = Line::new(format!("pages: {path}, p50"), "ms", Figure::of(vec![quantile(0.5)]), target);
        report.add(line.note(format!("p95 {:.1} ms", quantile(0.95))));
    }
    program.stop().await?;
    bench.drop(database).await
}

/// One question; returns the milliseconds until its answer.
async fn ask(sender: &mut Sender, program: &Program, token: &Secret, path: &str) -> anyhow::Result<f64> {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n", program.address, token.expose());
    let began = Instant::now();
    sender.send(request.as_bytes()).await?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

async fn fill(database: &mut Database, scale: Scale) -> anyhow::Result<()> {
    let connection = &mut database.connection;
    execute(connection, &format!("set big.calls = {}; set big.leads = {}", scale.big_calls, scale.big_leads)).await?;
    execute(connection, CALLS_AND_LEADS).await?;
    let mut first = scale.big_events;
    while first > 0 {
        let last = first.saturating_sub(EVENTS_AT_ONCE) + 1;
        execute(connection, &format!("set big.first = {first}; set big.last = {last}")).await?;
        execute(connection, EVENTS).await?;
        first = last - 1;
        progress(&format!("pages: {first} events to go"));
    }
    execute(connection, "vacuum analyze").await?;
    execute(connection, "checkpoint").await
}

async fn token(database: &Database) -> anyhow::Result<Secret> {
    let pool = sqlx::PgPool::connect(&database.url).await?;
    let (_, token, _) = tokens::add(&pool, &keys::digest_key(), None, Role::Admin, "bench", None).await?;
    pool.close().await;
    Ok(token)
}

/// The path with a row of the middle of the table, and the tenant where one is wanted.
async fn filled_in(database: &mut Database, path: &str) -> anyhow::Result<String> {
    let middle = "select {} from calls where tenant_id = (select id from tenants where slug = 'big')
                  and transcript is not null and started_at < (select percentile_disc(0.5) within group (order by sent_at) from messages)
                  order by started_at desc limit 1";
    let time = |at: &str| format!("to_char({at}, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
    let values = [
        ("{call}", middle.replace("{}", "id::text")),
        ("{middle}", middle.replace("{}", &time("started_at"))),
        ("{word}", middle.replace("{}", "substring(transcript from 'say (\\w+)')")),
        ("{number}", middle.replace("{}", "right(contact_number, 5)")),
        ("{day}", middle.replace("{}", "to_char(started_at, 'YYYY-MM-DD')")),
        ("{season}", "select to_char(now() - interval '99 days', 'YYYY-MM-DD')".to_owned()),
        ("{campaign}", "select id::text from campaigns order by id limit 1".to_owned()),
        ("{lead}", "select id::text from leads order by phone offset 1000 limit 1".to_owned()),
        ("{event}", "select id::text from webhook_events order by id offset 1000 limit 1".to_owned()),
        ("{month}", format!("select {}", time("now() - interval '30 days'"))),
    ];
    let mut filled = path.to_owned();
    for (place, statement) in values {
        if filled.contains(place) {
            let value: String = scalar(&mut database.connection, &statement).await?;
            filled = filled.replace(place, &value);
        }
    }
    let is_page = !filled.starts_with("/api/");
    let one = ["/calls/", "/leads/", "/events/", "/stats/operations", "/dead", "/jobs", "/incidents"];
    let wants_tenant = is_page || !one.iter().any(|part| filled.contains(part)) || filled.contains("/calls/count");
    let and = if filled.contains('?') { '&' } else { '?' };
    Ok(if wants_tenant { format!("{filled}{and}tenant=big") } else { filled })
}
