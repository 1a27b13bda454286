//! The CRM's errors as jobs meet them: every sample, and one token for all processes.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::jobs::{self, Runner};
use switchhook::providers;

use crate::support::vendors::ZohoStub;
use crate::support::{Binary, TestApp, url_of};

macro_rules! sample {
    ($file:literal) => {
        include_str!(concat!("../outbound/zoho-crm/", $file))
    };
}

async fn spawn(zoho: &ZohoStub) -> TestApp {
    let url = zoho.base_url.clone();
    let settings = [
        ("INTEGRATIONS__ZOHO__ACCOUNTS_URL", url.as_str()),
        // The sample's token says another one.
        ("INTEGRATIONS__ZOHO__API_URL", url.as_str()),
        ("INTEGRATIONS__ZOHO__CLIENT_ID", ZohoStub::CLIENT_ID),
        ("INTEGRATIONS__ZOHO__CLIENT_SECRET", ZohoStub::CLIENT_SECRET),
        ("INTEGRATIONS__ZOHO__REFRESH_TOKEN", ZohoStub::REFRESH_TOKEN),
    ];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    app.runner.drain().await.unwrap();
    app
}

/// Calls of so many people, whose leads are new.
async fn calls(app: &TestApp, count: usize) {
    for n in 0..count {
        call(app, &format!("c{n}"), &format!("+155501001{n:02}")).await;
    }
}

async fn call(app: &TestApp, call_id: &str, from: &str) {
    let body = json!({ "event": "call_started", "call": { "call_id": call_id, "direction": "inbound",
        "from_number": from, "to_number": "+15550100199", "call_status": "ongoing" } });
    app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
}

