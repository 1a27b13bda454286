//! The two analyses: asked once a call, within the budget, and back as events that cost nothing to replay.

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::providers;

use crate::support::TestApp;
use crate::support::vendors::openai::{API_KEY, MODEL, OpenAiStub};

const CALLER: &str = "+15550100123";

async fn spawn(openai: &OpenAiStub, settings: &[(&str, &str)]) -> TestApp {
    let base_url = openai.base_url.clone();
    let own = [
        ("INTEGRATIONS__OPENAI__BASE_URL", base_url.as_str()),
        ("INTEGRATIONS__OPENAI__API_KEY", API_KEY),
        ("INTEGRATIONS__OPENAI__MODEL", MODEL),
        ("ANALYSIS__INPUT_USD_PER_MILLION", "1.0"),
        ("ANALYSIS__OUTPUT_USD_PER_MILLION", "4.0"),
    ];
    let all: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
    TestApp::spawn_with(&all, providers::registry()).await
}

async fn call(app: &TestApp, call_id: &str) {
    let now = app.clock.now().timestamp_millis();
    let body = json!({ "event": "call_ended", "call": {
        "call_id": call_id, "direction": "inbound", "from_number": CALLER, "to_number": "+15550100199",
        "call_status": "ended", "start_timestamp": now - 60_000, "end_timestamp": now, "duration_ms": 60_000,
        "transcript": "Agent: Good morning, how can I help you?\nUser: I would like to buy two of them by Friday.\n",
    } });
    app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    app.clock.advance(TimeDelta::minutes(1));
}

