//! The three kinds of handler, as a user registers them: the well-known `sms.received` → `messages` case.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;
use switchhook::domain::{Changes, Direction, MessageReport, MessageStatus};
use switchhook::inbox::Event;
use switchhook::providers;
use switchhook::queue::Failure;
use switchhook::redact::{Phone, Spoken};
use tokio_util::sync::CancellationToken;

use crate::support::TestApp;

const SMS: &str = r#"{"event_type":"sms.received","payload":{"sms":{"id":"sms-1","from":"+15550100001","to":"+15550100002","text":"hello"}}}"#;

fn pure(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let sms = &json["payload"]["sms"];
    let text = |key: &str| sms[key].as_str().map(str::to_owned);
    Ok(Changes::at(event.occurred_at).message(MessageReport {
        at: None,
        message_id: text("id").ok_or_else(|| Failure::dead("payload.sms.id is missing"))?,
        channel: "sms",
        direction: Direction::Inbound,
        from: text("from").map(Phone::new),
        to: text("to").map(Phone::new),
        contact_name: None,
        body: text("text").map(Spoken::new),
        status: Some(MessageStatus::Received),
        error: None,
        sent_at: None,
        callback_data: None,
    }))
}

fn in_transaction<'a>(event: &'a Event, connection: &'a mut PgConnection) -> BoxFuture<'a, Result<(), Failure>> {
    async move {
        let json = event.json()?;
        let id = json["payload"]["sms"]["id"].as_str().ok_or_else(|| Failure::dead("no id"))?;
        sqlx::query("insert into my_sms (id, event_id) values ($1, $2) on conflict do nothing")
            .bind(id)
            .bind(event.id)
            .execute(connection)
            .await?;
        Ok(())
    }
    .boxed()
}

