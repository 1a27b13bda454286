//! Replay is harmless: clearing `processed_at` of any subset, at any time, changes no row and puts up no job.

use serde_json::json;

use crate::support::{Dice, TestApp, fixtures};

#[tokio::test(flavor = "multi_thread")]
async fn replaying_any_subset_changes_nothing() {
    let app = TestApp::spawn().await;
    app.set_rate("0.9", 6, 10).await;
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    app.run_until_idle().await;
    let before = app.dump().await;
    let jobs = app.rows("select to_jsonb(j) from jobs j order by id").await;
    let events = app.rows("select to_jsonb(id) from webhook_events").await;
    assert!(events.len() > 60 && !jobs.is_empty());
    let mut dice = Dice::new(3);
    for round in 0..12 {
        let chosen: Vec<String> = events
            .iter()
            .filter(|_| dice.below(3) == 0 || round == 0)
            .map(|id| format!("'{}'", id.as_str().unwrap()))
            .collect();
        let replayed = app
            .execute(&format!("update webhook_events set processed_at = null where id in ({})", chosen.join(",")))
            .await;
        assert_eq!(replayed, chosen.len() as u64);
        assert_eq!(
            app.value("select count(*) from webhook_events where processed_at is null").await,
            json!(chosen.len())
        );
        // What minutes cost from now on is nothing to the calls that were.
        app.set_rate(&format!("1.{round}"), 60, 0).await;
        app.run_until_idle().await;
        assert_eq!(app.dump().await, before, "round {round}");
        assert_eq!(app.rows("select to_jsonb(j) from jobs j order by id").await, jobs, "round {round}");
    }
    assert_eq!(app.value("select count(*) from webhook_events where processed_at is null").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_after_the_directory_changed_still_changes_nothing() {
    let app = TestApp::spawn().await;
    app.execute(
        "insert into campaigns (id, tenant_id, name) values
            ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-000000000001', 'spring'),
            ('00000000-0000-0000-0000-0000000000c2', '00000000-0000-0000-0000-000000000001', 'autumn');
         insert into phone_numbers (number, tenant_id, campaign_id) values
            ('+97237654321', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000c1')",
    )
    .await;
    for fixture in fixtures().into_iter().filter(|fixture| fixture.provider.name() == "dialpad") {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    app.run_until_idle().await;
    let before = app.dump().await;
    let campaigns =
        app.value("select count(*) from calls where campaign_id = '00000000-0000-0000-0000-0000000000c1'").await;
    assert!(campaigns.as_i64().unwrap() >= 2);
    app.execute(
        "update phone_numbers set campaign_id = '00000000-0000-0000-0000-0000000000c2';
         update webhook_events set processed_at = null",
    )
    .await;
    app.run_until_idle().await;
    assert_eq!(app.dump().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_set_by_hand_survives_replays() {
    let app = TestApp::spawn().await;
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    app.run_until_idle().await;
    app.execute(
        "update leads set name_by_hand = 'By Hand', stage_by_hand = 'won', tags = '{vip}';
         update calls set converted_by_hand = true;
         update webhook_events set processed_at = null",
    )
    .await;
    app.run_until_idle().await;
    assert_eq!(app.value("select count(*) from leads where name_by_hand is distinct from 'By Hand' or stage_by_hand <> 'won' or tags <> '{vip}'").await, 0);
    assert_eq!(app.value("select count(*) from calls where converted_by_hand is not true").await, 0);
    assert_eq!(app.value("select count(*) from lead_facts where name <> 'By Hand' or stage <> 'won'").await, 0);
}
