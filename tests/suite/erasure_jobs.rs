//! Erasing somebody whom jobs were about: what was sent, what was found out, what is still to be done.

use chrono::TimeDelta;
use serde_json::json;
use switchhook::access::Actor;
use switchhook::providers;
use switchhook::redact::Phone;
use switchhook::retention::{self, Person};

use crate::support::TestApp;
use crate::support::story::{CALLER, DIGITS, Story};
use crate::support::vendors::openai::{API_KEY, MODEL, OpenAiStub};

fn person() -> Person {
    Person { number: Phone::new(CALLER), tenant_id: None }
}

/// The number, the lead's id, which is a digest of it, and Meta's spelling of it in base64.
async fn assert_no_trace(app: &TestApp, lead_id: &str, when: &str) {
    let tables = app
        .rows("select to_jsonb(table_name::text) from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'")
        .await;
    for table in tables.iter().map(|table| table.as_str().unwrap()) {
        for trace in [DIGITS, lead_id, "MTU1NTAxMDAxMjM", "Sam Sample", "buy two of them"] {
            let sql = format!("select to_jsonb(t) from {table} t where to_jsonb(t)::text like '%{trace}%'");
            let found = app.rows(&sql).await;
            assert!(found.is_empty(), "{when}: {trace} in {table}: {found:?}");
        }
    }
}

fn status(message_id: &str, status: &str, at: i64) -> String {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550100199", "phone_number_id": "106540352242922" },
        "statuses": [{ "id": message_id, "status": status, "timestamp": at.to_string(), "recipient_id": DIGITS }] } }] }] })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jobs_did_for_a_person_goes_with_them() {
    let openai = OpenAiStub::start().await;
    let base_url = openai.base_url.clone();
    let story = Story::new(&[
        ("INTEGRATIONS__OPENAI__BASE_URL", &base_url),
        ("INTEGRATIONS__OPENAI__API_KEY", API_KEY),
        ("INTEGRATIONS__OPENAI__MODEL", MODEL),
        ("INTEGRATIONS__WHATSAPP__TOKEN", crate::support::vendors::whatsapp::TOKEN),
    ])
    .await;
    let now = story.app.clock.now().timestamp_millis();
    let body = json!({ "event": "call_ended", "call": {
        "call_id": "spoken", "direction": "inbound", "from_number": CALLER, "to_number": "+15550100199",
        "call_status": "ended", "start_timestamp": now - 160_000, "end_timestamp": now - 100_000, "duration_ms": 60_000,
        "transcript": "Agent: Good morning, how can I help you?\nUser: I would like to buy two of them by Friday.\n" } });
    story.app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!((story.sent(), openai.requests().len()), (1, 2));
    let sent = story.app.value("select provider_message_id from messages").await;
    let sent = sent.as_str().unwrap();
    let at = story.app.clock.now().timestamp();
    let whatsapp = providers::find("whatsapp").unwrap();
    story.app.post(whatsapp, &status(sent, "delivered", at)).await.assert_outcome("accepted");
    story.jobs().await;
    let lead = story.app.value("select id from leads").await;
    let lead_id = lead.as_str().unwrap();
    assert_eq!(story.app.value("select count(*) from jobs where settled_at is null").await, 2, "two reminders");

    let report = retention::forget(&story.app.pool, &story.app.keys, &person(), Actor::program("test")).await.unwrap();
    assert_eq!(report.left, []);
    assert_no_trace(&story.app, lead_id, "after forgetting").await;
    assert_eq!(story.app.value("select count(*) from jobs where settled_at is null").await, 0);
    assert_eq!(story.app.value("select count(*) from messages").await, 1, "what was counted stays");

    // What is still reported of the message, a replay, and the time of the reminders bring nobody back.
    story.app.post(whatsapp, &status(sent, "read", at + 60)).await.assert_outcome("accepted");
    story.app.execute("update webhook_events set processed_at = null").await;
    story.pass(100);
    story.jobs().await;
    assert_eq!((story.sent(), openai.requests().len()), (1, 2));
    assert_no_trace(&story.app, lead_id, "after a replay").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_while_a_message_is_sent_stays_erased() {
    let story = Story::new(&[]).await;
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    let lead = story.app.value("select id from leads").await;
    // The erasure stands in line for the lock before the job that is about to end.
    let mut gate = story.app.pool.begin().await.unwrap();
    switchhook::store::forgotten::begin_erasure(&mut gate).await.unwrap();
    let waiting = |n: u32| format!("select count(*) = {n} from pg_locks where locktype = 'advisory' and not granted");
    let (pool, keys) = (story.app.pool.clone(), story.app.keys.clone());
    let erasure =
        tokio::spawn(async move { retention::forget(&pool, &keys, &person(), Actor::program("test")).await.unwrap() });
    story.app.eventually(&waiting(1)).await;
    let both = async {
        story.app.eventually(&waiting(2)).await;
        assert_eq!(story.sent(), 1);
        gate.commit().await.unwrap();
        assert_eq!(erasure.await.unwrap().left, []);
    };
    let ((), report) = tokio::join!(both, story.app.runner.drain());
    report.unwrap();
    story.jobs().await;
    assert_no_trace(&story.app, lead.as_str().unwrap(), "after both").await;
}
