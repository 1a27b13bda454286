//! WhatsApp: the handshake at the door, the story of a message that we sent, words and switches of people who want no
//! more, and whose a delivery is.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use switchhook::domain::{Direction, MessageRow, MessageStatus, Ranked, Weight, Writes, message_id};
use switchhook::providers::{self, Provider};
use switchhook::redact::{Phone, Secret, Spoken};
use switchhook::store;
use switchhook::store::roster::connections::set_verify_token;
use uuid::Uuid;

use crate::support::{Answer, Dice, TestApp, keys};

const TENANT: Uuid = Uuid::from_u128(1);
const OURS: &str = "15550109999";
const THEM: &str = "15550100123";

fn whatsapp() -> &'static dyn Provider {
    providers::find("whatsapp").unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_788_254_100 + seconds, 0).unwrap()
}

fn time(seconds: i64) -> String {
    at(seconds).timestamp().to_string()
}

/// A change of the field `messages` for a number of ours.
fn change(ours: &str, content: Value) -> Value {
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": { "display_phone_number": ours } });
    value.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    json!({ "field": "messages", "value": value })
}

fn delivery(changes: &[Value]) -> String {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": changes }] }).to_string()
}

fn text(id: &str, from: &str, seconds: i64, body: &str) -> Value {
    let message =
        json!({ "id": id, "from": from, "timestamp": time(seconds), "type": "text", "text": { "body": body } });
    json!({ "contacts": [{ "wa_id": from, "profile": { "name": "Sample Person" } }], "messages": [message] })
}

fn status(id: &str, word: &str, seconds: i64) -> Value {
    json!({ "statuses": [{ "id": id, "status": word, "timestamp": time(seconds), "recipient_id": THEM }] })
}

