//! Caps and budgets while several runners work on the same jobs: a check in the table itself sees every moment.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use switchhook::jobs::{self, Runner};
use switchhook::providers;

use crate::support::TestApp;
use crate::support::vendors::openai::{API_KEY, MODEL, OpenAiStub};
use crate::support::vendors::whatsapp::{TOKEN, WhatsAppStub};

/// Runners at once.
const RUNNERS: usize = 3;

/// Works off what is due, by several runners.
async fn drain(app: &TestApp) {
    app.run_until_idle().await;
    let all = (0..RUNNERS).map(|_| {
        let runner = Runner::new(jobs::all(), Arc::clone(&app.desk), Duration::from_millis(10), Arc::default());
        tokio::spawn(async move { runner.drain().await.unwrap() })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

async fn calls(app: &TestApp, count: u32, status: &str, transcript: Option<&str>) {
    let now = app.clock.now().timestamp_millis();
    for n in 0..count {
        let body = json!({ "event": "call_ended", "call": { "call_id": format!("c{n}"), "direction": "inbound",
            "from_number": format!("+155501{n:05}"), "to_number": "+15550109999", "call_status": status,
            "start_timestamp": now - 20_000, "end_timestamp": now, "duration_ms": 20_000, "transcript": transcript } });
        app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    }
    app.clock.advance(TimeDelta::minutes(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_of_a_day_are_as_many_as_are_allowed_and_not_one_more() {
    let whatsapp = WhatsAppStub::start().await;
    whatsapp.approve("missed_call", "en", 0);
    let base_url = whatsapp.base_url.clone();
    let settings = [
        ("INTEGRATIONS__WHATSAPP__BASE_URL", base_url.as_str()),
        ("INTEGRATIONS__WHATSAPP__TOKEN", TOKEN),
        ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "106540352242922"),
        ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call"),
        ("OUTREACH__PER_TENANT_PER_DAY", "17"),
        ("OUTREACH__REMINDERS", ""),
        ("OUTREACH__MAX_AGE", "72h"),
    ];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    app.execute("alter table allowances add constraint cap check (used between 0 and 17)").await;
    // What is refused is given back, and taken again by whoever comes first.
    let busy = json!({ "error": { "message": "(#130429)", "type": "OAuthException", "code": 130_429 } });
    for _ in 0..9 {
        whatsapp.answer_next(429, &[], &busy);
    }
    calls(&app, 60, "not_connected", None).await;
    for _ in 0..4 {
        drain(&app).await;
        app.clock.advance(TimeDelta::minutes(1));
    }
    assert_eq!(whatsapp.accepted().len(), 17);
    assert_eq!(app.value("select used::int from allowances where subject = 'messages'").await, 17);
    assert_eq!(app.value("select count(*) from jobs where settled_at is null").await, 0);
    let reasons = "select jsonb_build_array(outcome, note, count(*)) from jobs
        where kind = 'start_outreach' group by outcome, note order by 1";
    let expected = [json!(["done", "sent", 17]), json!(["skipped", "the tenant's messages of a day are used up", 43])];
    assert_eq!(app.rows(reasons).await, expected);
    // The next day has messages of its own.
    app.clock.advance(TimeDelta::days(1));
    app.execute(
        "update jobs set settled_at = null, outcome = null, due_at = '2026-11-01'
                 where kind = 'start_outreach' and outcome = 'skipped'",
    )
    .await;
    drain(&app).await;
    assert_eq!(whatsapp.accepted().len(), 34);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_a_day_holds_what_is_asked_at_once() {
    let openai = OpenAiStub::start().await;
    let base_url = openai.base_url.clone();
    let settings = [
        ("INTEGRATIONS__OPENAI__BASE_URL", base_url.as_str()),
        ("INTEGRATIONS__OPENAI__API_KEY", API_KEY),
        ("INTEGRATIONS__OPENAI__MODEL", MODEL),
        ("ANALYSIS__INPUT_USD_PER_MILLION", "1.0"),
        ("ANALYSIS__OUTPUT_USD_PER_MILLION", "4.0"),
        ("ANALYSIS__DAILY_BUDGET_USD", "0.15"),
    ];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    app.execute("alter table allowances add constraint budget check (used between 0 and 0.15)").await;
    // Of a lost answer nobody knows what it cost: what was reserved stays spent.
    openai.drop_next();
    calls(&app, 30, "ended", Some("Agent: Good morning, how can I help you?\nUser: I would like to buy two of them."))
        .await;
    let spent =
        "select coalesce(sum((payload ->> 'cost_usd')::numeric), 0) from webhook_events where provider = 'switchhook'";
    let mut days = 0;
    let is_left = "select exists (select from jobs where settled_at is null)
                       or exists (select from webhook_events where processed_at is null)";
    while app.value(is_left).await == true {
        drain(&app).await;
        let within =
            format!("select coalesce(sum(used), 0) >= ({spent}) and coalesce(max(used), 0) <= 0.15 from allowances");
        assert_eq!(app.value(&within).await, true, "day {days}");
        app.clock.advance(TimeDelta::hours(25));
        days += 1;
        assert!(days < 60, "it does not end");
    }
    assert!(days > 1, "the budget was never reached");
    let ends =
        app.rows("select jsonb_build_array(kind, outcome, count(*)) from jobs group by kind, outcome order by 1").await;
    assert_eq!(ends, [json!(["analyze_call", "done", 30]), json!(["analyze_lead", "done", 30])]);
    // One reservation was lost with its answer, and no other.
    let left = app.value(&format!("select (select sum(used) from allowances) - ({spent})")).await;
    let left = left.as_f64().unwrap();
    assert!((0.03..0.05).contains(&left), "{left} US dollars are counted and were not spent");
    assert_eq!(app.value("select sum(unknown_outcomes) from jobs").await, 1);
}