fn individual(score: i64) -> Value {
    json!({
        "language": "en", "summary": "They want two by Friday.", "topics": ["order"], "interests": ["two of them"],
        "pain_points": [], "objections": [], "next_steps": ["send the order form"], "outcome": "follow_up",
        "name": "Sam Sample", "email": "sam@example.com", "phone": null,
        "complaint": { "kind": "none", "reason": null }, "sentiment": "positive",
        "behaviour": { "certainty": 7, "variety": null, "significance": 5, "connection": 6, "growth": null,
            "contribution": null },
        "lead_score": score,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_analysed_on_its_own_and_the_person_over_all_of_them() {
    let openai = OpenAiStub::start().await;
    let app = spawn(&openai, &[]).await;
    openai.answer_with("analyze_call", individual(80));
    call(&app, "c1").await;
    app.run_everything().await;
    openai.answer_with("analyze_call", individual(60));
    call(&app, "c2").await;
    app.run_everything().await;
    let analyses = app.rows("select to_jsonb(a) from lead_analytics a order by kind, analysed_at").await;
    assert_eq!(analyses.len(), 3, "one for each call, one for the person");
    let (complete, first) = (&analyses[0], &analyses[1]);
    assert_eq!((&complete["kind"], complete["score"].as_f64()), (&json!("complete"), Some(70.0)));
    assert_eq!(complete["data"]["interactions"], 2, "counted by us");
    assert_eq!(
        (first["score"].as_f64(), &first["sentiment"], &first["source"]),
        (Some(80.0), &json!("positive"), &json!("openai"))
    );
    let lead = app.rows("select to_jsonb(l) from leads l").await.remove(0);
    assert_eq!((&lead["name"], &lead["email"]), (&json!("Sam Sample"), &json!("sam@example.com")));
    assert_eq!((&lead["stage"], &lead["profile"]["certainty"]), (&json!("qualified"), &json!(7)));
    assert_eq!(app.value("select count(*) from calls where completed_at is not null").await, 2);
    assert_eq!(
        app.value("select count(*) from webhook_events where provider = 'switchhook' and payload ? 'usage'").await,
        4
    );

    // What people set by hand stays, and a replay asks nobody and changes nothing.
    app.execute("update leads set name_by_hand = 'Samuel'").await;
    let (before, asked) = (app.dump().await, openai.requests().len());
    app.execute("update webhook_events set processed_at = null").await;
    app.run_everything().await;
    assert_eq!((app.dump().await, openai.requests().len()), (before, asked));
    assert_eq!(app.value("select name from lead_facts").await, "Samuel");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_analysis_outweighs_the_platforms_in_either_order() {
    let analyzed = json!({ "event": "call_analyzed", "call": { "call_id": "c1", "direction": "inbound",
        "from_number": CALLER, "to_number": "+15550100199", "call_status": "ended",
        "call_analysis": { "call_summary": "The platform's own words.", "user_sentiment": "Negative" } } });
    let mut dumps = Vec::new();
    for platform_first in [true, false] {
        let openai = OpenAiStub::start().await;
        openai.answer_with("analyze_call", individual(80));
        let app = spawn(&openai, &[]).await;
        let retell = providers::find("retell").unwrap();
        if platform_first {
            app.post(retell, &analyzed.to_string()).await.assert_outcome("accepted");
        }
        call(&app, "c1").await;
        app.run_everything().await;
        if !platform_first {
            app.post(retell, &analyzed.to_string()).await.assert_outcome("accepted");
        }
        app.run_everything().await;
        dumps.push(app.rows("select to_jsonb(a) -> 'summary' from lead_analytics a where kind = 'individual'").await);
    }
    assert_eq!(dumps[0], [json!("They want two by Friday.")]);
    assert_eq!(dumps[0], dumps[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_their_verdicts() {
    let openai = OpenAiStub::start().await;
    let app = spawn(&openai, &[]).await;
    openai.answer_next(
        500,
        &[],
        json!({ "error": { "message": "x", "type": "server_error", "code": "server_error" } }),
    );
    call(&app, "again").await;
    app.run_everything().await;
    assert_eq!(app.value("select attempts from jobs where kind = 'analyze_call'").await, 1);
    app.clock.advance(TimeDelta::seconds(2));
    app.run_everything().await;
    assert_eq!(app.value("select outcome from jobs where kind = 'analyze_call'").await, "done");

    openai.answer_next(
        429,
        &[],
        json!({ "error": { "message": "x", "type": "insufficient_quota", "code": "insufficient_quota" } }),
    );
    call(&app, "no money").await;
    app.run_everything().await;
    let waits = app.rows("select to_jsonb(j) from jobs j where kind = 'analyze_call' and settled_at is null").await;
    assert_eq!((waits.len(), &waits[0]["attempts"]), (1, &json!(0)), "it is not tried at once, and not given up");
    // A lost answer may be asked for again, and is counted.
    app.clock.advance(TimeDelta::hours(1));
    openai.drop_next();
    app.run_everything().await;
    app.clock.advance(TimeDelta::hours(1));
    app.run_everything().await;
    assert_eq!(app.value("select sum(unknown_outcomes)::int from jobs where kind = 'analyze_call'").await, 1);
    assert_eq!(app.value("select count(*) from jobs where kind = 'analyze_call' and outcome = 'done'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_a_day_is_never_exceeded() {
    let openai = OpenAiStub::start().await;
    let app = spawn(&openai, &[("ANALYSIS__DAILY_BUDGET_USD", "0.05")]).await;
    for n in 0..8 {
        call(&app, &format!("c{n}")).await;
    }
    app.run_until_idle().await;
    app.runner.drain().await.unwrap();
    let asked = openai.requests().len();
    assert!((1..8).contains(&asked), "{asked} were asked");
    assert_eq!(app.value("select sum(used) <= 0.05 from allowances").await, true);
    let waiting =
        app.rows("select to_jsonb(last_error) from jobs where kind = 'analyze_call' and settled_at is null").await;
    assert!(waiting.iter().all(|error| *error == "the day's budget of analyses is used up"), "{waiting:?}");
    // The next days it goes on: at least one a day, more where fewer reserve at the same time.
    for _ in 0..8 {
        app.clock.advance(TimeDelta::hours(25));
        app.run_everything().await;
    }
    assert_eq!(app.value("select count(*) from jobs where kind = 'analyze_call' and outcome = 'done'").await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nobody_is_asked_and_a_short_transcript_is_left_alone() {
    let openai = OpenAiStub::start().await;
    let app = spawn(&openai, &[("INTEGRATIONS__OPENAI__API_KEY", "")]).await;
    call(&app, "c1").await;
    app.run_everything().await;
    let job = app.rows("select to_jsonb(j) from jobs j").await.remove(0);
    assert!(job["outcome"] == "skipped" && job["preview"].as_str().unwrap().contains(MODEL), "{job}");
    assert!(openai.requests().is_empty());

    let app = spawn(&openai, &[("ANALYSIS__TRANSCRIPT_CHARS_MIN", "1000")]).await;
    call(&app, "c1").await;
    app.run_everything().await;
    assert_eq!(app.value("select note from jobs").await, "the transcript is too short to be analysed");
    assert!(openai.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_no_table_can_hold_is_kept_all_the_same_and_asked_for_once() {
    let openai = OpenAiStub::start().await;
    let app = spawn(&openai, &[]).await;
    let mut answer = individual(80);
    answer["summary"] = json!("They want\u{0}two.");
    openai.answer_with("analyze_call", answer);
    call(&app, "c1").await;
    app.run_everything().await;
    assert_eq!(
        app.value("select summary from lead_analytics where kind = 'individual'").await,
        "They want\u{fffd}two."
    );
    // Where the name of a field cannot be held either, the job ends: asked again, it would only cost again.
    openai.answer_with("analyze_call", json!({ "summary\u{0}": "x" }));
    call(&app, "c2").await;
    app.run_everything().await;
    app.clock.advance(TimeDelta::hours(2));
    app.run_everything().await;
    let error = app.value("select last_error from jobs where outcome = 'dead'").await;
    assert!(error.as_str().unwrap().starts_with("it was done, and what came of it could not be written"), "{error}");
    assert_eq!(
        openai.requests().iter().filter(|seen| seen.body["text"]["format"]["name"] == "analyze_call").count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_schema_refuses_ends_the_job_and_is_not_paid_for_again() {
    let openai = OpenAiStub::start().await;
    let app = spawn(&openai, &[]).await;
    openai.answer_with("analyze_call", individual(80));
    app.execute("alter table webhook_events add constraint no_results check (provider <> 'switchhook')").await;
    call(&app, "c1").await;
    app.run_everything().await;
    app.clock.advance(TimeDelta::hours(2));
    app.run_everything().await;
    let error = app.value("select last_error from jobs where outcome = 'dead'").await;
    assert_eq!(
        error,
        "it was done, and what came of it could not be written: database error 23514 (constraint violated) on table \
         webhook_events by constraint no_results"
    );
    assert_eq!(openai.requests().len(), 1);
}