async fn ask(app: &TestApp, slug: &str, query: &str) -> Answer {
    TestApp::answer(app.client.get(format!("{}/webhooks/whatsapp/{slug}?{query}", app.base))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_hears_its_challenge_and_nobody_else_does() {
    let app = TestApp::spawn_with(&[("HTTP__UNPROVEN_PER_MINUTE", "4")], providers::registry()).await;
    let right = "hub.mode=subscribe&hub.challenge=%3Cscript%3E0007&hub.verify_token=my_verify_token";
    let (key, id) = (app.keys.digests().unwrap(), app.connection_id("whatsapp"));
    set_verify_token(&app.pool, key, id, &Secret::new("my_verify_token")).await.unwrap();
    app.execute("insert into connections (provider, slug, tenant_id) select 'whatsapp', 'tokenless', id from tenants")
        .await;
    ask(&app, "tokenless", right).await.assert_status(403);
    let answer = ask(&app, "default", right).await;
    answer.assert_status(200);
    assert_eq!(answer.text, "<script>0007");
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    for wrong in [
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=my_verify_toke",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=my_verify_token",
        "hub.mode=subscribe&hub.challenge=1",
    ] {
        let answer = ask(&app, "default", wrong).await;
        answer.assert_status(403);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    ask(&app, "default", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=guess").await.assert_status(429);
    // Without a question it is the status that every connection has.
    ask(&app, "default", "").await.assert_status(200);
    app.eventually("select count(*) = 5 from rejections").await;
    let reasons = app.rows("select jsonb_build_array(status, reason) from rejections order by at, reason").await;
    assert!(reasons.contains(&json!([403, "not verified: the verify token is wrong"])), "{reasons:?}");
    assert!(reasons.contains(&json!([403, "not verified: this connection has no verify token"])), "{reasons:?}");
    assert_eq!(app.value("select count(*) from webhook_events").await, 0);
}

/// The row that a job writes once WhatsApp has accepted its message.
fn own_row() -> MessageRow {
    MessageRow {
        id: message_id(&keys::digest_key(), TENANT, "whatsapp", "wamid.out"),
        tenant_id: TENANT,
        provider: "whatsapp".to_owned(),
        provider_message_id: "wamid.out".to_owned(),
        channel: "whatsapp",
        direction: Direction::Outbound,
        from_number: None,
        to_number: Some(Phone::new(format!("+{THEM}"))),
        contact_number: Some(Phone::new(format!("+{THEM}"))),
        body: Some(Ranked::new(Weight::WHOLE, Some(at(0)), Spoken::new("You called us."))),
        status: Some(MessageStatus::Sent),
        error: None,
        sent_at: Some(at(0)),
        job_id: Some(Uuid::from_u128(7)),
    }
}

enum Step {
    Own,
    Webhook(String),
}

/// Our message, its statuses, the reply, and two changes of mind; some of them together in one delivery.
fn story() -> Vec<Step> {
    let mut sent = status("wamid.out", "sent", 1);
    sent["statuses"][0]["biz_opaque_callback_data"] = json!(Uuid::from_u128(7).to_string());
    let mut failed = status("wamid.out", "failed", 2);
    failed["statuses"][0]["errors"] = json!([{ "code": 131_026 }]);
    let one = |content: Value| Step::Webhook(delivery(&[change(OURS, content)]));
    vec![
        Step::Own,
        one(sent),
        one(failed),
        one(status("wamid.out", "delivered", 3)),
        one(text("wamid.in1", THEM, 60, "Yes, call me tomorrow")),
        one(text("wamid.in2", THEM, 120, "STOP")),
        one(text("wamid.in3", THEM, 180, "start")),
        one(text("wamid.in4", THEM, 180, "Baja")),
        Step::Webhook(delivery(&[
            change(OURS, status("wamid.out", "read", 70)),
            change(OURS, text("wamid.in2", THEM, 120, "STOP")),
            change(OURS, text("wamid.in5", THEM, 200, "¡Alta!")),
        ])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_ours_its_statuses_and_the_replies_commute() {
    let app = TestApp::spawn().await;
    let mut dice = Dice::new(5);
    let steps = story();
    let mut order: Vec<usize> = (0..steps.len()).collect();
    let mut calm = None;
    for round in 0..40 {
        app.clear().await;
        for place in &order {
            match &steps[*place] {
                Step::Own => {
                    let writes = Writes { messages: vec![own_row()], ..Writes::default() };
                    store::write(&mut app.pool.acquire().await.unwrap(), &writes).await.unwrap();
                }
                Step::Webhook(body) => drop(app.post(whatsapp(), body).await.assert_status(200)),
            }
            if dice.below(2) == 0 {
                app.run_until_idle().await;
            }
        }
        app.run_until_idle().await;
        let rows = app.dump().await;
        assert_eq!(calm.get_or_insert_with(|| rows.clone()), &rows, "round {round}, order {order:?}");
        dice.shuffle(&mut order);
    }
    let expected = json!({ "status": "read", "error": "131026", "job_id": Uuid::from_u128(7), "from": "+15550109999",
        "to": "+15550100123", "body": "You called us.", "sent_at": "2026-09-01T09:15:00+00:00" });
    let ours = app
        .value(
            "select jsonb_build_object('status', status, 'error', error, 'job_id', job_id, 'from', from_number,
                                       'to', to_number, 'body', body, 'sent_at', sent_at)
             from messages where provider_message_id = 'wamid.out'",
        )
        .await;
    assert_eq!(ours, expected);
    assert_eq!(app.value("select count(*) from messages where status = 'received'").await, 5);
    assert_eq!(
        app.value("select row(stage, opted_out, name)::text from lead_facts").await,
        "(engaged,f,\"Sample Person\")"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_status_counts_until_the_message_has_arrived() {
    let app = TestApp::spawn().await;
    let now = async |word: &str, seconds: i64| {
        app.post(whatsapp(), &delivery(&[change(OURS, status("wamid.x", word, seconds))])).await.assert_status(200);
        app.run_until_idle().await;
        app.value("select status::text from messages").await
    };
    assert_eq!(now("failed", 5).await, "failed");
    assert_eq!(now("sent", 1).await, "failed");
    assert_eq!(now("read", 9).await, "read");
    assert_eq!(now("delivered", 7).await, "read");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_no_more_is_heard_on_every_channel_and_the_latest_word_wins() {
    let app = TestApp::spawn().await;
    let facts = async || {
        app.run_until_idle().await;
        app.value("select row(stage, opted_out)::text from lead_facts where phone = '+15550100123'").await
    };
    let sms = |id: u32, seconds: i64, text: &str| {
        json!({ "id": id, "direction": "inbound", "from_number": "+15550100123", "to_number": ["+15550109999"],
            "message_status": "pending", "text": text, "created_date": at(seconds).timestamp_millis(),
            "event_timestamp": at(seconds).timestamp_millis() })
        .to_string()
    };
    let dialpad = providers::find("dialpad").unwrap();
    app.post(dialpad, &sms(1, 10, "Unsubscribe.")).await.assert_outcome("accepted");
    // Who only asks to be left alone is not engaged.
    assert_eq!(facts().await, "(new,t)");
    let whatsapp_text = |id, seconds, words| delivery(&[change(OURS, text(id, THEM, seconds, words))]);
    app.post(whatsapp(), &whatsapp_text("wamid.1", 5, "start")).await.assert_outcome("accepted");
    assert_eq!(facts().await, "(engaged,t)", "an earlier word that comes late");
    app.post(whatsapp(), &whatsapp_text("wamid.2", 20, "שלחו שוב")).await.assert_outcome("accepted");
    assert_eq!(facts().await, "(engaged,f)");
    app.post(whatsapp(), &whatsapp_text("wamid.3", 20, "Stop promotions")).await.assert_outcome("accepted");
    assert_eq!(facts().await, "(engaged,t)", "of two at the same time, the no");
    app.post(whatsapp(), &whatsapp_text("wamid.4", 30, "Please stop by on Friday")).await.assert_outcome("accepted");
    assert_eq!(facts().await, "(engaged,t)");
    let preference = json!({ "field": "user_preferences", "value": { "metadata": { "display_phone_number": OURS },
        "user_preferences": [{ "wa_id": THEM, "category": "marketing_messages", "value": "resume",
                               "timestamp": at(40).timestamp() }] } });
    app.post(whatsapp(), &delivery(&[preference])).await.assert_outcome("accepted");
    assert_eq!(facts().await, "(engaged,f)");
    app.execute("update leads set opted_out_by_hand = true; update webhook_events set processed_at = null").await;
    assert_eq!(facts().await, "(engaged,t)", "a person's word wins");
    assert_eq!(app.value("select opted_out from leads").await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_may_be_as_large_as_meta_makes_them() {
    let app = TestApp::spawn().await;
    let long = |bytes: usize| delivery(&[change(OURS, text("wamid.1", THEM, 0, &"x".repeat(bytes)))]);
    app.post(whatsapp(), &long(3_000_000)).await.assert_outcome("accepted");
    app.post(whatsapp(), &long(3_200_000)).await.assert_status(413);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_number_is_kept_and_is_no_lead() {
    let app = TestApp::spawn().await;
    let mut content = text("wamid.1", "US.13491208655302741918", 0, "Hello");
    content["messages"][0].as_object_mut().unwrap().remove("from");
    content["contacts"][0] = json!({ "user_id": "US.13491208655302741918", "profile": { "name": "Sample Person" } });
    app.post(whatsapp(), &delivery(&[change(OURS, content)])).await.assert_outcome("accepted");
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(
        app.value("select row(from_number, to_number, contact_number, body)::text from messages").await,
        "(US.13491208655302741918,+15550109999,,Hello)"
    );
    assert_eq!(app.value("select count(*) from leads").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_connection_goes_by_our_number_and_parts_no_delivery_between_tenants() {
    let app = TestApp::spawn().await;
    let other = "00000000-0000-0000-0000-000000000002";
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{other}', 'other', 'Other');
         insert into connections (provider, slug, allow_unsigned) values ('whatsapp', 'shared', true);
         insert into phone_numbers (number, tenant_id) values ('+15550109999', '{other}'), ('+15550109998', '{TENANT}')"
    ))
    .await;
    let send = async |changes: &[Value]| {
        let sent = whatsapp().sign(&delivery(changes), None, app.clock.now());
        app.send("/webhooks/whatsapp/shared", sent).await.assert_outcome("accepted");
        app.run_until_idle().await
    };
    let mut preference = change(OURS, json!({ "user_preferences": [{ "wa_id": "15550100124", "value": "stop" }] }));
    preference["field"] = json!("user_preferences");
    assert_eq!(send(&[change(OURS, text("wamid.1", THEM, 0, "hi")), preference.clone()]).await.processed, 1);
    assert_eq!(send(&[preference]).await.processed, 1);
    assert_eq!(send(&[change("+1 555-010-9999", status("wamid.2", "read", 0))]).await.processed, 1);
    assert_eq!(app.value(&format!("select count(*) from messages where tenant_id = '{other}'")).await, 2);
    assert_eq!(app.value(&format!("select count(*) from leads where tenant_id = '{other}'")).await, 2);
    // What belongs to two tenants, or in part to nobody, is not written at all.
    let mine = change("15550109998", text("wamid.3", THEM, 0, "hi"));
    assert_eq!(send(&[change(OURS, text("wamid.4", THEM, 0, "hi")), mine.clone()]).await.dead, 1);
    let reason = app.value("select last_error from webhook_events where outcome = 'dead'").await;
    assert!(reason.as_str().unwrap().starts_with("several tenants"), "{reason}");
    assert_eq!(send(&[mine, change("15550109997", text("wamid.5", THEM, 0, "hi"))]).await.failed, 1);
    assert_eq!(app.value("select count(*) from messages").await, 2);
}
