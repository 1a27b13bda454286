//! Old data goes by its rule, and nothing else does; what went does not come back.

use std::time::Duration;

use serde_json::{Value, json};
use switchhook::providers;
use switchhook::retention::{self, Action, Kind, Options};

use crate::support::{Binary, TestApp, database_url, drop_database, fixtures};

const DAY: Duration = Duration::from_secs(86_400);

/// Everything there is, worked off, and made to look a hundred days old.
async fn old_data() -> TestApp {
    let app = TestApp::spawn().await;
    // The one rule that there is from the start.
    retention::unset(&app.pool, None, Kind::Rejections).await.unwrap();
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    app.run_until_idle().await;
    app.execute(
        "update webhook_events set received_at = now() - interval '100 days';
         update calls set created_at = now() - interval '100 days';
         update recordings set created_at = now() - interval '100 days';
         update messages set created_at = now() - interval '100 days';
         update lead_analytics set created_at = now() - interval '100 days';
         insert into rejections (at, reason, status, address) values
            (now() - interval '100 days', 'not proven', 401, '192.0.2.7'), (now(), 'not proven', 401, '192.0.2.7');
         insert into kept_requests (id, source_id, provider, at, is_known, rank, reason, bytes, request)
         select uuid_v7(), id, provider, now() - interval '100 days', false, 1, 'x', 1, 'v1.none.none'
         from connections where provider = 'retell'",
    )
    .await;
    app
}

async fn run(app: &TestApp, dry_run: bool) -> Vec<(Kind, &'static str, u64)> {
    let options = Options { dry_run, batch: 7, pause: Duration::ZERO, ..Options::default() };
    let report = retention::run_once(&app.pool, &options).await.unwrap();
    report.rules.into_iter().map(|rule| (rule.kind, rule.place, rule.rows)).collect()
}

