//! Our own message, its statuses, the replies and a call that reaches the person, in any order, before and after the job
//! has written down what it sent: the same rows and the same ends of jobs.

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::providers;

use crate::support::vendors::whatsapp::{TOKEN, WhatsAppStub};
use crate::support::{Dice, FlakyLine, TestApp};

const CALLER: &str = "15550100123";
const OURS: &str = "15550109999";
/// What the stand-in calls the first message that it takes.
const MESSAGE: &str = "wamid.STUB0";
/// Orders that are tried.
const ROUNDS: usize = 20;

/// A delivery of WhatsApp's with this in it, so many seconds after the message.
fn delivery(content: &Value) -> (&'static str, String) {
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": { "display_phone_number": OURS } });
    value.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    let body = json!({ "object": "whatsapp_business_account",
        "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }] });
    ("whatsapp", body.to_string())
}

fn status(word: &str, at: i64, job_id: &Value) -> Value {
    let mut status = json!({ "id": MESSAGE, "status": word, "timestamp": at.to_string(), "recipient_id": CALLER,
        "biz_opaque_callback_data": job_id });
    if word == "failed" {
        status["errors"] = json!([{ "code": 131_016, "title": "x" }]);
    }
    json!({ "statuses": [status] })
}

fn words(id: &str, at: i64, text: &str) -> Value {
    json!({ "contacts": [{ "wa_id": CALLER, "profile": { "name": "Sample Person" } }],
        "messages": [{ "id": id, "from": CALLER, "timestamp": at.to_string(), "type": "text", "text": { "body": text } }] })
}

fn call(call_id: &str, at: i64, is_answered: bool) -> (&'static str, String) {
    let mut call = json!({ "call_id": call_id, "direction": "inbound", "from_number": format!("+{CALLER}"),
        "to_number": format!("+{OURS}"), "start_timestamp": at * 1000 - 20_000, "end_timestamp": at * 1000,
        "call_status": if is_answered { "ended" } else { "not_connected" } });
    if is_answered {
        call["duration_ms"] = json!(20_000);
        call["transcript"] = json!("Agent: Good morning, how can I help you?\nUser: I would like to buy two of them.");
    }
    ("retell", json!({ "event": "call_ended", "call": call }).to_string())
}

/// The rows, without the ids that differ from run to run.
async fn rows(app: &TestApp) -> Value {
    let mut all = serde_json::Map::new();
    for (name, statement) in [
        ("messages", "select to_jsonb(m) - 'job_id' - 'created_at' || jsonb_build_object('job', j.kind)
                      from messages m left join jobs j on j.id = m.job_id order by m.provider_message_id"),
        ("leads", "select to_jsonb(l) - 'created_at' from leads l"),
        ("calls", "select to_jsonb(c) - 'created_at' - 'marks' from calls c order by provider_call_id"),
        ("jobs", "select jsonb_build_array(kind, payload -> 'number', outcome, attempts, unknown_outcomes, note, last_error, preview)
                  from jobs order by kind, payload ->> 'number'"),
        ("outreaches", "select jsonb_build_array(started_at, end_reason) from outreaches"),
        ("allowances", "select to_jsonb(a) from allowances a order by subject, day"),
    ] {
        all.insert(name.to_owned(), Value::Array(app.rows(statement).await));
    }
    Value::Object(all)
}

async fn run(order: &[usize], while_held: usize, with_stop: bool, dice: &mut Dice) -> Value {
    let whatsapp = WhatsAppStub::start().await;
    whatsapp.approve("missed_call", "en", 0);
    let line = FlakyLine::to(&whatsapp.base_url, 1, false).await;
    let settings = [
        ("INTEGRATIONS__WHATSAPP__BASE_URL", line.base_url.as_str()),
        ("INTEGRATIONS__WHATSAPP__TOKEN", TOKEN),
        ("INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "106540352242922"),
        ("INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call"),
    ];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    let post = async |(provider, body): &(&'static str, String)| {
        app.post(providers::find(provider).unwrap(), body).await.assert_status(200);
    };
    post(&call("missed", app.clock.now().timestamp(), false)).await;
    app.run_until_idle().await;
    app.clock.advance(TimeDelta::minutes(2));
    let (at, job_id) = (app.clock.now().timestamp(), app.value("select id from jobs").await);
    let steps = [
        delivery(&status("sent", at + 1, &job_id)),
        delivery(&status("failed", at + 2, &job_id)),
        delivery(&status("delivered", at + 3, &job_id)),
        delivery(&status("read", at + 4, &job_id)),
        delivery(&words("wamid.in1", at + 60, "Yes please")),
        delivery(&words("wamid.in2", at + 70, if with_stop { "STOP" } else { "Thank you" })),
        call("reached", at + 90, true),
    ];
    // WhatsApp has the message, and its answer is on its way: the job can write nothing yet.
    line.hold(true);
    let (early, late) = order.split_at(while_held);
    let meanwhile = async {
        while whatsapp.accepted().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        for step in early {
            post(&steps[*step]).await;
            if dice.below(2) == 0 {
                app.run_until_idle().await;
            }
        }
        if dice.below(2) == 0 {
            app.run_until_idle().await;
        }
        line.hold(false);
    };
    let (report, ()) = tokio::join!(app.runner.drain(), meanwhile);
    assert!(report.unwrap().done > 0);
    for step in late {
        post(&steps[*step]).await;
        if dice.below(2) == 0 {
            app.run_until_idle().await;
        }
    }
    for _ in 0..4 {
        app.run_everything().await;
        app.clock.advance(TimeDelta::hours(48));
    }
    assert_eq!(app.value("select count(*) from jobs where settled_at is null").await, 0);
    assert_eq!(whatsapp.accepted().len(), 1, "order {order:?}, {while_held} before the answer");
    rows(&app).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_may_overtake_what_the_job_writes() {
    let mut dice = Dice::new(13);
    for with_stop in [true, false] {
        let mut order: Vec<usize> = (0..7).collect();
        let calm = run(&order, 0, with_stop, &mut dice).await;
        assert_eq!(calm.pointer("/messages/0/status"), Some(&json!("read")), "{calm:#}");
        assert_eq!(calm["jobs"].as_array().unwrap().len(), 6, "{calm:#}");
        for round in 0..ROUNDS / 2 {
            dice.shuffle(&mut order);
            let while_held = if round == 0 { order.len() } else { dice.below(order.len() + 1) };
            let found = run(&order, while_held, with_stop, &mut dice).await;
            assert_eq!(found, calm, "order {order:?}, {while_held} before the answer");
        }
    }
}
