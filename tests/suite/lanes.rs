//! Claims: how much they take, whose events come first, and by which plans.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::json;
use sqlx::PgPool;
use switchhook::processor::Processor;

use crate::support::TestApp;
use crate::support::reads::{Reader, one_connection};

/// Another tenant, in another lane, with a source of its own.
const OTHER: &str = "00000000-0000-0000-0000-000000000002";
const THEIRS: &str = "00000000-0000-0000-0000-000000000202";

/// A processor of its own over another pool.
pub fn processor_over(app: &TestApp, pool: PgPool) -> Processor {
    Processor {
        pool,
        link: app.processor.link.clone(),
        keys: app.keys.clone(),
        registry: Arc::clone(&app.processor.registry),
        settings: app.processor.settings.clone(),
        outreach: app.processor.outreach.clone(),
        default_region: app.processor.default_region.clone(),
        metrics: Arc::clone(&app.metrics),
        clock: app.clock.clone(),
        wake_up: Arc::default(),
        seen_unknown: Mutex::new(HashSet::new()),
    }
}

async fn add_other(app: &TestApp) {
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other');
         insert into connections (id, tenant_id, provider, slug) values ('{THEIRS}', '{OTHER}', 'retell', 'theirs')"
    ))
    .await;
}

/// Events that change nothing: it is about who comes first.
async fn insert(app: &TestApp, source: &str, name: &str, count: usize) {
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select '{source}', 'never_heard_of', '{name}' || n, '{{}}' from generate_series(1, {count}) n"
    ))
    .await;
}

async fn settled(app: &TestApp, name: &str) -> u64 {
    let settled = format!(
        "select count(*) from webhook_events where external_event_id like '{name}%' and processed_at is not null"
    );
    app.value(&settled).await.as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_much_waiting_keeps_nobody_else_waiting() {
    let app = TestApp::spawn().await;
    add_other(&app).await;
    let ours = app.connection_id("retell").to_string();
    insert(&app, &ours, "flood", 3_000).await;
    insert(&app, THEIRS, "live", 3).await;
    // Two batches, not the sixty that came before.
    app.processor.drain(100, 50).await.unwrap();
    assert_eq!(settled(&app, "live").await, 3);
    assert_eq!(settled(&app, "flood").await, 97, "and whatever room is left is used");
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_events_come_behind_live_ones_and_come_forward_all_the_same() {
    let app = TestApp::spawn().await;
    add_other(&app).await;
    let ours = app.connection_id("retell").to_string();
    insert(&app, &ours, "old", 1_000).await;
    app.run_until_idle().await;
    app.execute("update webhook_events set processed_at = null").await;
    // Live ones of the same tenant, in the same sixteenth: they came later.
    insert(&app, &ours, "live", 600).await;
    app.processor.drain(450, 50).await.unwrap();
    // Of nine claims one begins with what is replayed.
    assert_eq!((settled(&app, "live").await, settled(&app, "old").await), (400, 50));
    app.run_until_idle().await;
    assert_eq!((settled(&app, "live").await, settled(&app, "old").await), (600, 1_000));
    assert_eq!(app.value("select count(*) from event_queue").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_event_is_skipped_and_postponed_in_its_lane() {
    let app = TestApp::spawn().await;
    let ours = app.connection_id("retell").to_string();
    insert(&app, &ours, "e", 3).await;
    app.run_until_idle().await;
    app.execute("update webhook_events set processed_at = null").await;
    assert_eq!(app.value("select array_agg(distinct lane) from event_queue").await, json!([17]));
    app.execute("update webhook_events set next_attempt_at = now() + interval '1 hour' where external_event_id = 'e1'")
        .await;
    app.execute("update webhook_events set processed_at = now() where external_event_id = 'e2'").await;
    assert_eq!(app.value("select count(*) from event_queue").await, 2);
    assert_eq!(app.run_until_idle().await.claimed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_bounded_in_bytes_and_one_that_is_larger_goes_alone() {
    let app = TestApp::spawn_with(&[("PROCESSOR__BATCH_BYTES", "100000")], switchhook::providers::registry()).await;
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select '{}', 'never_heard_of', 'e' || n, jsonb_build_object('text', repeat('x', case n when 7 then 300000 else 30000 end))
         from generate_series(1, 20) n",
        app.connection_id("retell")
    ))
    .await;
    assert_eq!(app.run_until_idle().await.ignored, 20);
    // Each transaction is told by its id. Three of thirty thousand bytes fit.
    let most = "select max(n) from (select count(*) as n from webhook_events group by xmin::text) x";
    assert_eq!(app.value(most).await, 3);
    let company = "select count(*) from webhook_events where xmin::text =
        (select xmin::text from webhook_events where external_event_id = 'e7')";
    assert_eq!(app.value(company).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_made_over_an_empty_queue_do_not_outlive_it() {
    let app = TestApp::spawn().await;
    let ours = app.connection_id("retell").to_string();
    // One connection, as a worker has it, that has made its plans while there was next to nothing.
    let pool = one_connection(&app).await;
    let processor = processor_over(&app, pool.clone());
    for n in 0..12 {
        insert(&app, &ours, &format!("first{n}-"), 1).await;
        processor.drain(u64::MAX, 50).await.unwrap();
    }
    app.execute("alter table event_queue set (autovacuum_enabled = off)").await;
    app.execute("alter table webhook_events set (autovacuum_enabled = off)").await;
    app.execute("vacuum analyze event_queue").await;
    app.execute("vacuum analyze webhook_events").await;
    for n in 0..12 {
        insert(&app, &ours, &format!("second{n}-"), 1).await;
        processor.drain(u64::MAX, 50).await.unwrap();
    }
    insert(&app, &ours, "burst", 6_000).await;
    let read = "select sum(seq_tup_read) from pg_stat_user_tables where relname in ('event_queue', 'webhook_events')";
    let reader = Reader::begin(&app, pool, read).await;
    assert_eq!(processor.drain(u64::MAX, 50).await.unwrap().ignored, 6_000);
    let rows = reader.end(&app).await;
    // By key a row is read once or twice; by scans, each of 120 batches reads all of them.
    assert!(rows < 20_000, "{rows} rows were read by scans");
}
