//! sql/ops: what operators run by hand with psql says and does the same as the commands.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::roles::psql;
use crate::support::{TestApp, url_of};

/// Runs a file of sql/ops with these variables; rows come back unaligned, parted by bars.
async fn run(app: &TestApp, file: &str, variables: &[&str]) -> Output {
    let database = app.value("current_database()").await;
    let mut command = psql();
    command.args(["-X", "-q", "-A", "-t", "-d", &url_of(database.as_str().unwrap())]);
    command.args(variables.iter().flat_map(|variable| ["-v", variable]));
    command.arg("-f").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/ops").join(file)).output().unwrap()
}

/// What a file prints; it must succeed.
async fn printed(app: &TestApp, file: &str, variables: &[&str]) -> String {
    let output = run(app, file, variables).await;
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn outcomes(app: &TestApp) -> Vec<Value> {
    app.rows(
        "select to_jsonb(coalesce(outcome, 'pending') || ' ' || count(*)) from webhook_events
         group by outcome order by 1",
    )
    .await
}

/// Two processed, one ignored, two dead.
async fn some_events() -> TestApp {
    let app = TestApp::spawn().await;
    let retell = switchhook::providers::find("retell").unwrap();
    for call in ["a", "b"] {
        let body = json!({ "event": "call_started", "call": { "call_id": call } });
        app.post(retell, &body.to_string()).await.assert_outcome("accepted");
    }
    for body in [json!({ "event": "alert_triggered" }), json!({ "event": "call_ended" }), json!({ "x": 1 })] {
        app.post(retell, &body.to_string()).await.assert_outcome("accepted");
    }
    app.run_until_idle().await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_at_is_what_is_there() {
    let app = some_events().await;
    app.execute("update webhook_events set processed_at = null where event_type = 'alert_triggered'").await;
    let lag = printed(&app, "lag.sql", &[]).await;
    let (first, second) = lag.split_once('\n').unwrap();
    assert!(first.starts_with("1|0|2|") && second.starts_with("4|"), "{lag}");
    let backlog = printed(&app, "backlog_by_type.sql", &["since=1 hour"]).await;
    assert!(backlog.contains("retell|call_started|0|2|0|0|"), "{backlog}");
    assert!(backlog.contains("retell|alert_triggered|1|0|0|0|20"), "{backlog}");
    assert!(backlog.contains("retell|call_ended|0|0|0|1|"), "{backlog}");
    let oldest = printed(&app, "oldest.sql", &["rows=3"]).await;
    assert!(oldest.lines().count() == 1 && oldest.contains("|alert_triggered|"), "{oldest}");
    app.execute(
        "insert into jobs (tenant_id, kind, key, due_at) select id, 'analyze_call', 'k', now() - interval '1 minute' from tenants",
    )
    .await;
    let jobs = printed(&app, "jobs.sql", &[]).await;
    assert!(jobs.starts_with("analyze_call|1|1|0|0|0|0|0|0|60"), "{jobs}");
    app.execute(
        "insert into reconciliations (connection_id, provider, since, until, scheduled, started_at, listed, inserted)
         select id, provider, now(), now(), true, now(), 7, 2 from connections where provider in ('retell', 'bolna')",
    )
    .await;
    let runs = printed(&app, "reconciliations.sql", &["rows=1"]).await;
    assert!(runs.lines().count() == 1 && runs.ends_with("|schedule|7|0|2|not finished"), "{runs}");
    let dead = printed(&app, "dead_letters.sql", &[]).await;
    assert!(dead.lines().count() == 4 && dead.contains("retell|call_ended|call.call_id is missing|1|"), "{dead}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_without_a_filter() {
    let app = some_events().await;
    let before = outcomes(&app).await;
    for file in ["replay.sql", "skip.sql", "redrive.sql", "discard.sql", "retention.sql"] {
        let output = run(&app, file, &[]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && (said.contains("which events?") || said.contains("how long")),
            "{file}: {said}"
        );
        let dry_run = if file == "retention.sql" { ["keep=1 day", "dry_run=1"] } else { ["all=1", "dry_run=1"] };
        printed(&app, file, &dry_run).await;
    }
    assert_eq!(outcomes(&app).await, before);
    assert_eq!(app.value("select count(*) from operator_log").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_done_once_and_logged() {
    let app = some_events().await;
    let calls = app.dump().await;
    assert_eq!(printed(&app, "replay.sql", &["provider=retell", "since=2026-01-01", "type=call_started"]).await, "2");
    assert_eq!(printed(&app, "replay.sql", &["tenant=nobody"]).await, "0");
    assert_eq!(outcomes(&app).await, ["dead 2", "ignored 1", "pending 2"]);
    app.run_until_idle().await;
    assert_eq!(app.dump().await, calls);
    assert_eq!(printed(&app, "redrive.sql", &["type=unrecognized"]).await, "1");
    assert_eq!(printed(&app, "skip.sql", &["type=unrecognized", "reason=it's a test"]).await, "1");
    assert_eq!(app.value("select count(*) from event_queue").await, 0);
    let note = app.value("select note from webhook_events where event_type = 'unrecognized'").await;
    assert_eq!(note, "skipped by hand: it's a test");
    assert_eq!(printed(&app, "discard.sql", &["all=1"]).await, "1");
    assert_eq!(outcomes(&app).await, ["ignored 3", "processed 2"]);
    let logged = app.rows("select to_jsonb(action || ' ' || row_count) from operator_log order by id").await;
    assert_eq!(logged, ["replay 2", "replay 0", "redrive 1", "skip 1", "discard 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_deletes_old_settled_events_and_no_others() {
    let app = some_events().await;
    let calls = app.dump().await;
    app.execute(
        "update webhook_events set received_at = now() - interval '200 days' where event_type <> 'alert_triggered';
         update webhook_events set processed_at = null
         where event_type = 'call_started' and external_event_id like 'b:%'",
    )
    .await;
    printed(&app, "retention.sql", &["keep=180 days", "chunk=1"]).await;
    // The alert is young, two are dead, one is pending: one was deleted.
    assert_eq!(outcomes(&app).await, ["dead 2", "ignored 1", "pending 1"]);
    assert_eq!(app.value("select sum(row_count) from operator_log where action = 'retention'").await, 1);
    app.run_until_idle().await;
    assert_eq!(app.dump().await, calls);
}
