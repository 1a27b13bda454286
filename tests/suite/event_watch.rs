//! The monitor and the inbox: what the queue has lost is found and put back, at a cost that does not grow with the table.

use std::sync::Arc;

use serde_json::json;
use switchhook::config::Config;
use switchhook::jobs::{Desk, Watcher};

use crate::lanes::processor_over;
use crate::support::TestApp;
use crate::support::reads::{Reader, one_connection};

/// Rows of `webhook_events` that one look may read: ten thousand old ones, and those of the last minutes.
const ROWS_OF_A_LOOK_MAX: i64 = 15_000;

async fn look(app: &TestApp) {
    let settings = Config::from_parts(None, &Default::default()).unwrap().alerts;
    Watcher::new(app.desk.clone(), settings).look().await.unwrap();
}

/// So many events by hand, whose ids are of the last so many seconds.
async fn events(app: &TestApp, count: u32, seconds: u32) {
    app.execute(&format!(
        "insert into webhook_events (id, connection_id, event_type, external_event_id, payload, processed_at, outcome)
         select encode(overlay(uuid_send(gen_random_uuid()) placing
                    substring(int8send((extract(epoch from now() - interval '1 second' * ({seconds}.0 * n / {count})) * 1000)::bigint)
                              from 3) from 1 for 6), 'hex')::uuid,
                c.id, 'call_ended', 'bulk ' || n, '{{}}', now(), 'processed'
         from connections c, generate_series(1, {count}) n where c.provider = 'retell'"
    ))
    .await;
}

async fn pending_event(app: &TestApp, key: &str) {
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select id, 'call_started', '{key}', '{{\"event\": \"call_started\", \"call\": {{\"call_id\": \"{key}\"}}}}'
         from connections where provider = 'retell'"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_event_that_the_queue_has_lost_is_put_back_counted_and_told() {
    let app = TestApp::spawn().await;
    pending_event(&app, "new").await;
    app.execute("truncate event_queue").await;
    assert_eq!(app.run_until_idle().await.processed, 0, "nobody takes it");
    look(&app).await;
    let incident = "select severity || ': ' || summary from incidents where cause = 'lost_from_queue'";
    let told = app.value(incident).await;
    assert!(told.as_str().unwrap().starts_with("critical: 1 pending events were missing from event_queue"), "{told}");
    assert!(app.metrics.encode().contains("switchhook_events_requeued_total 1"), "{}", app.metrics.encode());
    assert_eq!(app.run_until_idle().await.processed, 1);
    // It is over when nothing is missing.
    app.clock.advance(chrono::TimeDelta::minutes(1));
    look(&app).await;
    assert_eq!(app.value("select count(*) from incidents where resolved_at is null").await, 0);

    // An old one is found as the monitor goes round, however far back it is.
    events(&app, 30_000, 86_400).await;
    app.execute(
        "update webhook_events set processed_at = null where external_event_id in ('bulk 29999', 'bulk 15000');
         truncate event_queue",
    )
    .await;
    for _ in 0..6 {
        app.clock.advance(chrono::TimeDelta::minutes(1));
        look(&app).await;
    }
    assert_eq!(app.value("select count(*) from event_queue").await, 2);
    app.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_queue_and_is_not_pending_comes_off_by_itself() {
    let app = TestApp::spawn().await;
    events(&app, 3, 10).await;
    app.execute(
        "insert into event_queue (next_attempt_at, event_id) select now() - interval '1 second', id from webhook_events;
         insert into event_queue (next_attempt_at, event_id) values (now() - interval '1 second', gen_random_uuid())",
    )
    .await;
    assert_eq!(app.run_until_idle().await.processed, 0);
    assert_eq!(app.value("select count(*) from event_queue").await, 0);
}

/// A look over a session of its own; returns how many rows of the inbox it has read.
async fn read_by_a_look(app: &TestApp) -> i64 {
    let read = "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'webhook_events'";
    let reader = Reader::begin(app, one_connection(app).await, read).await;
    let desk = Desk { pool: reader.pool.clone(), ..Desk::clone(&app.desk) };
    let settings = Config::from_parts(None, &Default::default()).unwrap().alerts;
    Watcher::new(Arc::new(desk), settings).look().await.unwrap();
    reader.end(app).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_reads_what_has_come_since_the_last_one_and_not_two_hours() {
    let app = TestApp::spawn().await;
    events(&app, 60_000, 7_200).await;
    app.execute("vacuum analyze webhook_events").await;
    // The first look has no mark to begin at.
    let first = read_by_a_look(&app).await;
    assert!(first > ROWS_OF_A_LOOK_MAX, "what is read is counted: {first} rows");
    assert_eq!(app.value("select count(*) from connection_hours").await, 1);
    pending_event(&app, "new").await;
    let read = read_by_a_look(&app).await;
    assert!(read < ROWS_OF_A_LOOK_MAX, "one look read {read} rows of 60,000");
    // The sessions of the app's own pool have been ended.
    processor_over(&app, one_connection(&app).await).drain(u64::MAX, 50).await.unwrap();
    assert_eq!(app.value("select count(*) from event_queue").await, json!(0));
}
