//! Every published answer of every vendor, played to the job that asks: what is then written in `jobs`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use switchhook::providers;

use crate::support::TestApp;
use crate::support::vendors::openai::{API_KEY, MODEL, OpenAiStub};
use crate::support::vendors::whatsapp::{TOKEN, WhatsAppStub};
use crate::support::vendors::{SlackStub, TwilioStub};

/// How an answer leaves the job.
enum End {
    /// Settled, with this outcome and nothing unknown.
    Settled(&'static str),
    /// Pending: attempts spent, and due in so many seconds.
    Again(i64, RangeInclusive<i64>),
    /// Pending until a person acts.
    Person,
    /// Pending, with an attempt spent of which nobody knows what it did.
    Unknown(RangeInclusive<i64>),
}
use End::{Again, Person, Settled, Unknown};

/// What the CRM's own tests play; no job of this table asks Zoho.
const ELSEWHERE: &str = "zoho-crm";

fn whatsapp() -> Vec<(&'static str, End)> {
    vec![
        ("01_send_text", Settled("done")),
        ("02_send_template", Settled("done")),
        ("03_error_131047_window_closed", Settled("dead")),
        ("04_error_130429_rate_limit", Again(1, 0..=2)),
        ("05_error_131056_pair_rate", Again(1, 0..=2)),
        ("06_error_131026_undeliverable", Settled("dead")),
        ("07_error_190_token", Person),
        ("08_error_132001_template", Settled("dead")),
        ("09_error_131000_unknown", Again(1, 0..=2)),
        ("webhook_status_failed", Settled("done")),
    ]
}

fn openai() -> Vec<(&'static str, End)> {
    vec![
        ("01_prompt_json_schema", Settled("done")),
        ("02_inline_instructions_json_schema", Settled("done")),
        ("03_refusal", Settled("dead")),
        ("04_incomplete_truncated_json", Settled("dead")),
        ("05_failed_in_body", Again(1, 0..=1)),
        ("06_error_429_rate_limit", Again(0, 1..=2)),
        ("07_error_429_insufficient_quota", Person),
        ("08_error_400_invalid_request", Settled("dead")),
        ("09_error_401_invalid_key", Person),
        ("10_error_503_overloaded", Again(0, 10..=10)),
        ("11_error_500", Again(1, 0..=1)),
        ("12_error_404_prompt_gone", Person),
    ]
}

fn slack() -> Vec<(&'static str, End)> {
    vec![
        ("01_send_ok", Settled("done")),
        ("02_error_400_invalid_payload", Settled("dead")),
        ("03_error_403_action_prohibited", Person),
        ("04_error_404_no_service", Person),
        ("05_error_410_channel_is_archived", Person),
        ("06_error_429", Again(0, 30..=30)),
        ("07_error_500_rollup", Again(1, 2..=5)),
        ("08_error_404_channel_not_found", Person),
    ]
}

fn twilio() -> Vec<(&'static str, End)> {
    vec![
        ("01_send_sms", Settled("done")),
        ("02_error_21211_invalid_to", Settled("dead")),
        ("03_error_21610_unsubscribed", Settled("dead")),
        ("04_error_20003_auth", Person),
        ("05_error_20429", Again(1, 2..=5)),
        ("06_error_20404", Person),
        ("07_error_21408_geo", Settled("dead")),
        ("08_error_500", Unknown(2..=5)),
    ]
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outbound")
}

/// A sample: its text, and the answer in it.
fn sample(vendor: &str, name: &str) -> (String, u16, Vec<(String, String)>, String) {
    let text = std::fs::read_to_string(folder().join(vendor).join(format!("{name}.json"))).unwrap();
    let sample: Value = serde_json::from_str(&text).unwrap();
    let response = &sample["response"];
    let headers = response["headers"].as_object().into_iter().flatten();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    let body = response["body_text"].as_str().map_or_else(|| response["body"].to_string(), str::to_owned);
    let status = u16::try_from(response["status"].as_u64().unwrap_or(200)).unwrap();
    (text, status, headers, body)
}

async fn assert_end(app: &TestApp, kind: &str, name: &str, end: &End) {
    let job = app.rows(&format!("select to_jsonb(j) from jobs j where kind = '{kind}'")).await.remove(0);
    let due: DateTime<Utc> = job["due_at"].as_str().unwrap().parse().unwrap();
    let wait = (due - app.clock.now()).num_seconds();
    let found = (job["outcome"].as_str(), job["attempts"].as_i64().unwrap());
    let flags = (job["needs_person"].as_bool().unwrap(), job["unknown_outcomes"].as_i64().unwrap());
    let (expected, waits) = match end {
        Settled(outcome) => ((Some(*outcome), 0, false, 0), None),
        Again(attempts, wait) => ((None, *attempts, false, 0), Some(wait.clone())),
        Person => ((None, 0, true, 0), Some(900..=900)),
        Unknown(wait) => ((None, 1, false, 1), Some(wait.clone())),
    };
    assert_eq!((found.0, found.1, flags.0, flags.1), expected, "{name}: {job}");
    assert!(waits.is_none_or(|waits| waits.contains(&wait)), "{name}: due in {wait} s: {job}");
    assert!(job["lease_until"].is_null() && job["sending_at"].is_null(), "{name}: {job}");
    let has_failed = job["outcome"] != "done";
    assert_eq!(job["last_error"].is_string(), has_failed, "{name}: {job}");
    for personal in ["15550100123", "16505551234", "972"] {
        assert!(!job["last_error"].to_string().contains(personal), "{name}: {job}");
    }
}

async fn call(app: &TestApp, status: &str, transcript: Option<&str>) {
    let now = app.clock.now().timestamp_millis();
    let body = json!({ "event": "call_ended", "call": { "call_id": "c1", "direction": "inbound",
        "from_number": "+15550100123", "to_number": "+15550100199", "call_status": status, "duration_ms": 20_000,
        "start_timestamp": now - 20_000, "end_timestamp": now, "transcript": transcript } });
    app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    app.clock.advance(TimeDelta::minutes(2));
}

#[test]
fn every_sample_has_its_row() {
    let tables =
        [("whatsapp", whatsapp()), ("openai-responses", openai()), ("slack", slack()), ("twilio-sms", twilio())];
    let known: BTreeSet<String> = tables
        .iter()
        .flat_map(|(vendor, table)| table.iter().map(move |(name, _)| format!("{vendor}/{name}.json")))
        .collect();
    let mut found = BTreeSet::new();
    for vendor in std::fs::read_dir(folder()).unwrap() {
        let vendor = vendor.unwrap().file_name().into_string().unwrap();
        for file in std::fs::read_dir(folder().join(&vendor)).unwrap().filter(|_| vendor != ELSEWHERE) {
            found.insert(format!("{vendor}/{}", file.unwrap().file_name().into_string().unwrap()));
        }
    }
    assert_eq!(found, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_says_ends_the_job_as_the_table_says() {
    for (name, end) in whatsapp() {
        let stub = WhatsAppStub::start().await;
        stub.approve("missed_call", "en", 0);
        let base_url = stub.base_url.clone();
        let settings = [
            ("INTEGRATIONS__WHATSAPP__BASE_URL", base_url.as_str()),
            ("INTEGRATIONS__WHATSAPP__TOKEN", TOKEN),
            ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "106540352242922"),
            ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call"),
        ];
        let app = TestApp::spawn_with(&settings, providers::registry()).await;
        let (text, status, headers, body) = sample("whatsapp", name);
        let is_webhook = name.starts_with("webhook");
        if !is_webhook {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            stub.answer_next(status, &headers, body);
        }
        call(&app, "not_connected", None).await;
        app.run_everything().await;
        if !is_webhook {
            assert_end(&app, "start_outreach", name, &end).await;
            let is_counted = matches!(end, Settled("done"));
            let used = app.value("select coalesce(sum(used), 0)::int from allowances where subject = 'messages'").await;
            assert_eq!(used, json!(i32::from(is_counted)), "{name}: what was refused is given back");
            continue;
        }
        // The same code, but in a status after it was accepted: sent again by template.
        let mut webhook: Value = serde_json::from_str(&text).unwrap();
        let row = app.rows("select to_jsonb(m) from messages m").await.remove(0);
        let report = webhook.pointer_mut("/entry/0/changes/0/value/statuses/0").unwrap();
        report["recipient_id"] = json!("15550100123");
        report["id"] = row["provider_message_id"].clone();
        report["biz_opaque_callback_data"] = row["job_id"].clone();
        app.post(providers::find("whatsapp").unwrap(), &webhook.to_string()).await.assert_outcome("accepted");
        app.clock.advance(TimeDelta::minutes(2));
        app.run_everything().await;
        assert_end(&app, "resend_message", name, &end).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_openai_says_ends_the_job_as_the_table_says() {
    for (name, end) in openai() {
        let stub = OpenAiStub::start().await;
        let base_url = stub.base_url.clone();
        let settings = [
            ("INTEGRATIONS__OPENAI__BASE_URL", base_url.as_str()),
            ("INTEGRATIONS__OPENAI__API_KEY", API_KEY),
            ("INTEGRATIONS__OPENAI__MODEL", MODEL),
        ];
        let app = TestApp::spawn_with(&settings, providers::registry()).await;
        let (_, status, headers, body) = sample("openai-responses", name);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        stub.answer_next(status, &headers, body);
        call(&app, "ended", Some("Agent: Good morning, how can I help you?\nUser: I would like to buy two of them."))
            .await;
        app.run_until_idle().await;
        app.runner.drain().await.unwrap();
        assert_end(&app, "analyze_call", name, &end).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_and_twilio_say_ends_the_alert_as_the_table_says() {
    let all = slack().into_iter().map(|row| ("slack", row)).chain(twilio().into_iter().map(|row| ("twilio-sms", row)));
    for (vendor, (name, end)) in all {
        let (slack, twilio) = (SlackStub::start().await, TwilioStub::start().await);
        let (webhook_url, base_url) = (slack.webhook_url.clone(), twilio.base_url.clone());
        let settings: &[(&str, &str)] = match vendor {
            "slack" => &[("INTEGRATIONS__SLACK__WEBHOOK_URL", webhook_url.as_str())],
            _ => &[
                ("INTEGRATIONS__TWILIO__BASE_URL", base_url.as_str()),
                ("INTEGRATIONS__TWILIO__ACCOUNT_SID", TwilioStub::ACCOUNT_SID),
                ("INTEGRATIONS__TWILIO__AUTH_TOKEN", TwilioStub::AUTH_TOKEN),
                ("INTEGRATIONS__TWILIO__FROM", "+15550100199"),
                ("ALERTS__SMS_TO", "+15550100123"),
            ],
        };
        let app = TestApp::spawn_with(settings, providers::registry()).await;
        let (text, ..) = sample(vendor, name);
        match vendor {
            "slack" => slack.play_next(&text),
            _ => twilio.play_next(&text),
        }
        app.execute(
            "with i as (insert into incidents (cause, subject, severity, summary, opened_at, last_seen_at, told_at)
                        values ('lag', 'events', 'critical', 'events wait', now(), now(), now()) returning id)
             insert into jobs (tenant_id, kind, key, payload, due_at)
             select '00000000-0000-0000-0000-000000000001', 'send_alert', id::text, jsonb_build_object('incident_id', id),
                    '2026-11-01' from i",
        )
        .await;
        app.runner.drain().await.unwrap();
        assert_end(&app, "send_alert", &format!("{vendor}/{name}"), &end).await;
    }
}
