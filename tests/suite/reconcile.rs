//! Calls whose webhooks never came are fetched, once, and a webhook that comes after all changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use switchhook::access::Actor;
use switchhook::config::Config;
use switchhook::integrations::platforms::{ALL, Window};
use switchhook::jobs::Watcher;
use switchhook::providers;
use switchhook::reconcile::{self, Candidate, Failure, Options, Reconciler, Report, Schedule};
use switchhook::redact::Phone;
use switchhook::retention::{self, Person};

use crate::reconcile_calls::{CALLER, OURS, began_at, record, time, webhook};
use crate::support::{Binary, PlatformStub, TENANT, TestApp, database_url, drop_database};

async fn start(platform: &'static str, calls: i64) -> (PlatformStub, TestApp) {
    let stub = PlatformStub::start(platform).await;
    for n in 0..calls {
        stub.add(began_at(n), record(platform, n));
    }
    let name = platform.to_uppercase();
    let (url, key) = (format!("INTEGRATIONS__{name}__BASE_URL"), format!("INTEGRATIONS__{name}__API_KEY"));
    let settings = [(url.as_str(), stub.base_url.as_str()), (key.as_str(), PlatformStub::KEY)];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    (stub, app)
}

fn reconciler(app: &TestApp) -> Reconciler {
    Reconciler { desk: Arc::clone(&app.desk), registry: Arc::new(providers::registry().build().unwrap()) }
}

fn options() -> Options {
    let window = Window { since: time("2026-11-01T00:00:00Z"), until: time("2026-11-01T12:00:00Z") };
    Options { window, grace: Duration::ZERO, every: None, dry_run: false, actor: Actor::program("test") }
}

async fn candidate(app: &TestApp, platform: &str) -> Candidate {
    let candidates = reconcile::candidates(&app.pool).await.unwrap();
    candidates.into_iter().find(|candidate| candidate.provider == platform).unwrap()
}

async fn run_with(app: &TestApp, platform: &str, options: &Options) -> Result<Report, Failure> {
    reconciler(app).run(&candidate(app, platform).await, options).await
}

/// Runs to the end, which it must reach.
async fn run(app: &TestApp, platform: &str) -> Report {
    let report = run_with(app, platform, &options()).await.unwrap();
    assert_eq!(report.error, None, "{platform}");
    report
}

