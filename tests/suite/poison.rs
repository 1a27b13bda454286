//! Bad events among good ones: the good commit in the same poll, the bad stand alone.

use serde_json::json;

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
        let (report, _) = app.processor.batch(500, chrono::DateTime::UNIX_EPOCH).await.unwrap();
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
    app.processor.batch(500, chrono::DateTime::UNIX_EPOCH).await.unwrap();
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
