//! What calls cost: once each, corrected, by the rate that held, in whatever order and however often they are reported.

use std::sync::Arc;

use serde_json::{Value, json};
use switchhook::providers::{self, Provider};
use switchhook::store::billing::{self, CreditState};

use crate::support::{Binary, TestApp, database_url, drop_database};

fn retell() -> &'static dyn Provider {
    providers::find("retell").unwrap()
}

fn call(event: &str, call_id: &str, seconds: f64) -> String {
    let ended_at = 1_788_254_130_000_i64;
    json!({ "event": event, "call": {
        "call_id": call_id, "direction": "inbound", "from_number": "+15550100001", "to_number": "+15550100199",
        "call_status": "ended", "start_timestamp": ended_at - 100_000, "end_timestamp": ended_at,
        "duration_ms": seconds * 1_000.0, "disconnection_reason": "user_hangup",
    }})
    .to_string()
}

async fn charges(app: &TestApp) -> Vec<Value> {
    app.rows(
        "select to_jsonb(concat_ws(' ', provider_call_id, h.seconds, billed_seconds, amount, corrected_at is not null))
         from charges h join calls c on c.id = h.call_id order by provider_call_id",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_charged_once_and_corrected_with_its_duration() {
    let app = TestApp::spawn().await;
    app.set_rate("0.60", 6, 30).await;
    let started = json!({ "event": "call_started", "call": { "call_id": "a", "call_status": "ongoing" } });
    app.post(retell(), &started.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
    assert!(charges(&app).await.is_empty(), "it is not over");
    app.post(retell(), &call("call_ended", "a", 61.5)).await.assert_outcome("accepted");
    app.post(retell(), &call("call_ended", "a", 61.5)).await.assert_outcome("duplicate");
    app.run_until_idle().await;
    assert_eq!(charges(&app).await, ["a 61.500 66 0.660000 f"]);
    app.execute("update webhook_events set processed_at = null").await;
    app.run_until_idle().await;
    assert_eq!(charges(&app).await, ["a 61.500 66 0.660000 f"], "a replay corrects nothing");
    // The later report of the same weight counts.
    let later = call("call_analyzed", "a", 12.0).replace("1788254130000", "1788254131000");
    app.post(retell(), &later).await.assert_outcome("accepted");
    app.run_until_idle().await;
    assert_eq!(charges(&app).await, ["a 12.000 30 0.300000 t"], "and costs the minimum");
    // The other way round it is the same; and so it is when two processors meet.
    app.clear().await;
    for body in [&later, &call("call_ended", "a", 61.5), &call("call_ended", "b", 60.0)] {
        app.post(retell(), body).await.assert_outcome("accepted");
    }
    let (one, two) = (Arc::clone(&app.processor), Arc::clone(&app.processor));
    let (one, two) = tokio::join!(one.drain(u64::MAX, 1), two.drain(u64::MAX, 1));
    assert_eq!(one.unwrap().processed + two.unwrap().processed, 3);
    let seconds = app.rows("select to_jsonb(seconds::text) from charges order by seconds").await;
    assert_eq!(seconds, ["12.000", "60.000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_that_held_when_the_call_came_in_stays_with_it() {
    let app = TestApp::spawn().await;
    app.post(retell(), &call("call_ended", "before", 60.0)).await.assert_outcome("accepted");
    app.run_until_idle().await;
    app.set_rate("1", 1, 0).await;
    app.post(retell(), &call("call_ended", "first", 60.0)).await.assert_outcome("accepted");
    app.run_until_idle().await;
    app.set_rate("2", 60, 120).await;
    app.post(retell(), &call("call_ended", "second", 60.0)).await.assert_outcome("accepted");
    app.run_until_idle().await;
    app.set_rate("null", 1, 0).await;
    app.post(retell(), &call("call_ended", "free", 60.0)).await.assert_outcome("accepted");
    let later = call("call_analyzed", "first", 90.0).replace("1788254130000", "1788254131000");
    app.post(retell(), &later).await.assert_outcome("accepted");
    app.execute("update webhook_events set processed_at = null").await;
    app.run_until_idle().await;
    // Nobody is charged afterwards for what was free, and a correction goes by the old rate.
    assert_eq!(charges(&app).await, ["first 90.000 90 1.500000 t", "second 60.000 120 4.000000 f"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_charged_for_is_the_conversation() {
    let app = TestApp::spawn().await;
    let columns = ["disposition", "answered_at", "ended_at", "talk_ms", "duration_ms"];
    let at = "'2026-01-01T00:00:00Z'";
    for (row, seconds) in [
        (["'answered'", "null", "null", "61500", "70000"], "61.5"),
        (["'answered'", "null", "null", "null", "70000"], "70"),
        (["null", at, "'2026-01-01T00:01:00Z'", "null", "null"], "60"),
        (["null", at, "'2025-01-01T00:01:00Z'", "null", "null"], "0"),
        (["'answered'", "null", "null", "null", "null"], "0"),
        (["'answered'", at, "null", "0", "9000"], "0"),
        (["'voicemail'", "null", "null", "null", "14000"], "14"),
        (["'no_answer'", "null", "null", "0", "29877"], "0"),
        (["'busy'", "null", "null", "null", "3000"], "0"),
        (["null", "null", "null", "null", "3000"], "0"),
        (["'failed'", "null", "null", "5000", "9000"], "5"),
        (["'answered'", "null", "null", "9000000000000", "null"], "999999999"),
    ] {
        let row: Vec<String> = columns.iter().zip(row).map(|(column, value)| format!("'{column}', {value}")).collect();
        let found = format!(
            "trim_scale(billable_seconds(jsonb_populate_record(null::calls, jsonb_build_object({}))))::text",
            row.join(", ")
        );
        assert_eq!(app.value(&found).await, seconds, "{row:?}");
    }
    // The rule: multiples of the step, at least the minimum, and nothing for nothing.
    for (seconds, step, minimum, billed) in [
        ("0.001", 1, 0, 1),
        ("60", 60, 0, 60),
        ("60.001", 60, 0, 120),
        ("0", 60, 60, 0),
        ("31", 6, 30, 36),
        ("2", 6, 30, 30),
    ] {
        let charge = format!(
            "insert into charges (call_id, tenant_id, seconds, rate_per_minute, rounding_seconds, minimum_seconds, currency)
             values (uuid_v7(), uuid_v7(), {seconds}, 0.01, {step}, {minimum}, 'USD')"
        );
        app.execute(&charge).await;
        let found = app.value("select row(billed_seconds, amount * 6000)::text from charges").await;
        let (billed_seconds, _) = found.as_str().unwrap()[1..].split_once(',').unwrap();
        assert_eq!(billed_seconds, billed.to_string(), "{seconds} s by {step} s, at least {minimum} s");
        assert_eq!(app.value("select amount = round(billed_seconds * 0.01 / 60, 6) from charges").await, true);
        app.execute("truncate charges").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn low_and_exhausted_credit_shows_for_those_who_pay_in_advance() {
    let app = TestApp::spawn().await;
    let state = |expected: Option<(&'static str, CreditState)>| {
        let pool = app.pool.clone();
        async move {
            let states = billing::states(&pool).await.unwrap();
            let found: Vec<_> = states.iter().map(|state| (state.balance.as_str(), state.state)).collect();
            let expected: Vec<_> = expected.into_iter().map(|(balance, state)| (balance, Some(state))).collect();
            assert_eq!(found, expected);
        }
    };
    app.set_rate("1", 1, 0).await;
    app.post(retell(), &call("call_ended", "a", 60.0)).await.assert_outcome("accepted");
    app.run_until_idle().await;
    state(None).await;
    let balance = &billing::balances(&app.pool, None).await.unwrap()[0];
    assert_eq!((balance.balance.as_str(), balance.state), ("-1", None), "who pays afterwards is told of nothing");
    app.execute(
        "insert into credits (tenant_id, amount, currency, added_by) select id, 2.5, 'USD', 'test' from tenants",
    )
    .await;
    state(None).await;
    app.execute("update tenants set low_credit = 1.5").await;
    state(Some(("1.5", CreditState::Low))).await;
    app.post(retell(), &call("call_ended", "b", 90.0)).await.assert_outcome("accepted");
    app.run_until_idle().await;
    state(Some(("0", CreditState::Exhausted))).await;
    app.execute("insert into credits (tenant_id, amount, currency, added_by) select id, 2, 'USD', 'test' from tenants")
        .await;
    state(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_credits_and_balances_by_command() {
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
    for (code, line, reason) in [
        (2, "tenant rate acme --per-minute 0.1", "--currency"),
        (2, "tenant rate acme --round-to 6s", "--per-minute"),
        (2, "tenant rate acme --per-minute -1 --currency USD", "-1"),
        (2, "tenant rate acme --per-minute 0.1 --currency EURO", "three letters"),
        (2, "tenant rate acme --per-minute 0.1 --currency USD --round-to 1500ms", "whole seconds"),
        (1, "tenant rate acme --none", "has no rate"),
        (1, "tenant rate nobody", "there is no tenant nobody"),
        (2, "credit add --tenant acme --amount 100", "say --currency"),
        (2, "credit add --tenant acme --amount 1e3", "up to 12 digits"),
        (2, "credit add --tenant acme --amount 0.00 --currency USD", "not nothing"),
    ] {
        let (found, text) = run(line);
        assert!(found == code && text.contains(reason), "{line}: {found} {text}");
    }
    ok("tenant rate acme --per-minute 0.012500 --currency usd --round-to 6s --minimum 30s --low-credit 20");
    ok("tenant rate acme --per-minute 0.02");
    let rates = ok("tenant rate acme");
    assert_eq!((&rates[0]["rate_per_minute"], &rates[1]["rate_per_minute"]), (&json!("0.02"), &json!("0.0125")));
    assert_eq!((&rates[0]["rounding_seconds"], &rates[0]["minimum_seconds"]), (&json!(6), &json!(30)), "as before");
    ok("credit add --tenant acme --amount 100.10 --note invoice-1 --by alice");
    ok("credit add --tenant acme --amount -0.1");
    let credits = ok("credit list --tenant acme");
    assert_eq!((&credits[0]["amount"], &credits[1]["added_by"]), (&json!("-0.1"), &json!("alice")));
    let balance = &ok("balance")[0];
    assert_eq!(
        (&balance["balance"], &balance["low_credit"], &balance["state"]),
        (&json!("100"), &json!("20"), &json!("good"))
    );
    assert_eq!(ok("charges list --since 1h"), json!([]));
    ok("tenant rate acme --none");
    assert_eq!(ok("tenant rate acme")[0]["rate_per_minute"], Value::Null);
    drop_database(&name).await;
}