async fn post_sms(app: &TestApp, body: &str) {
    app.post(providers::find("dialpad").unwrap(), body).await.assert_outcome("accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pure_function() {
    let mut registry = providers::registry();
    registry.provider("dialpad").on("sms.received", pure);
    let app = TestApp::spawn_with(&[], registry).await;
    post_sms(&app, SMS).await;
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(
        app.value("select row(provider_message_id, contact_number, body, status)::text from messages").await,
        json!("(sms-1,+15550100001,hello,received)")
    );
    assert_eq!(app.value("select count(*) from leads where phone = '+15550100001'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_async_function_with_the_transaction_commits_with_its_event_or_not_at_all() {
    let mut registry = providers::registry();
    registry.provider("dialpad").on_transaction("sms.received", in_transaction);
    let app = TestApp::spawn_with(&[], registry).await;
    post_sms(&app, SMS).await;
    // The table is not there yet: the event fails and is tried again, others pass.
    post_sms(&app, r#"{"event_type":"call.started","payload":{"call":{"id":"c1"}}}"#).await;
    let report = app.run_until_idle().await;
    assert_eq!((report.failed, report.processed), (1, 1));
    let reason = app.value("select last_error from webhook_events where processed_at is null").await;
    assert!(reason.as_str().unwrap().starts_with("database error 42P01"), "{reason}");
    app.execute(
        "create table my_sms (id text primary key, event_id uuid); update webhook_events set next_attempt_at = now()",
    )
    .await;
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(
        app.value(
            "select count(*) from my_sms s join webhook_events e on e.id = s.event_id where e.outcome = 'processed'"
        )
        .await,
        1
    );
    app.execute("update webhook_events set processed_at = null").await;
    app.run_until_idle().await;
    assert_eq!(app.value("select count(*) from my_sms").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_in_sql_named_in_the_configuration() {
    let mut registry = providers::registry();
    registry.sql_function("dialpad/sms.received", "on_sms_received");
    let app = TestApp::spawn_with(&[], registry).await;
    app.execute(
        "create table my_sms (id text primary key);
         create function on_sms_received(event webhook_events) returns void language plpgsql as $$
         begin
             if event.payload #>> '{payload,sms,text}' = 'refuse +15550100009' then
                 raise exception 'will not have %', event.payload #>> '{payload,sms,text}';
             end if;
             insert into my_sms values (event.payload #>> '{payload,sms,id}') on conflict do nothing;
         end $$",
    )
    .await;
    post_sms(&app, SMS).await;
    post_sms(&app, &SMS.replace("sms-1", "sms-2").replace("hello", "refuse +15550100009")).await;
    let report = app.run_until_idle().await;
    assert_eq!((report.failed, report.processed), (1, 1));
    assert_eq!(app.rows("select to_jsonb(id) from my_sms").await, [json!("sms-1")]);
    // The function's own words are the reason, without the number.
    assert_eq!(
        app.value("select last_error from webhook_events where processed_at is null").await,
        json!("database error P0001 (raised by a function): will not have refuse ***")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_is_a_failure_and_holds_up_nobody_for_ever() {
    let mut registry = providers::registry();
    registry.sql_function("dialpad/sms.received", "on_sms_received");
    let app = TestApp::spawn_with(&[("PROCESSOR__HANDLER_TIMEOUT", "300ms")], registry).await;
    app.execute(
        "create function on_sms_received(event webhook_events) returns void language sql as 'select pg_sleep(20)'",
    )
    .await;
    post_sms(&app, SMS).await;
    post_sms(&app, r#"{"event_type":"call.started","payload":{"call":{"id":"c1"}}}"#).await;
    let report = app.run_until_idle().await;
    assert_eq!((report.failed, report.processed), (1, 1));
    assert_eq!(
        app.value("select last_error from webhook_events where processed_at is null").await,
        json!("the handler took longer than processor.handler_timeout")
    );
}

/// Until told otherwise, one worker as `serve` has it.
async fn run(app: &TestApp) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let (processor, token) = (Arc::clone(&app.processor), stop.clone());
    (stop, tokio::spawn(async move { processor.run(token).await }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_keeps_no_other_event_waiting() {
    let mut registry = providers::registry();
    registry.sql_function("dialpad/sms.received", "on_sms_received");
    let app = TestApp::spawn_with(&[], registry).await;
    app.execute(
        "create function on_sms_received(event webhook_events) returns void language sql as 'select pg_sleep(1)'",
    )
    .await;
    for n in 0..6 {
        post_sms(&app, &SMS.replace("sms-1", &format!("sms-{n}"))).await;
    }
    let (stop, worker) = run(&app).await;
    app.eventually("select exists (select from event_queue where lane = 32)").await;
    for n in 0..30 {
        post_sms(&app, &format!(r#"{{"event_type":"call.started","payload":{{"call":{{"id":"c{n}"}}}}}}"#)).await;
    }
    app.eventually(
        "select count(*) = 30 from webhook_events where event_type = 'call.started' and processed_at is not null",
    )
    .await;
    let waiting = "select count(*) from webhook_events where event_type = 'sms.received' and processed_at is null";
    assert!(app.value(waiting).await.as_u64().unwrap() >= 2, "the calls came before them");
    // A small batch: nothing waits for the commit of all of them.
    app.eventually(
        "select count(*) > 0 from webhook_events where event_type = 'sms.received' and processed_at is not null",
    )
    .await;
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_waits_for_a_lock_spends_no_attempt() {
    let mut registry = providers::registry();
    registry.sql_function("dialpad/sms.received", "on_sms_received");
    let app = TestApp::spawn_with(&[("PROCESSOR__HANDLER_TIMEOUT", "1s")], registry).await;
    app.execute(
        "create table tally (n int); insert into tally values (0);
         create function on_sms_received(event webhook_events) returns void language sql as 'update tally set n = n + 1'",
    )
    .await;
    post_sms(&app, SMS).await;
    let mut holder = app.owner.begin().await.unwrap();
    sqlx::query("select from tally for update").execute(&mut *holder).await.unwrap();
    assert_eq!(app.run_until_idle().await.failed, 1);
    assert_eq!(
        app.rows("select jsonb_build_array(attempts, last_error) from webhook_events").await,
        [json!([0, "database error 55P03 (locked by another for too long)"])]
    );
    holder.rollback().await.unwrap();
    app.execute("update webhook_events set next_attempt_at = now()").await;
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(app.value("select n from tally").await, 1);
}

#[test]
fn two_handlers_for_one_event_type_are_refused() {
    let mut registry = providers::registry();
    registry.provider("dialpad").on("sms.received", pure);
    registry.sql_function("dialpad/sms.received", "on_sms_received");
    assert_eq!(
        registry.build().unwrap_err().to_string(),
        "dialpad/sms.received is registered twice: an event type has one handler"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_sql_works_as_it_stands() {
    let mut registry = providers::registry();
    registry.sql_function("dialpad/sms.received", "crm.on_sms_received");
    let app = TestApp::spawn_with(&[], registry).await;
    app.execute(include_str!("../../examples/sql_function/on_sms_received.sql")).await;
    // As the file says, for whom the program runs as; here, whoever that is.
    app.execute("grant usage on schema crm to public; grant select, insert on crm.sms to public").await;
    post_sms(&app, SMS).await;
    assert_eq!(app.run_until_idle().await.processed, 1);
    assert_eq!(app.value("select row(id, sender, body)::text from crm.sms").await, json!("(sms-1,+15550100001,hello)"));
}
