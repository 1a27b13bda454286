//! The inbox: rows by hand, retries, death, redrive, skip, ignore, and processors side by side.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use switchhook::domain::Changes;
use switchhook::providers;
use switchhook::queue::Failure;

use crate::support::{TestApp, fixtures};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_inserted_by_hand_is_processed_like_any_other() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        r#"insert into webhook_events (connection_id, event_type, external_event_id, payload) values
           ('{}', 'call_ended', 'by hand', '{{"event": "call_ended", "call": {{"call_id": "by-hand-1", "direction": "inbound",
             "from_number": "+15550100001", "to_number": "+15550100002", "disconnection_reason": "dial_no_answer",
             "end_timestamp": 1788254130000}}}}')"#,
        app.connection_id("retell")
    ))
    .await;
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(
        app.value("select row(provider, tenant_id, outcome, attempts)::text from webhook_events").await,
        json!("(retell,00000000-0000-0000-0000-000000000001,processed,0)")
    );
    assert_eq!(app.value("select count(*) from missed_calls where contact_number = '+15550100001'").await, 1);
    assert_eq!(
        app.value("select due_at from jobs where kind = 'start_outreach'").await,
        json!("2026-09-01T09:17:30+00:00")
    );
    let refused = sqlx::raw_sql("insert into webhook_events (connection_id, event_type, external_event_id, payload) values (gen_random_uuid(), 'x', 'x', '{}')")
        .execute(&app.pool)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("no such connection"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_event_waits_longer_each_time_dies_and_is_redriven() {
    let mut registry = providers::registry();
    registry.provider("retell").on("moody", |event| match event.json()?["mood"].as_str() {
        Some("good") => Ok(Changes::default()),
        _ => Err(Failure::retry("in a bad mood")),
    });
    let app = TestApp::spawn_with(&[("PROCESSOR__RETRY__MAX_ATTEMPTS", "4")], registry).await;
    app.execute(&format!(
        r#"insert into webhook_events (connection_id, event_type, external_event_id, payload)
           values ('{}', 'moody', 'm1', '{{"mood": "bad"}}')"#,
        app.connection_id("retell")
    ))
    .await;
    for (attempt, longest_s) in [(1, 1.0), (2, 2.0), (3, 4.0)] {
        let report = app.run_until_idle().await;
        assert_eq!((report.failed, report.dead), (1, 0));
        let wait = app
            .value("select extract(epoch from next_attempt_at - now()) from webhook_events where processed_at is null and outcome is null and last_error = 'in a bad mood'")
            .await
            .as_f64()
            .unwrap();
        assert!(wait > longest_s * 0.4 && wait <= longest_s, "wait {wait} after attempt {attempt}");
        assert_eq!(app.value("select attempts from webhook_events").await, attempt);
        assert_eq!(app.run_until_idle().await.claimed, 0, "not before its time");
        app.execute("update webhook_events set next_attempt_at = now()").await;
    }
    assert_eq!(app.run_until_idle().await.dead, 1);
    assert_eq!(
        app.rows("select jsonb_build_array(attempts, last_error, died_at is not null) from dead_letters").await,
        [json!([4, "in a bad mood", true])]
    );
    app.execute(
        r#"update webhook_events set payload = '{"mood": "good"}', processed_at = null where outcome = 'dead'"#,
    )
    .await;
    assert_eq!(app.value("select row(attempts, outcome)::text from webhook_events").await, json!("(0,)"));
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(app.value("select last_error is null and outcome = 'processed' from webhook_events").await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_spends_no_attempt_and_a_panic_is_a_verdict() {
    let mut registry = providers::registry();
    registry
        .provider("retell")
        .on("sleepy", |_| Err(Failure::Snooze(Duration::from_secs(90))))
        .on("broken", |_| panic!("a bug in a handler"));
    let app = TestApp::spawn_with(&[], registry).await;
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select '{}', t, t, '{{}}' from unnest('{{sleepy,broken,never_heard_of}}'::text[]) t",
        app.connection_id("retell")
    ))
    .await;
    let report = app.run_until_idle().await;
    assert_eq!((report.failed, report.dead, report.ignored), (1, 1, 1));
    assert_eq!(
        app.value("select attempts = 0 and next_attempt_at > now() + interval '80 s' from webhook_events where event_type = 'sleepy'").await,
        true
    );
    assert_eq!(
        app.value("select last_error from dead_letters").await,
        json!("the handler panicked; the program's log says where")
    );
    assert_eq!(
        app.value("select note from webhook_events where outcome = 'ignored'").await,
        json!("nobody registered this event type")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_settled_by_hand_is_not_processed() {
    let app = TestApp::spawn().await;
    for fixture in fixtures().iter().take(3) {
        app.insert(fixture.provider, &fixture.document()).await;
    }
    app.execute("update webhook_events set processed_at = now()").await;
    assert_eq!(app.run_until_idle().await.claimed, 0);
    assert_eq!(
        app.value("select count(*) from webhook_events where outcome = 'ignored' and note = 'skipped by hand'").await,
        3
    );
    assert_eq!(app.value("select count(*) from event_queue").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_side_by_side_share_the_work_and_do_nothing_twice() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        r#"insert into webhook_events (connection_id, event_type, external_event_id, payload)
           select '{}', 'call_ended', 'e' || n, jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object(
               'call_id', 'c' || n % 97, 'direction', 'inbound', 'from_number', '+1555010' || lpad((n % 50)::text, 4, '0'),
               'to_number', '+15550109999', 'end_timestamp', 1788254130000 + n))
           from generate_series(1, 3000) n"#,
        app.connection_id("retell")
    ))
    .await;
    let workers = (0..6).map(|_| {
        let processor = Arc::clone(&app.processor);
        tokio::spawn(async move { processor.drain(u64::MAX, 40).await.unwrap() })
    });
    let mut processed = 0;
    for worker in workers.collect::<Vec<_>>() {
        processed += worker.await.unwrap().processed;
    }
    assert_eq!(processed, 3000);
    assert_eq!(
        app.value("select count(*) from webhook_events where outcome = 'processed' and attempts = 0").await,
        3000
    );
    assert_eq!(app.value("select count(*) from calls").await, 97);
    assert_eq!(app.value("select count(*) from leads").await, 50);
    assert_eq!(app.value("select max(ended_at) from calls").await, json!("2026-09-01T09:15:33+00:00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_five_hundred_is_one_transaction() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        r#"insert into webhook_events (connection_id, event_type, external_event_id, payload)
           select '{}', 'call_ended', 'e' || n, jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object(
               'call_id', 'c' || n, 'direction', 'inbound', 'from_number', '+1555010' || lpad((n % 50)::text, 4, '0'),
               'to_number', '+15550109999', 'call_status', 'not_connected', 'end_timestamp', 1788254130000 + n))
           from generate_series(1, 500) n"#,
        app.connection_id("retell")
    ))
    .await;
    let report = app.processor.drain(500, 500).await.unwrap();
    assert_eq!((report.claimed, report.processed), (500, 500));
    assert_eq!(app.value("select count(*) from jobs").await, 500);
    // The transaction's savepoint, and no other, wrote all of it.
    let writers = "select count(distinct xmin::text) from (select xmin from calls union all select xmin from leads
        union all select xmin from jobs union all select xmin from webhook_events) x";
    assert_eq!(app.value(writers).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_neither_stored_nor_found_is_no_200() {
    let app = TestApp::spawn().await;
    app.execute(
        "create function swallow() returns trigger language plpgsql as 'begin return null; end';
         create trigger swallow before insert on webhook_events for each row execute function swallow()",
    )
    .await;
    let body = r#"{"event_type":"call.started","payload":{"call":{"id":"c1"}}}"#;
    let answer = app.post(providers::find("dialpad").unwrap(), body).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    app.execute("drop trigger swallow on webhook_events").await;
    app.post(providers::find("dialpad").unwrap(), body).await.assert_outcome("accepted");
}