/// How many were missing, and how many events were made.
fn found(report: &Report) -> (u64, u64) {
    (report.counts.missing, report.counts.inserted)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_came_is_fetched_once_and_a_late_webhook_changes_nothing() {
    for platform in ALL {
        let (stub, app) = start(platform, 5).await;
        // Out of the window: nobody asked for it.
        stub.add(began_at(0) - TimeDelta::days(1), record(platform, 99));
        let report = run(&app, platform).await;
        assert_eq!((report.counts.listed, found(&report)), (5, (5, 5)), "{platform}: {report:?}");
        assert_eq!(found(&run(&app, platform).await), (5, 0), "{platform}: not yet processed, and not made twice");
        let done = app.run_until_idle().await;
        assert_eq!((done.processed, done.dead), (5, 0), "{platform}");
        let whole = app
            .value(
                "select count(*) from calls where status = 'ended' and disposition = 'answered' and duration_ms = 60000
                 and ended_at - started_at between interval '55 s' and interval '65 s' and (recording_url is not null or provider = 'elevenlabs')",
            )
            .await;
        assert_eq!(whole, 5, "{platform}: {:?}", app.snapshot().await);
        assert_eq!(app.value("select count(*) from webhook_events where origin = 'reconciled'").await, 5);
        assert_eq!(found(&run(&app, platform).await), (0, 0), "{platform}: {:?}", run(&app, platform).await.calls);

        let before = app.dump().await;
        let provider = providers::find(platform).unwrap();
        for n in 0..5 {
            let body = webhook(platform, &record(platform, n)).to_string();
            app.post(provider, &body).await.assert_outcome("accepted");
        }
        assert_eq!(app.run_until_idle().await.processed, 5);
        assert_eq!(app.dump().await, before, "{platform}");
        assert_eq!(app.value("select count(*) from webhook_events where origin is null").await, 5);
        app.execute("update webhook_events set processed_at = null").await;
        app.run_until_idle().await;
        assert_eq!(app.dump().await, before, "{platform}: replayed");
        assert_eq!(found(&run(&app, platform).await), (0, 0), "{platform}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_by_hand_leaves_a_line() {
    let (_stub, app) = start("retell", 1).await;
    run(&app, "retell").await;
    let line = "select jsonb_build_array(l.actor, l.action, l.tenant_id, r.id is not null, l.xmin = r.xmin or r.finished_at is not null)
                from operator_log l left join reconciliations r on r.id::text = l.details->>'run_id'";
    assert_eq!(app.rows(line).await, [json!(["test", "reconcile", TENANT, true, true])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_call_lacks_is_asked_for_and_a_changed_record_is_a_new_event() {
    let (stub, app) = start("retell", 3).await;
    let retell = providers::find("retell").unwrap();
    for n in 0..2 {
        app.post(retell, &webhook("retell", &record("retell", n)).to_string()).await.assert_outcome("accepted");
    }
    // Of the third only its beginning came.
    let begun = json!({ "event": "call_started", "call": { "call_id": "call-2-of-retell", "call_status": "ongoing",
        "direction": "inbound", "from_number": CALLER, "to_number": OURS,
        "start_timestamp": began_at(2).timestamp_millis() } });
    app.post(retell, &begun.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
    let dry = Options { dry_run: true, ..options() };
    let report = run_with(&app, "retell", &dry).await.unwrap();
    assert_eq!((found(&report), report.calls[0].missing), ((1, 0), reconcile::Missing::End));
    assert_eq!(app.value("select count(*) from reconciliations").await, 0);
    assert_eq!(stub.asked("get-call"), 1, "the other two are whole");
    assert_eq!(found(&run(&app, "retell").await), (1, 1));
    app.run_until_idle().await;
    assert_eq!(found(&run(&app, "retell").await), (0, 0));
    // The platform now knows more of all three: what it costs.
    app.execute("update calls set cost_rank = null, cost_at = null, cost = null").await;
    stub.change(|record| record["call_cost"]["combined_cost"] = json!(9));
    assert_eq!(found(&run(&app, "retell").await), (3, 3));
    app.run_until_idle().await;
    assert_eq!(app.value("select count(*) from calls where cost = 9").await, 3);
    // What retention took away is not fetched again.
    app.execute("update calls set transcript = null, transcript_turns = null").await;
    assert_eq!(found(&run(&app, "retell").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_go_on_have_just_ended_or_have_no_time_are_left_alone() {
    let (stub, app) = start("retell", 3).await;
    stub.change(|record| match record["call_id"].as_str().unwrap() {
        "call-0-of-retell" => {
            for field in ["end_timestamp", "disconnection_reason", "call_analysis"] {
                record.as_object_mut().unwrap().remove(field);
            }
            record["call_status"] = json!("ongoing");
        }
        "call-1-of-retell" => {
            for field in ["start_timestamp", "end_timestamp"] {
                record.as_object_mut().unwrap().remove(field);
            }
        }
        _ => {}
    });
    let patient = Options { grace: Duration::from_secs(7_200), ..options() };
    let counts = run_with(&app, "retell", &patient).await.unwrap().counts;
    assert_eq!((counts.ongoing, counts.undated, counts.fresh, counts.missing), (1, 1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_before_a_failure_is_kept_and_said() {
    let (stub, app) = start("dialpad", 6).await;
    stub.fail_from_page(3);
    let report = run_with(&app, "dialpad", &options()).await.unwrap();
    assert_eq!(report.error.as_deref(), Some("dialpad: status 422"));
    assert_eq!((report.counts.listed, found(&report)), (4, (4, 4)));
    let told = app.value("select to_jsonb(r) from reconciliations r").await;
    assert_eq!((&told["inserted"], &told["error"]), (&json!(4), &json!("dialpad: status 422")));
    assert!(told["finished_at"].is_string());
    stub.fail_from_page(usize::MAX);
    assert_eq!(found(&run(&app, "dialpad").await), (6, 2), "the lease was given back, and the rest comes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_platform_is_waited_for_and_a_broken_one_asked_again() {
    let (stub, app) = start("elevenlabs", 1).await;
    stub.answer_next("conversations", 429, &[("retry-after", "1")], "{}");
    stub.answer_next("conversations", 503, &[], "");
    let began = Instant::now();
    assert_eq!(found(&run(&app, "elevenlabs").await), (1, 1));
    assert!(began.elapsed() >= Duration::from_millis(1_900), "{:?}", began.elapsed());
    // Longer than a run is to wait.
    stub.answer_next("conversations", 429, &[("retry-after", "3600")], "{}");
    let report = run_with(&app, "elevenlabs", &options()).await.unwrap();
    assert_eq!(report.error.as_deref(), Some("elevenlabs: too many requests"));
    stub.answer_next("conversations", 200, &[], "<html>");
    let report = run_with(&app, "elevenlabs", &options()).await.unwrap();
    assert_eq!(report.error.as_deref(), Some("elevenlabs: what answered is not JSON"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_holds_too_many_calls_is_halved() {
    let (stub, app) = start("voicenter", 2).await;
    stub.answer_next("cdr", 200, &[], r#"{"ERROR_NUMBER":0,"TOTAL_HITS":12000,"RETURN_HITS":10000,"CDR_LIST":[]}"#);
    assert_eq!(found(&run(&app, "voicenter").await), (2, 2));
    let bounds: Vec<Value> = stub.requests().iter().map(|request| request.json()["search"]["todate"].clone()).collect();
    assert_eq!(bounds, ["2026-11-01T12:00:00", "2026-11-01T06:00:00", "2026-11-01T12:00:00"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_does_not_come_back() {
    let (_stub, app) = start("retell", 2).await;
    // The first call came, the second was lost; then the person is erased.
    let retell = providers::find("retell").unwrap();
    app.post(retell, &webhook("retell", &record("retell", 0)).to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
    let person = Person { number: Phone::new(CALLER), tenant_id: None };
    retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap();
    assert_eq!(found(&run(&app, "retell").await), (1, 1), "the first is theirs, and whole as it is");
    app.run_until_idle().await;
    let everything =
        app.rows("select to_jsonb(e) from webhook_events e union all select to_jsonb(c) from calls c").await;
    assert!(!format!("{everything:?}").contains("5550100123"), "{everything:?}");
    assert_eq!(app.value("select count(*) from leads").await, 0);
    assert_eq!(app.value("select count(*) from calls where forgotten_at is not null").await, 2);
    assert_eq!(found(&run(&app, "retell").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_a_dead_run_frees_its_connection() {
    let (_stub, app) = start("bolna", 1).await;
    let retry = async || run_with(&app, "bolna", &options()).await;
    assert!(retry().await.is_ok());
    app.execute("update reconcile_leases set holder = uuid_v7(), lease_until = '2026-11-01T12:00:01Z'").await;
    assert!(matches!(retry().await, Err(Failure::Busy)));
    app.clock.advance(TimeDelta::seconds(2));
    assert!(retry().await.is_ok());
    assert_eq!(app.value("select holder is null from reconcile_leases").await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_runs_what_is_due_in_one_process_at_a_time_and_tells_of_loss_and_failure() {
    let (stub, app) = start("retell", 12).await;
    let config = Config::from_parts(None, &Default::default()).unwrap();
    let schedule = || Schedule::new(Arc::new(reconciler(&app)), config.reconcile.clone());
    let (one, other) = (schedule(), schedule());
    let (a, b) = tokio::join!(one.turn(), other.turn());
    let (mut reports, left_out) = a.unwrap();
    reports.extend(b.unwrap().0);
    assert_eq!((reports.len(), left_out.len()), (1, 0));
    assert_eq!((reports[0].since, found(&reports[0])), (time("2026-10-31T12:00:00Z"), (12, 12)));
    assert!(one.turn().await.unwrap().0.is_empty(), "it is not yet time");

    let watcher = Watcher::new(Arc::clone(&app.desk), config.alerts.clone());
    let open = async || {
        watcher.look().await.unwrap();
        app.rows(
            "select to_jsonb(cause || ': ' || summary) from incidents where resolved_at is null
            and cause in ('webhooks_lost', 'reconcile_fails')",
        )
        .await
    };
    let lost = "webhooks_lost: 12 calls of retell had come with no webhook, and were fetched: does the platform still send here?";
    assert_eq!(open().await, [json!(lost)]);
    // What had to be fetched was not sent: the watch for silent connections must not take it for a sign of life.
    app.execute("update webhook_events set received_at = '2026-11-01T11:59:00Z'").await;
    open().await;
    assert_eq!(app.value("select count(*) from connection_hours").await, 0);
    app.run_until_idle().await;
    stub.fail_from_page(1);
    for _ in 0..3 {
        assert!(open().await.iter().all(|incident| !incident.as_str().unwrap().starts_with("reconcile_fails")));
        app.clock.advance(TimeDelta::hours(1));
        assert_eq!(one.turn().await.unwrap().0[0].error.as_deref(), Some("retell: status 422"));
    }
    app.clock.advance(TimeDelta::minutes(1));
    let failing = "reconcile_fails: the last three reconciliations of retell failed; the last: retell: status 422";
    assert_eq!(open().await, [json!(failing)]);
    stub.fail_from_page(usize::MAX);
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(found(&one.turn().await.unwrap().0[0]), (0, 0));
    assert_eq!(open().await, Vec::<Value>::new());

    // A second tenant without a key of its own: whose calls they are is not clear any more.
    app.execute(
        "insert into tenants (slug, name) values ('north', 'North');
         insert into connections (tenant_id, provider, slug) select id, 'retell', 'north' from tenants where slug = 'north'",
    )
    .await;
    app.clock.advance(TimeDelta::hours(1));
    let (reports, left_out) = one.turn().await.unwrap();
    assert!(reports.is_empty() && left_out == ["retell/default", "retell/north"], "{left_out:?}");
    app.execute(
        "update tenants set settings = '{\"integrations\": {\"retell\": {\"api_key\": \"wrong\"}}}' where slug = 'north'",
    )
    .await;
    let reports = one.turn().await.unwrap().0;
    let errors: Vec<Option<&str>> = reports.iter().map(|report| report.error.as_deref()).collect();
    assert!(
        errors.contains(&None) && errors.iter().flatten().any(|error| error.contains("api_key is wrong")),
        "{errors:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_fetches_on_its_own() {
    let stub = PlatformStub::start("bolna").await;
    let mut call = record("bolna", 0);
    let began_at = Utc::now() - TimeDelta::minutes(30);
    for time in ["created_at", "initiated_at", "updated_at"] {
        call[time] = json!(began_at.to_rfc3339());
    }
    stub.add(began_at, call);
    let (name, url) = database_url().await;
    let settings = [
        ("INTEGRATIONS__BOLNA__BASE_URL", stub.base_url.as_str()),
        ("INTEGRATIONS__BOLNA__API_KEY", PlatformStub::KEY),
        ("RECONCILE__EVERY", "1s"),
    ];
    let service = Binary::serve(&url, &["--setup"], &settings).await;
    let calls = async || {
        let mut database = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.unwrap();
        let count = sqlx::query_scalar::<_, i64>("select count(*) from calls").fetch_one(&mut database).await;
        count.unwrap()
    };
    let began = Instant::now();
    while calls().await == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", service.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(service);
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_it_says_what_is_wrong_and_what_it_did() {
    let stub = PlatformStub::start("retell").await;
    let now: DateTime<Utc> = Utc::now();
    for n in 0..3 {
        let mut call = record("retell", n);
        call["start_timestamp"] = json!((now - TimeDelta::minutes(30)).timestamp_millis());
        call["end_timestamp"] = json!((now - TimeDelta::minutes(29)).timestamp_millis());
        stub.add(now - TimeDelta::minutes(30), call);
    }
    let (name, url) = database_url().await;
    let command = |key: &str, line: &str| {
        let mut command = Binary::command(&url);
        command.env("SWITCHHOOK__INTEGRATIONS__RETELL__BASE_URL", &stub.base_url);
        let output = command
            .env("SWITCHHOOK__INTEGRATIONS__RETELL__API_KEY", key)
            .args(line.split_whitespace())
            .output()
            .unwrap();
        let said = if line.ends_with("--json") { Vec::new() } else { output.stderr };
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&said));
        (output.status.code().unwrap(), text)
    };
    let asks = "reconcile --provider retell --since 1h";
    let fails = |key: &str, line: &str, code: i32, reason: &str| {
        let (found, text) = command(key, line);
        assert!(found == code && text.contains(reason), "{line}: {found}, {text}");
    };
    assert_eq!(command("", "tenant add acme").0, 0);
    fails(PlatformStub::KEY, asks, 1, "there is no connection of retell in use");
    assert_eq!(command("", "connection add --provider retell --slug main --tenant acme --allow-unsigned").0, 0);
    fails("", asks, 1, "integrations.retell.api_key is empty");
    fails("wrong", asks, 1, "retell: status 401: integrations.retell.api_key is wrong");
    fails(PlatformStub::KEY, "reconcile --provider retell --since 1h --until 2h", 2, "--since is not before --until");
    fails(PlatformStub::KEY, "reconcile --provider whatsapp --since 1h", 2, "retell");
    fails(PlatformStub::KEY, "reconcile", 2, "--provider");
    let (code, text) = command(PlatformStub::KEY, &format!("{asks} --dry-run"));
    assert!(code == 0 && text.contains("3 missing, nothing fetched") && text.contains("call-2-of-retell"), "{text}");
    let (code, text) = command(PlatformStub::KEY, &format!("{asks} --json"));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["listed"], &report["inserted"]), (0, &json!(3), &json!(3)));
    assert_eq!(command("", "process").0, 0);
    let (_, text) = command(PlatformStub::KEY, asks);
    assert!(text.contains("0 missing, 0 events made"), "{text}");
    assert!(command("", "events list").1.contains("(reconciled)"));
    let (_, listed) = command("", "events list --json");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["origin"], "reconciled");
    let (_, shown) = command("", &format!("events show {}", listed[0]["id"].as_str().unwrap()));
    assert!(shown.contains("origin          reconciled"), "{shown}");
    assert_eq!(command("", "connection add --provider retell --slug other --tenant acme --allow-unsigned").0, 0);
    fails(PlatformStub::KEY, asks, 2, "--connection: retell/main, retell/other");
    let (code, text) = command(PlatformStub::KEY, &format!("{asks} --connection main"));
    assert!(code == 0 && text.contains("retell/main: 3 calls listed"), "{text}");
    let history: Value = serde_json::from_str(&command("", "reconcile --history --json").1).unwrap();
    let told: Vec<(&Value, &Value)> =
        history.as_array().unwrap().iter().map(|run| (&run["inserted"], &run["error"])).collect();
    assert_eq!((told.len(), told[2].0, told[3].1.as_str().unwrap().contains("status 401")), (4, &json!(3), true));
    let (_, listed) = command("", "reconcile --history --provider retell --connection main --limit 1");
    assert!(listed.contains("retell/main") && listed.contains("hand") && listed.lines().count() == 3, "{listed}");
    drop_database(&name).await;
}
