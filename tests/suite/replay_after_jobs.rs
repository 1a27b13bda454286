//! Replay after everything that follows from the events was done as well: whatever is replayed, no row changes, no job
//! runs, no vendor hears of it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::providers;

use crate::support::vendors::SlackStub;
use crate::support::vendors::openai::{API_KEY, MODEL, OpenAiStub};
use crate::support::vendors::whatsapp::{TOKEN, WhatsAppStub};
use crate::support::{Dice, TestApp, fixtures};

/// The kinds of jobs that must have been done for this to prove anything.
const KINDS: [&str; 6] =
    ["analyze_call", "analyze_lead", "resend_message", "send_alert", "send_reminder", "start_outreach"];
const CALLER: &str = "15550100123";

struct Vendors {
    whatsapp: WhatsAppStub,
    openai: OpenAiStub,
    slack: SlackStub,
}

impl Vendors {
    fn requests(&self) -> (usize, usize, usize) {
        (self.whatsapp.requests().len(), self.openai.requests().len(), self.slack.requests().len())
    }
}

/// Everything that events and jobs write, whole.
async fn dump(app: &TestApp) -> Value {
    let mut all = app.dump().await;
    for (name, statement) in [
        ("jobs", "select to_jsonb(t) from jobs t order by id"),
        ("outreaches", "select to_jsonb(t) from outreaches t order by id"),
        ("allowances", "select to_jsonb(t) from allowances t order by tenant_id, subject, day"),
        ("incidents", "select to_jsonb(t) from incidents t order by id"),
        ("lead_analytics", "select to_jsonb(t) from lead_analytics t order by id"),
        ("charges", "select to_jsonb(t) from charges t order by call_id"),
        (
            "events",
            "select jsonb_build_array(id, provider, outcome, note, tenant_id, payload) from webhook_events order by id",
        ),
        ("balances", "select to_jsonb(t) from balances t order by tenant_id"),
    ] {
        all[name] = Value::Array(app.rows(statement).await);
    }
    all
}

async fn call(app: &TestApp, call_id: &str, more: Value) {
    let now = app.clock.now().timestamp_millis();
    let mut call = json!({ "call_id": call_id, "direction": "inbound", "from_number": format!("+{CALLER}"),
        "to_number": "+15550109999", "start_timestamp": now - 60_000, "end_timestamp": now });
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = json!({ "event": "call_ended", "call": call }).to_string();
    app.post(providers::find("retell").unwrap(), &body).await.assert_outcome("accepted");
}

/// Meta reports on our messages to the caller: the first has failed for now, the others are read.
async fn report_on_messages(app: &TestApp) {
    let at = app.clock.now().timestamp();
    let ours = format!(
        "select jsonb_build_array(provider_message_id, job_id) from messages
         where job_id is not null and contact_number = '+{CALLER}' order by sent_at, id"
    );
    for (number, message) in app.rows(&ours).await.iter().enumerate() {
        let mut status = json!({ "id": message[0], "status": if number == 0 { "failed" } else { "read" },
            "timestamp": at.to_string(), "recipient_id": CALLER, "biz_opaque_callback_data": message[1] });
        if number == 0 {
            status["errors"] = json!([{ "code": 131_016, "title": "x" }]);
        }
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages",
            "value": { "messaging_product": "whatsapp", "metadata": { "display_phone_number": "15550109999" },
                       "statuses": [status] } }] }] });
        app.post(providers::find("whatsapp").unwrap(), &body.to_string()).await.assert_status(200);
    }
}