async fn push(app: &TestApp) -> Value {
    app.rows("select to_jsonb(j) from jobs j where kind = 'push_to_crm' order by id desc").await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_leads_to_its_verdict() {
    // The file, the request that it answers, and what the push comes to: its outcome, or why it waits and how long.
    let (made, changed) = ("a record was made", "the record was changed");
    for (path, file, expected) in [
        ("token", sample!("01_token_refresh.json"), made),
        ("token", sample!("02_token_refresh_error_http200.json"), "900 crm: not authorized: invalid_code"),
        ("token", sample!("03_token_refresh_throttled.json"), "900 crm: limit reached: too many access tokens"),
        ("search", sample!("04_search_phone_found.json"), changed),
        ("search", sample!("05_search_phone_none.json"), made),
        ("upsert", sample!("06_upsert_insert.json"), made),
        ("upsert", sample!("07_upsert_update.json"), changed),
        ("upsert", sample!("08_upsert_record_error_invalid_phone.json"), "dead crm: rejected: INVALID_DATA Phone"),
        ("upsert", sample!("09_upsert_mandatory_missing.json"), "dead crm: rejected: MANDATORY_NOT_FOUND Last_Name"),
        ("upsert", sample!("10_error_401_invalid_token.json"), made),
        ("upsert", sample!("11_error_401_scope.json"), "900 crm: not authorized: OAUTH_SCOPE_MISMATCH"),
        ("upsert", sample!("12_error_429.json"), "again crm: busy: TOO_MANY_REQUESTS"),
        ("upsert", sample!("13_error_500.json"), "again crm: busy: INTERNAL_ERROR"),
        ("upsert", sample!("14_error_400_module.json"), "dead crm: rejected: INVALID_MODULE "),
    ] {
        let zoho = ZohoStub::start().await;
        let app = spawn(&zoho).await;
        // The number of the samples.
        call(&app, "c1", "+972502345678").await;
        // The lead's first pull finds nobody, and makes the token.
        app.run_everything().await;
        app.clock.advance(TimeDelta::minutes(1));
        if path == "token" {
            app.execute("delete from oauth_tokens").await;
        }
        if file.contains("Created_Time") && path == "search" {
            zoho.add("Leads", json!({ "Last_Name": "כהן" }));
            zoho.change("Leads", &json!({ "id": "5477061000001234567" }));
        }
        zoho.play_next(path, file);
        let now = app.clock.now();
        app.runner.drain().await.unwrap();
        let job = push(&app).await;
        let text = |key: &str| job[key].as_str().unwrap_or_default().to_owned();
        let wait = || (text("due_at").parse::<chrono::DateTime<chrono::Utc>>().unwrap() - now).num_seconds();
        let came_to = match job["outcome"].as_str() {
            Some("done") => text("note"),
            Some(outcome) => format!("{outcome} {}", text("last_error")),
            None if job["attempts"] == 1 => format!("again {}", text("last_error")),
            None => format!("{} {}", wait(), text("last_error")),
        };
        assert_eq!(came_to, expected, "{file}");
        assert_eq!(job["needs_person"], came_to.contains("not authorized"), "{file}: {job}");
        // Later, when all is well again, everything that may be is told.
        if !came_to.starts_with("dead") {
            for _ in 0..2 {
                app.clock.advance(TimeDelta::minutes(16));
                app.run_everything().await;
            }
            assert_eq!(push(&app).await["outcome"], "done", "{file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_asked_for_is_kept_and_a_lost_answer_is_asked_again() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho).await;
    calls(&app, 1).await;
    app.run_everything().await;
    app.clock.advance(TimeDelta::minutes(1));
    let busy = json!({ "code": "TOO_MANY_REQUESTS", "details": {}, "message": "no", "status": "error" }).to_string();
    zoho.answer_next("upsert", 429, &[("retry-after", "77")], &busy);
    app.runner.drain().await.unwrap();
    let job = push(&app).await;
    let due: chrono::DateTime<chrono::Utc> = job["due_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(((due - app.clock.now()).num_seconds(), &job["attempts"]), (77, &json!(0)));
    app.clock.advance(TimeDelta::seconds(77));
    zoho.drop_next("upsert");
    app.runner.drain().await.unwrap();
    let job = push(&app).await;
    assert_eq!((&job["unknown_outcomes"], &job["outcome"]), (&json!(1), &Value::Null), "{job}");
    app.clock.advance(TimeDelta::minutes(1));
    app.runner.drain().await.unwrap();
    assert_eq!((&push(&app).await["outcome"], zoho.records("Leads").len()), (&json!("done"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_one_token_and_it_is_shown_nowhere() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho).await;
    calls(&app, 12).await;
    let runner = || Runner::new(jobs::all(), Arc::clone(&app.desk), Duration::from_millis(10), Arc::default());
    let (one, other, third) = (runner(), runner(), runner());
    let (a, b, c) = tokio::join!(one.drain(), other.drain(), third.drain());
    assert_eq!(a.unwrap().done + b.unwrap().done + c.unwrap().done, 12);
    assert_eq!(zoho.tokens_made(), 1);
    let sealed = app.value("select token from oauth_tokens").await;
    let opened = app.keys.open(switchhook::crypto::purpose::OAUTH_TOKEN, sealed.as_str().unwrap()).unwrap();
    let token = serde_json::from_str::<serde_json::Value>(opened.expose()).unwrap()["access_token"].clone();
    assert_eq!(
        app.value(&format!("select count(*) from jobs j where to_jsonb(j)::text like '%{}%'", token.as_str().unwrap()))
            .await,
        0
    );

    // One that is not given out is asked for by nobody until its time.
    app.execute("delete from oauth_tokens").await;
    app.clock.advance(TimeDelta::minutes(1));
    zoho.play_next("token", sample!("03_token_refresh_throttled.json"));
    let (a, b, c) = tokio::join!(one.drain(), other.drain(), third.drain());
    assert_eq!(a.unwrap().postponed + b.unwrap().postponed + c.unwrap().postponed, 12);
    assert_eq!(zoho.tokens_made(), 1);
    app.clock.advance(TimeDelta::minutes(15));
    let (a, b, c) = tokio::join!(one.drain(), other.drain(), third.drain());
    assert_eq!(a.unwrap().done + b.unwrap().done + c.unwrap().done, 12);
    assert_eq!((zoho.tokens_made(), zoho.records("Leads").len()), (2, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_died_while_it_made_a_token_holds_up_nobody_for_long() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho).await;
    calls(&app, 1).await;
    app.runner.drain().await.unwrap();
    // The token ended; another process began to make one two seconds before its lease ends.
    app.execute("update oauth_tokens set token = null, refreshing_until = now() + interval '2 seconds'").await;
    app.clock.advance(TimeDelta::minutes(1));
    assert_eq!(app.runner.drain().await.unwrap().done, 1);
    assert_eq!(zoho.tokens_made(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn real_processes_share_the_work_and_one_token() {
    let zoho = ZohoStub::start().await;
    let url = zoho.base_url.clone();
    let settings = [
        ("INTEGRATIONS__ZOHO__ACCOUNTS_URL", url.as_str()),
        ("INTEGRATIONS__ZOHO__CLIENT_ID", ZohoStub::CLIENT_ID),
        ("INTEGRATIONS__ZOHO__CLIENT_SECRET", ZohoStub::CLIENT_SECRET),
        ("INTEGRATIONS__ZOHO__REFRESH_TOKEN", ZohoStub::REFRESH_TOKEN),
        ("CRM__PUSH_DELAY", "1s"),
        ("JOBS__POLL_INTERVAL", "50ms"),
        ("LOG__LEVEL", "debug"),
    ];
    let app = TestApp::spawn().await;
    let database = app.value("current_database()").await;
    let database_url = url_of(database.as_str().unwrap());
    let one = Binary::serve(&database_url, &["--only", "work"], &settings).await;
    let other = Binary::serve(&database_url, &["--only", "work"], &settings).await;
    app.eventually("select count(*) = 1 from crm_tenants").await;
    for n in 0..8 {
        let body = json!({ "event": "call_started", "call": { "call_id": format!("c{n}"), "direction": "inbound",
            "from_number": format!("+1555010010{n}"), "to_number": "+15550100199", "call_status": "ongoing" } });
        app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    }
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if zoho.records("Leads").len() == 8 {
            break;
        }
    }
    let logs = one.log() + &other.log();
    assert_eq!((zoho.records("Leads").len(), zoho.tokens_made()), (8, 1), "{logs}");
    for secret in ["1000.EXAMPLE", "5550100"] {
        assert!(!logs.contains(secret), "{secret} is in the log");
    }
    // The commands, with and without a CRM.
    let run = |arguments: &[&str], settings: &[(&str, &str)]| {
        let mut command = Binary::command(&database_url);
        command.args(arguments).envs(settings.iter().map(|(name, value)| (format!("SWITCHHOOK__{name}"), value)));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let (code, text) = run(&["--json", "crm", "status"], &settings);
    let status: Value =
        serde_json::from_str(text.lines().skip_while(|line| *line != "[").collect::<String>().as_str()).unwrap();
    assert_eq!((code, &status[0]["is_active"], &status[0]["linked"]), (Some(0), &json!(true), &json!(8)), "{text}");
    let (code, text) = run(&["crm", "pull", "--all"], &settings);
    assert!(code == Some(0) && text.contains("jobs run"), "{text}");
    let (code, text) = run(&["crm", "push", "--phone", "+15550100999"], &settings);
    assert!(code == Some(1) && text.contains("no such lead"), "{text}");
    let (code, text) = run(&["crm", "push", "--phone", "nonsense"], &settings);
    assert_eq!(code, Some(2), "{text}");
    drop((one, other));
    let (code, text) = run(&["crm", "push"], &[]);
    assert!(code == Some(1) && text.contains("no CRM is configured"), "{text}");
    let (code, text) = run(&["crm", "differing"], &[]);
    assert!(code == Some(0) && text.contains("(none)"), "{text}");
}
