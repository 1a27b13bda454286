//! Bad events among good ones: the good commit in the same poll, the bad stand alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use switchhook::providers;
use tokio_util::sync::CancellationToken;

use crate::lanes::processor_over;
use crate::support::{Dice, TestApp};

/// Inserts `count` Retell events; those in `bad` carry what only Postgres will refuse, or what no handler can read.
async fn insert(app: &TestApp, count: usize, bad: &[usize]) {
    for n in 0..count {
        let call = match (bad.contains(&n), n % 3) {
            // No call id: refused by the handler.
            (true, 0) => json!({ "from_number": "+15550100001" }),
            // Refused by Postgres alone: a check that the test adds below.
            (true, _) => {
                json!({ "call_id": format!("c{n}"), "agent_id": "poison", "end_timestamp": 1788254130000_i64 })
            }
            (false, _) => json!({ "call_id": format!("c{n}"), "agent_id": "good", "end_timestamp": 1788254130000_i64 }),
        };
        let payload = json!({ "event": "call_ended", "call": call }).to_string();
        app.execute(&format!(
            "insert into webhook_events (connection_id, event_type, external_event_id, payload)
             values ('{}', 'call_ended', 'e{n}', '{payload}')",
            app.connection_id("retell")
        ))
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k_bad_events_in_n_are_isolated_in_one_poll() {
    let app = TestApp::spawn().await;
    app.execute("alter table calls add constraint no_poison check (agent_id <> 'poison')").await;
    let mut dice = Dice::new(5);
    for (n, k) in [(1, 1), (2, 1), (40, 0), (60, 1), (60, 5), (30, 30)] {
        app.clear().await;
        let mut places: Vec<usize> = (0..n).collect();
        dice.shuffle(&mut places);
        let bad = &places[..k];
        insert(&app, n, bad).await;
        let report = app.processor.drain(500, 500).await.unwrap();
        assert_eq!(report.claimed, n as u64);
        assert_eq!(report.processed, (n - k) as u64, "{k} in {n}");
        assert_eq!(report.failed + report.dead, k as u64);
        assert_eq!(app.value("select count(*) from calls").await, n - k);
        let reasons =
            app.rows("select to_jsonb(last_error) from webhook_events where last_error is not null order by 1").await;
        assert_eq!(reasons.len(), k);
        for reason in reasons {
            let reason = reason.as_str().unwrap();
            assert!(
                reason == "call.call_id is missing"
                    || reason == "database error 23514 (constraint violated) on table calls by constraint no_poison",
                "{reason}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn halving_costs_k_log_n() {
    let app = TestApp::spawn().await;
    app.execute("alter table calls add constraint no_poison check (agent_id <> 'poison')").await;
    insert(&app, 64, &[22]).await;
    app.processor.drain(500, 500).await.unwrap();
    // 64 → 32 → 16 → 8 → 4 → 2 → 1.
    assert!(app.metrics.encode().contains("switchhook_batch_splits_total 6\n"), "{}", app.metrics.encode());
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_cause_is_gone_the_bad_event_heals() {
    let app = TestApp::spawn().await;
    app.execute("alter table calls add constraint no_poison check (agent_id <> 'poison')").await;
    insert(&app, 5, &[1]).await;
    assert_eq!(app.run_until_idle().await.failed, 1);
    app.execute("alter table calls drop constraint no_poison; update webhook_events set next_attempt_at = now() where processed_at is null").await;
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(app.value("select count(*) from calls").await, 5);
}

/// Many events of few calls, one in fifty of them poison, for workers whose pieces share rows.
async fn insert_hot(app: &TestApp, count: usize) {
    app.execute("alter table calls add constraint no_poison check (agent_id <> 'poison')").await;
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select '{}', 'call_ended', 'e' || n, jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object(
             'call_id', 'c' || n * 7 % 40, 'agent_id', case when n % 50 = 0 then 'poison' else 'good' end,
             'direction', 'inbound', 'from_number', '+1555010' || lpad((n * 7 % 40)::text, 4, '0'),
             'to_number', '+15550109999', 'end_timestamp', 1788254130000 + n))
         from generate_series(1, {count}) n",
        app.connection_id("retell")
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_that_search_for_culprits_never_wait_for_each_other_in_a_circle() {
    const EVENTS: usize = 3_000;
    let settings = [("PROCESSOR__RETRY__MAX_ATTEMPTS", "1"), ("PROCESSOR__BATCH_SIZE", "200")];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    insert_hot(&app, EVENTS).await;
    // Whatever the database's default is: connections that are made from here on have it.
    app.execute(
        "do $$ begin execute format('alter database %I set default_transaction_isolation = ''repeatable read''',
             current_database()); end $$",
    )
    .await;
    let pool = PgPoolOptions::new().max_connections(8).connect_with(app.pool.connect_options().as_ref().clone());
    let processor = Arc::new(processor_over(&app, pool.await.unwrap()));
    let stop = CancellationToken::new();
    let workers = [(); 2].map(|()| {
        let (processor, stop) = (Arc::clone(&processor), stop.clone());
        tokio::spawn(async move { processor.run(stop).await })
    });
    let began = Instant::now();
    while app.value("select exists (select from event_queue)").await == json!(true) {
        assert!(began.elapsed() < Duration::from_secs(120), "they do not finish");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(app.value("select deadlocks from pg_stat_database where datname = current_database()").await, 0);
    let metrics = app.metrics.encode();
    assert!(!metrics.contains("batches_rolled_back_total{"), "{metrics}");
    for (outcome, count) in [("processed", EVENTS - EVENTS / 50), ("dead", EVENTS / 50)] {
        let line = format!("switchhook_events_total{{provider=\"retell\",outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    assert_eq!(app.value("select count(*) from calls where agent_id = 'good'").await, 40);
    assert_eq!(
        app.value("select count(*) from webhook_events where attempts <> (outcome = 'dead')::int").await,
        0,
        "nobody paid for another"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_only_together_fails_once() {
    let app = TestApp::spawn().await;
    // Each of the two is fine; both are one call too many of this agent.
    app.execute(
        "create function one_each() returns trigger language plpgsql as $$
         begin
             if (select count(*) from calls where agent_id = 'jealous') > 1 then raise 'one at most'; end if;
             return null;
         end $$;
         create trigger one_each after insert on calls for each statement execute function one_each()",
    )
    .await;
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select '{}', 'call_ended', 'e' || n, jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object(
             'call_id', 'c' || n, 'agent_id', case when n in (9, 21) then 'jealous' else 'good' end,
             'end_timestamp', 1788254130000))
         from generate_series(1, 30) n",
        app.connection_id("retell")
    ))
    .await;
    let report = app.processor.drain(30, 500).await.unwrap();
    assert_eq!((report.processed, report.failed), (29, 1));
    // Which of the two is the second one is chance: events of one millisecond are in no order.
    let waiting = app.rows("select to_jsonb(external_event_id) from webhook_events where processed_at is null").await;
    assert!(waiting == [json!("e9")] || waiting == [json!("e21")], "{waiting:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_holds_costs_no_attempt_and_the_others_little_time() {
    let app = TestApp::spawn().await;
    insert(&app, 40, &[]).await;
    app.run_until_idle().await;
    app.execute("update webhook_events set processed_at = null").await;
    let mut holder = app.owner.begin().await.unwrap();
    sqlx::query("select from calls where provider_call_id = 'c7' for update").execute(&mut *holder).await.unwrap();
    let began = Instant::now();
    let report = app.run_until_idle().await;
    assert_eq!((report.processed, report.failed, report.dead), (39, 1, 0));
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    let waiting = "select jsonb_build_array(external_event_id, attempts, last_error) from webhook_events where processed_at is null";
    assert_eq!(app.rows(waiting).await, [json!(["e7", 0, "database error 55P03 (locked by another for too long)"])]);
    holder.rollback().await.unwrap();
    app.execute("update webhook_events set next_attempt_at = now() where processed_at is null").await;
    assert_eq!(app.run_until_idle().await.processed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_own_row_somebody_holds_is_passed_by() {
    let app = TestApp::spawn().await;
    insert(&app, 20, &[]).await;
    let mut holder = app.owner.begin().await.unwrap();
    sqlx::query("select from webhook_events where external_event_id = 'e2' for update")
        .execute(&mut *holder)
        .await
        .unwrap();
    let report = app.run_until_idle().await;
    assert_eq!((report.claimed, report.processed), (19, 19));
    holder.rollback().await.unwrap();
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(app.value("select max(attempts) from webhook_events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_postgres_cannot_write_out_is_dead_and_keeps_nobody_waiting() {
    let app = TestApp::spawn().await;
    // 5 kB in the table, 1.3 GB as text: more than Postgres makes of anything.
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         values ('{}', 'call_ended', 'huge', ('[1' || repeat(',1e131071', 10000) || ']')::jsonb)",
        app.connection_id("retell")
    ))
    .await;
    insert(&app, 20, &[]).await;
    let report = app.run_until_idle().await;
    assert_eq!((report.processed, report.dead), (20, 1));
    assert_eq!(
        app.rows(
            "select jsonb_build_array(external_event_id, last_error) from webhook_events e where outcome = 'dead'"
        )
        .await,
        [json!(["huge", "database error 54000 (too large or too deep)"])]
    );
    // Nobody else can read it either.
    app.execute("delete from webhook_events where external_event_id = 'huge'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_beyond_the_handlers_is_the_failure_of_its_event_alone() {
    let app = TestApp::spawn().await;
    // A time that no calendar has: adding it to any other panics.
    app.execute("update tenants set outreach_delay = interval '300000 years'").await;
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select '{}', 'call_ended', 'e' || n, jsonb_build_object('event', 'call_ended', 'call', jsonb_build_object(
             'call_id', 'c' || n, 'direction', 'inbound', 'from_number', '+15550100001', 'to_number', '+15550100002',
             'disconnection_reason', case n when 3 then 'dial_no_answer' else 'user_hangup' end,
             'end_timestamp', 1788254130000))
         from generate_series(1, 20) n",
        app.connection_id("retell")
    ))
    .await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn({
        let (processor, stop) = (Arc::clone(&app.processor), stop.clone());
        async move { processor.run(stop).await }
    });
    app.eventually("select count(*) = 19 from webhook_events where outcome = 'processed'").await;
    app.eventually(
        "select last_error = 'the program panicked; its log says where' and attempts > 0
                    from webhook_events where external_event_id = 'e3'",
    )
    .await;
    app.execute("update tenants set outreach_delay = null; update webhook_events set next_attempt_at = now() where processed_at is null").await;
    app.eventually("select count(*) = 20 from webhook_events where outcome = 'processed'").await;
    stop.cancel();
    worker.await.unwrap();
}