async fn set(app: &TestApp, kind: Kind, keep_days: u32, action: Action) {
    retention::set(&app.pool, None, kind, Some(DAY * keep_days), action).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_goes_by_its_rule_and_a_dry_run_counts_the_same() {
    let app = old_data().await;
    let before = app.dump().await;
    assert_eq!(run(&app, false).await, [], "without rules everything is kept");
    for kind in Kind::ALL {
        set(&app, *kind, 10_000, if kind.can_be_anonymised() { Action::Anonymise } else { Action::Delete }).await;
    }
    assert!(run(&app, false).await.iter().all(|(_, _, rows)| *rows == 0), "it is not old enough");
    assert_eq!(app.dump().await, before);
    for kind in Kind::ALL {
        set(&app, *kind, 99, if kind.can_be_anonymised() { Action::Anonymise } else { Action::Delete }).await;
    }
    let counted = run(&app, true).await;
    assert_eq!(app.dump().await, before, "a dry run changes nothing");
    assert_eq!(app.value("select count(*) from operator_log").await, 0);
    assert_eq!(run(&app, false).await, counted);
    assert!(counted.len() == 9 && counted.iter().all(|(_, _, rows)| *rows > 0), "{counted:?}");
    for (table, column) in [
        ("calls", "transcript, transcript_turns, recording_url, summary, analysis"),
        ("recordings", "url, audio"),
        ("messages", "from_number, to_number, contact_number, body"),
        ("lead_analytics", "phone, summary, data"),
    ] {
        let left = app.value(&format!("select count(*) from {table} where num_nonnulls({column}) > 0")).await;
        assert_eq!(left, 0, "{table}");
        assert!(app.value(&format!("select count(*) from {table}")).await.as_i64().unwrap() > 0, "{table}: rows stay");
    }
    assert_eq!(app.value("select count(*) from webhook_events where payload <> '{}'").await, 0);
    assert_eq!(
        app.value("select count(*) from rejections where address is null").await,
        1,
        "the young one is as it was"
    );
    let logged = app.value("select sum(row_count) from operator_log where action = 'retention'").await;
    assert_eq!(logged, counted.iter().map(|(_, _, rows)| *rows).sum::<u64>());
    assert!(run(&app, false).await.iter().all(|(_, _, rows)| *rows == 0), "it is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_does_not_come_back_by_a_duplicate_or_a_replay() {
    let app = old_data().await;
    for kind in [Kind::Transcripts, Kind::Analytics, Kind::Recordings] {
        set(&app, kind, 99, if kind.can_be_anonymised() { Action::Anonymise } else { Action::Delete }).await;
    }
    run(&app, false).await;
    // The payloads are still there: a replay finds that the group has been decided.
    let transcripts = "select count(*) from calls where num_nonnulls(transcript, summary, recording_url) > 0";
    app.execute("update webhook_events set processed_at = null").await;
    app.run_until_idle().await;
    assert_eq!(app.value(transcripts).await, 0);
    assert_eq!(app.value("select count(*) from lead_analytics where summary is not null").await, 0);
    assert_eq!(app.value("select count(*) from recordings where audio is not null").await, 0);
    // Links in `recordings` come back with the replay, and go with the next run.
    assert!(run(&app, false).await.contains(&(Kind::Recordings, "calls.recording_url", 0)));
    set(&app, Kind::Payloads, 99, Action::Delete).await;
    run(&app, false).await;
    let after = app.dump().await;
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("duplicate");
    }
    app.execute("update webhook_events set processed_at = null").await;
    let report = app.run_until_idle().await;
    assert_eq!((report.ignored, report.claimed), (report.claimed, fixtures().len() as u64), "{report:?}");
    assert_eq!(app.dump().await, after);
    assert_eq!(
        app.value("select count(*) from webhook_events where note like 'its payload was removed%'").await,
        fixtures().len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_report_of_an_old_call_is_kept_to_the_rule_by_the_next_run() {
    let app = old_data().await;
    set(&app, Kind::Transcripts, 99, Action::Delete).await;
    run(&app, false).await;
    app.execute("update webhook_events set processed_at = null, payload = payload").await;
    let retell = providers::find("retell").unwrap();
    let body = json!({ "event": "call_analyzed", "call": { "call_id": "late", "call_status": "ended",
        "start_timestamp": 1_700_000_000_000_i64, "end_timestamp": 1_700_000_060_000_i64, "transcript": "User: Hello." } });
    app.post(retell, &body.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
    assert_eq!(app.value("select count(*) from calls where transcript is not null").await, 1);
    assert_eq!(run(&app, false).await, [(Kind::Transcripts, "calls.transcript", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_rule_counts_and_pending_events_stay() {
    let app = old_data().await;
    app.execute(
        "insert into tenants (slug, name) values ('other', 'Other');
         update webhook_events set tenant_id = (select id from tenants where slug = 'other') where provider = 'bolna';
         update webhook_events set tenant_id = null where provider = 'dialpad';
         update webhook_events set processed_at = null where provider = 'retell'",
    )
    .await;
    set(&app, Kind::Payloads, 99, Action::Delete).await;
    let other = app.value("select id from tenants where slug = 'other'").await.as_str().unwrap().parse().unwrap();
    retention::set(&app.pool, Some(other), Kind::Payloads, None, Action::Delete).await.unwrap();
    run(&app, false).await;
    let left =
        app.rows("select to_jsonb(provider) from webhook_events where payload <> '{}' group by 1 order by 1").await;
    assert_eq!(left, ["bolna", "retell"]);
    assert!(retention::unset(&app.pool, Some(other), Kind::Payloads).await.unwrap());
    run(&app, false).await;
    let left = app.rows("select to_jsonb(provider) from webhook_events where payload <> '{}' group by 1").await;
    assert_eq!(left, ["retell"]);
    set(&app, Kind::Messages, 99, Action::Delete).await;
    set(&app, Kind::Rejections, 99, Action::Delete).await;
    run(&app, false).await;
    assert_eq!(
        app.value("select row((select count(*) from messages), (select count(*) from rejections))::text").await,
        "(0,1)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_by_command() {
    let (name, url) = database_url().await;
    let run = |line: &str| {
        let output = Binary::run(&url, &format!("--json {line}").split_whitespace().collect::<Vec<_>>());
        let text = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
        (output.status.code().unwrap(), text.into_owned())
    };
    let ok = |line: &str| -> Value {
        let (code, text) = run(line);
        assert_eq!(code, 0, "{line}: {text}");
        serde_json::from_str(&text).unwrap()
    };
    ok("tenant add acme");
    for (line, reason) in [
        ("retention set payloads --keep 90d --action anonymise", "cannot make payloads anonymous"),
        ("retention set rejections --keep 90d --tenant acme", "belong to no tenant"),
        ("retention set messages --keep 1h", "from a day"),
        ("retention set everything --keep 90d", "possible values"),
    ] {
        let (code, text) = run(line);
        assert!(code == 2 && text.contains(reason), "{line}: {code} {text}");
    }
    ok("retention set transcripts --keep 90d");
    ok("retention set transcripts --keep 30d");
    ok("retention set transcripts --keep forever --tenant acme");
    let rules = ok("retention list");
    let of = |kind: &str| rules.as_array().unwrap().iter().find(|rule| rule["kind"] == kind).cloned();
    assert_eq!(of("rejections").unwrap()["keep_seconds"], 30 * 86_400, "anybody can make them");
    let rules: Vec<Value> =
        rules.as_array().unwrap().iter().filter(|rule| rule["kind"] == "transcripts").cloned().collect();
    assert_eq!((&rules[0]["keep_seconds"], &rules[1]["tenant"]), (&json!(30 * 86_400), &json!("acme")));
    assert_eq!(ok("retention run --dry-run")["rules"][0]["rows"], 0);
    assert_eq!(ok("retention run --batch 10 --pause 1ms")["dry_run"], false);
    ok("retention unset transcripts --tenant acme");
    assert_eq!(run("retention unset transcripts --tenant acme").0, 1);
    drop_database(&name).await;
}