/// Days pass until nothing is left to do.
async fn finish(app: &TestApp) {
    for _ in 0..60 {
        app.run_everything().await;
        if app.value("select count(*) from jobs where settled_at is null").await == 0 {
            return;
        }
        app.clock.advance(TimeDelta::hours(4));
    }
    panic!("jobs are left: {:?}", app.rows("select to_jsonb(j) from jobs j where settled_at is null").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_again() {
    let vendors = Vendors {
        whatsapp: WhatsAppStub::start().await,
        openai: OpenAiStub::start().await,
        slack: SlackStub::start().await,
    };
    vendors.whatsapp.approve("missed_call", "en", 0);
    let (whatsapp, openai) = (vendors.whatsapp.base_url.clone(), vendors.openai.base_url.clone());
    let slack = vendors.slack.webhook_url.clone();
    let settings = [
        ("INTEGRATIONS__WHATSAPP__BASE_URL", whatsapp.as_str()),
        ("INTEGRATIONS__WHATSAPP__TOKEN", TOKEN),
        ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "106540352242922"),
        ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call"),
        ("INTEGRATIONS__OPENAI__BASE_URL", openai.as_str()),
        ("INTEGRATIONS__OPENAI__API_KEY", API_KEY),
        ("INTEGRATIONS__OPENAI__MODEL", MODEL),
        ("INTEGRATIONS__SLACK__WEBHOOK_URL", slack.as_str()),
        ("OUTREACH__QUIET_HOURS", ""),
        // So that every conversation is one worth a call.
        ("ANALYSIS__QUALIFIED_SCORE", "0"),
    ];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    // Events that do not say when they happened happened when the database got them.
    let now: chrono::DateTime<chrono::Utc> = app.value("now()").await.as_str().unwrap().parse().unwrap();
    app.clock.advance(now - app.clock.now());
    app.set_rate("0.9", 6, 10).await;
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    call(&app, "missed", json!({ "call_status": "not_connected" })).await;
    app.run_until_idle().await;
    app.clock.advance(TimeDelta::minutes(2));
    app.run_everything().await;
    report_on_messages(&app).await;
    app.clock.advance(TimeDelta::minutes(2));
    app.run_everything().await;
    finish(&app).await;
    // Then they talk, after all.
    let transcript = "Agent: Good morning, how can I help you?\nUser: I would like to buy two of them by Friday.";
    call(&app, "talked", json!({ "call_status": "ended", "duration_ms": 60_000, "transcript": transcript })).await;
    finish(&app).await;

    let done: BTreeSet<String> = app
        .rows("select distinct to_jsonb(kind) from jobs where outcome = 'done'")
        .await
        .iter()
        .map(|kind| kind.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(done, KINDS.map(str::to_owned).into(), "not every kind was done");
    assert!(app.value("select count(*) from charges where amount > 0").await.as_i64().unwrap() > 5);
    let (before, requests) = (dump(&app).await, vendors.requests());
    let events = app.rows("select to_jsonb(id) from webhook_events order by id").await;
    let mut dice = Dice::new(17);
    for round in 0..8 {
        let chosen: Vec<String> = events
            .iter()
            .filter(|_| round == 0 || dice.below(3) == 0)
            .map(|id| format!("'{}'", id.as_str().unwrap()))
            .collect();
        app.execute(&format!("update webhook_events set processed_at = null where id in ({})", chosen.join(","))).await;
        app.clock.advance(TimeDelta::hours(7));
        app.run_everything().await;
        assert_eq!(vendors.requests(), requests, "round {round}");
        let after = dump(&app).await;
        for (table, rows) in before.as_object().unwrap() {
            assert_eq!(&after[table], rows, "round {round}: {table}");
        }
    }
    // Replayed while jobs wait: what was put off is not called back.
    call(&app, "missed again", json!({ "call_status": "not_connected" })).await;
    app.run_until_idle().await;
    app.clock.advance(TimeDelta::minutes(2));
    vendors.whatsapp.answer_next(429, &[("retry-after", "600")], json!({ "error": { "code": 130_429 } }));
    app.run_everything().await;
    let waiting = app.rows("select to_jsonb(j) from jobs j where settled_at is null").await;
    assert_eq!((waiting.len(), &waiting[0]["attempts"]), (1, &json!(0)), "{waiting:?}");
    app.execute("update webhook_events set processed_at = null").await;
    app.run_everything().await;
    assert_eq!(app.rows("select to_jsonb(j) from jobs j where settled_at is null").await, waiting);
}
