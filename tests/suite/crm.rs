//! The CRM: told once of many changes, asked who calls, and never written over behind anybody's back.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::access::Actor;
use switchhook::jobs::crm::{feed, operate};
use switchhook::jobs::{self, Attempt, Effect};
use switchhook::outbox::{self, Job};
use switchhook::providers;
use switchhook::redact::Phone;
use switchhook::retention::{self, Person};
use uuid::Uuid;

use crate::support::TestApp;
use crate::support::vendors::ZohoStub;

const CALLER: &str = "+15550100123";
const TENANT: Uuid = Uuid::from_u128(1);

async fn spawn(zoho: &ZohoStub, more: &[(&str, &str)]) -> TestApp {
    let url = zoho.base_url.clone();
    let own = [
        ("INTEGRATIONS__ZOHO__ACCOUNTS_URL", url.as_str()),
        ("INTEGRATIONS__ZOHO__CLIENT_ID", ZohoStub::CLIENT_ID),
        ("INTEGRATIONS__ZOHO__CLIENT_SECRET", ZohoStub::CLIENT_SECRET),
        ("INTEGRATIONS__ZOHO__REFRESH_TOKEN", ZohoStub::REFRESH_TOKEN),
    ];
    let all: Vec<(&str, &str)> = own.iter().chain(more).copied().collect();
    let app = TestApp::spawn_with(&all, providers::registry()).await;
    // Who has a CRM is looked at before anything else.
    app.runner.drain().await.unwrap();
    app
}

async fn call(app: &TestApp, call_id: &str, name: Option<&str>) {
    let now = app.clock.now().timestamp_millis();
    let body = json!({ "event": "call_ended", "call": {
        "call_id": call_id, "direction": "inbound", "from_number": CALLER, "to_number": "+15550100199",
        "call_status": "ended", "start_timestamp": now - 60_000, "end_timestamp": now, "duration_ms": 60_000,
        "disconnection_reason": "user_hangup", "retell_llm_dynamic_variables": { "customer_name": name },
    } });
    app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    app.run_everything().await;
}

async fn later(app: &TestApp, wait: TimeDelta) {
    app.clock.advance(wait);
    app.run_everything().await;
}

async fn pushes(app: &TestApp, outcome: &str) -> Value {
    app.value(&format!("select count(*) from jobs where kind = 'push_to_crm' and outcome = '{outcome}'")).await
}

async fn differs(app: &TestApp) -> Value {
    app.value("select to_jsonb(differs) from crm_links").await
}

/// Does a due job, all but settling it.
async fn run_until_done(app: &TestApp, name: &'static str) -> (Job, Effect) {
    let lease = Duration::from_secs(60);
    let terms = outbox::Terms { lease, most: 1, per_tenant: 1, is_resent: true, server: None };
    let job = outbox::claim(&app.pool, name, Some(app.clock.now()), terms).await.unwrap().remove(0);
    let kinds = jobs::all();
    let kind = kinds.iter().find(|kind| kind.policy().name == name).unwrap();
    match kind.run(&job, &app.desk).await {
        Attempt::Done(_, effect) => (job, effect),
        _ => panic!("{name} is not done"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_are_one_push_and_a_replay_is_none() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho, &[]).await;
    call(&app, "c1", None).await;
    app.clock.advance(TimeDelta::seconds(20));
    call(&app, "c2", Some("Sam Sample")).await;
    app.execute("update leads set stage_by_hand = 'engaged'").await;
    later(&app, TimeDelta::seconds(20)).await;
    assert!(zoho.records("Leads").is_empty(), "not before its time");
    later(&app, TimeDelta::seconds(20)).await;
    assert_eq!(pushes(&app, "done").await, 1);
    let record = zoho.records("Leads").pop().unwrap();
    assert_eq!(
        (&record["Phone"], &record["First_Name"], &record["Last_Name"], &record["Lead_Status"]),
        (&json!(CALLER), &json!("Sam"), &json!("Sample"), &json!("Contacted"))
    );
    later(&app, TimeDelta::minutes(5)).await;
    assert_eq!(pushes(&app, "done").await, 1, "what did not change is not told");

    // A change after the push makes a new one, and not a new record.
    app.execute("update leads set email_by_hand = 'sam@example.com'").await;
    later(&app, TimeDelta::seconds(1)).await;
    later(&app, TimeDelta::minutes(1)).await;
    assert_eq!((pushes(&app, "done").await, zoho.records("Leads").len()), (json!(2), 1));
    assert_eq!(zoho.records("Leads")[0]["Email"], "sam@example.com");

    let links = "select to_jsonb(l) from crm_links l";
    let (before, told, asked) = (app.dump().await, app.rows(links).await, zoho.requests().len());
    app.execute("update webhook_events set processed_at = null").await;
    later(&app, TimeDelta::seconds(0)).await;
    assert_eq!(app.value("select count(*) from crm_queue").await, 0, "the replay was looked at");
    later(&app, TimeDelta::hours(2)).await;
    assert_eq!((app.dump().await, app.rows(links).await, zoho.requests().len()), (before, told, asked));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_while_a_push_is_on_its_way_is_told_by_the_next() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho, &[]).await;
    call(&app, "c1", Some("Sam Sample")).await;
    app.clock.advance(TimeDelta::minutes(1));
    let (job, effect) = run_until_done(&app, "push_to_crm").await;
    // It was told already, and is not settled yet.
    app.execute("update leads set name_by_hand = 'Samuel Sample'").await;
    feed(&app.desk).await.unwrap();
    assert_eq!(app.value("select count(*) from jobs where kind = 'push_to_crm'").await, 1, "no second one beside it");
    let mut settling = app.pool.begin().await.unwrap();
    let (now, done) = (Some(app.clock.now()), outbox::Outcome::Done);
    assert!(outbox::settle(&mut settling, &job, now, done, &outbox::Settled::default()).await.unwrap());
    effect(&mut settling).await.unwrap();
    settling.commit().await.unwrap();
    later(&app, TimeDelta::seconds(1)).await;
    later(&app, TimeDelta::minutes(1)).await;
    let record = zoho.records("Leads").pop().unwrap();
    assert_eq!((&record["First_Name"], zoho.records("Leads").len()), (&json!("Samuel"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_caller_whom_the_crm_knows_is_known_at_once_and_for_ever() {
    let zoho = ZohoStub::start().await;
    let there = json!({ "First_Name": "Dana", "Last_Name": "Cohen", "Mobile": "+1 555 010-0123",
        "Email": "dana@example.com", "Lead_Status": "Pre-Qualified", "Description": "a good customer" });
    let id = zoho.add("Leads", there.clone());
    let app = spawn(&zoho, &[]).await;
    call(&app, "c1", Some("DANA")).await;
    let lead = app.rows("select to_jsonb(l) from leads l").await.remove(0);
    assert_eq!(
        (&lead["name"], &lead["email"], &lead["stage"], &lead["source"]),
        (&json!("Dana Cohen"), &json!("dana@example.com"), &json!("qualified"), &json!("retell"))
    );
    assert_eq!(app.value("select record_id from crm_links").await, json!(id));
    // What a platform says later does not count over it, and nothing of it is told.
    call(&app, "c2", Some("Danielle")).await;
    later(&app, TimeDelta::minutes(2)).await;
    assert_eq!(app.value("select name from lead_facts").await, "Dana Cohen");
    let mut record = zoho.records("Leads").pop().unwrap();
    for field in ["id", "Modified_Time"] {
        record.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(record, there, "nothing that people wrote was changed");

    // The answer is an event: replayed without asking, and it wins again, whatever the order.
    let (before, asked) = (app.dump().await, zoho.requests().len());
    app.execute("update leads set name = null, name_rank = null, email = null, email_rank = null").await;
    app.execute("update webhook_events set processed_at = null").await;
    app.run_until_idle().await;
    assert_eq!((app.dump().await["leads"].clone(), zoho.requests().len()), (before["leads"].clone(), asked));
    assert_eq!(app.value("select count(*) from webhook_events where event_type = 'contact_pulled'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_by_hand_stays_and_a_difference_is_told_until_somebody_has_decided() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho, &[]).await;
    call(&app, "c1", None).await;
    app.execute("update leads set name_by_hand = 'Sam Sample'").await;
    later(&app, TimeDelta::minutes(2)).await;
    // Somebody changes it there, and something else happens here.
    let twin =
        zoho.add("Leads", json!({ "Last_Name": "Twin", "Phone": CALLER, "Modified_Time": "2026-01-01T00:00:00Z" }));
    zoho.change("Leads", &json!({ "Last_Name": "Sampson", "Modified_Time": "2026-11-01T12:10:00Z" }));
    call(&app, "c2", None).await;
    later(&app, TimeDelta::minutes(2)).await;
    assert_eq!(differs(&app).await, json!(["name", "several_records"]));
    assert_eq!(zoho.records("Leads")[0]["Last_Name"], "Sampson", "it is not written over");
    assert_eq!(app.value("select name from lead_facts").await, "Sam Sample");
    assert_eq!(operate::differing(&app.pool, Some(TENANT), 10).await.unwrap().len(), 1);
    look(&app).await;
    let summary = app.value("select summary from incidents where cause = 'crm_differs' and resolved_at is null").await;
    assert!(summary.as_str().unwrap().starts_with("1 leads differ"), "{summary}");
    assert!(summary.as_str().unwrap().contains("name, several_records"), "{summary}");

    // A person decides for ours, and takes the double away.
    zoho.remove(&twin);
    assert_eq!(operate::push(&app.pool, &[TENANT], Some(&Phone::new(CALLER)), true).await.unwrap(), 1);
    later(&app, TimeDelta::seconds(1)).await;
    assert_eq!((differs(&app).await, &zoho.records("Leads")[0]["Last_Name"]), (json!([]), &json!("Sample")));
    app.clock.advance(TimeDelta::minutes(1));
    look(&app).await;
    assert_eq!(app.value("select count(*) from incidents where resolved_at is null").await, 0);
}

fn record_id(zoho: &ZohoStub) -> String {
    zoho.records("Leads")[0]["id"].as_str().unwrap().to_owned()
}

async fn look(app: &TestApp) {
    let settings = switchhook::config::Config::from_parts(None, &Default::default()).unwrap().alerts;
    jobs::Watcher::new(app.desk.clone(), settings).look().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_taken_away_is_not_made_again_unless_a_person_says_so() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho, &[]).await;
    call(&app, "c1", Some("Sam Sample")).await;
    later(&app, TimeDelta::minutes(20)).await;
    zoho.remove(record_id(&zoho).as_str());
    later(&app, TimeDelta::minutes(20)).await;
    call(&app, "c2", None).await;
    later(&app, TimeDelta::minutes(2)).await;
    assert_eq!((differs(&app).await, zoho.records("Leads").len()), (json!(["record_gone"]), 0));
    // It is looked at again at intervals, and heals by itself when it is there again.
    zoho.add("Leads", json!({ "Last_Name": "Sample", "First_Name": "Sam", "Phone": CALLER }));
    later(&app, TimeDelta::hours(2)).await;
    assert_eq!(differs(&app).await, json!(["other_record"]));
    later(&app, TimeDelta::hours(2)).await;
    assert_eq!(differs(&app).await, json!([]));
    zoho.remove(record_id(&zoho).as_str());
    later(&app, TimeDelta::hours(1)).await;
    operate::push(&app.pool, &[TENANT], Some(&Phone::new(CALLER)), true).await.unwrap();
    later(&app, TimeDelta::seconds(1)).await;
    assert_eq!((differs(&app).await, zoho.records("Leads").len()), (json!([]), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_forgotten_is_neither_asked_for_nor_told_of() {
    let zoho = ZohoStub::start().await;
    zoho.add("Leads", json!({ "First_Name": "Dana", "Last_Name": "Cohen", "Phone": CALLER }));
    let app = spawn(&zoho, &[]).await;
    call(&app, "c1", None).await;
    later(&app, TimeDelta::minutes(2)).await;
    call(&app, "c2", None).await;
    assert_eq!(app.value("select count(*) from jobs where kind = 'push_to_crm' and settled_at is null").await, 1);
    app.execute("insert into crm_queue (lead_id, tenant_id) select id, tenant_id from leads").await;
    app.execute(&format!("update webhook_events set received_at = '{}'", app.clock.now() - TimeDelta::days(30))).await;
    let person = Person { number: Phone::new(CALLER), tenant_id: None };
    let report = retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap();
    assert!(report.left.is_empty(), "{report:?}");
    let asked = zoho.requests().len();
    for table in ["crm_links", "crm_queue", "leads"] {
        assert_eq!(app.value(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    app.execute("update webhook_events set processed_at = null").await;
    later(&app, TimeDelta::hours(2)).await;
    assert_eq!(operate::pull(&app.pool, &[TENANT], true, app.desk.now()).await.unwrap(), 0);
    later(&app, TimeDelta::hours(2)).await;
    assert_eq!(app.value("select count(*) from leads").await, 0);
    assert_eq!(zoho.requests().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_after_the_person_was_forgotten_is_thrown_away() {
    let zoho = ZohoStub::start().await;
    zoho.add("Leads", json!({ "First_Name": "Dana", "Last_Name": "Cohen", "Phone": CALLER }));
    let app = spawn(&zoho, &[]).await;
    let retell = providers::find("retell").unwrap();
    let body = json!({ "event": "call_started", "call": { "call_id": "c1", "direction": "inbound",
        "from_number": CALLER, "to_number": "+15550100199", "call_status": "ongoing" } });
    app.post(retell, &body.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
    feed(&app.desk).await.unwrap();
    let (_, effect) = run_until_done(&app, "pull_from_crm").await;
    retention::forget(
        &app.pool,
        &app.keys,
        &Person { number: Phone::new(CALLER), tenant_id: None },
        Actor::program("test"),
    )
    .await
    .unwrap();
    effect(&mut app.pool.acquire().await.unwrap()).await.unwrap();
    assert_eq!(app.value("select count(*) from crm_links").await, 0);
    assert_eq!(app.value("select count(*) from webhook_events where provider = 'switchhook'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_nothing_is_put_up_and_with_them_all_can_be_told() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho, &[("INTEGRATIONS__ZOHO__REFRESH_TOKEN", "")]).await;
    call(&app, "c1", Some("Sam Sample")).await;
    later(&app, TimeDelta::minutes(2)).await;
    assert_eq!(app.value("select count(*) from jobs where kind like '%crm'").await, 0);
    assert_eq!(app.value("select count(*) from crm_queue").await, 0);
    let status = operate::status(&app.desk, None).await.unwrap().remove(0);
    assert_eq!((status.is_active, status.leads, status.linked), (false, 1, 0));
    // The tenant gets a CRM of its own, and a delay of its own.
    let own = json!({ "integrations": { "zoho": { "refresh_token": ZohoStub::REFRESH_TOKEN } },
        "crm": { "push_delay": "5s" } });
    app.execute(&format!("update tenants set settings = '{own}'")).await;
    assert!(operate::status(&app.desk, None).await.unwrap().remove(0).is_active);
    assert_eq!(operate::push(&app.pool, &[TENANT], None, false).await.unwrap(), 1);
    later(&app, TimeDelta::seconds(0)).await;
    later(&app, TimeDelta::seconds(5)).await;
    assert_eq!((pushes(&app, "done").await, zoho.records("Leads").len()), (json!(1), 1));
    // Credentials that are gone again: what is put up already says what it would have told.
    call(&app, "c2", None).await;
    app.execute("update tenants set settings = '{}'").await;
    later(&app, TimeDelta::minutes(1)).await;
    let job =
        app.rows("select to_jsonb(j) from jobs j where outcome = 'skipped' and kind = 'push_to_crm'").await.remove(0);
    let preview = job["preview"].as_str().unwrap();
    assert!(preview.contains("***0123") && preview.contains("a name") && !preview.contains("Sam"), "{preview}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_without_a_record_is_looked_up_on_demand() {
    let zoho = ZohoStub::start().await;
    let app = spawn(&zoho, &[]).await;
    call(&app, "c1", None).await;
    assert_eq!(app.value("select name is null from lead_facts").await, true);
    zoho.add("Contacts", json!({ "First_Name": "Dana", "Last_Name": "Cohen", "Phone": CALLER }));
    assert_eq!(operate::pull(&app.pool, &[TENANT], false, app.desk.now()).await.unwrap(), 1);
    app.run_everything().await;
    assert_eq!(app.value("select name from lead_facts").await, "Dana Cohen");
    assert_eq!(operate::pull(&app.pool, &[TENANT], false, app.desk.now()).await.unwrap(), 0, "the record is known");
    assert_eq!(operate::pull(&app.pool, &[TENANT], true, app.desk.now()).await.unwrap(), 1);
    // A push finds the contact, and makes no lead beside it.
    later(&app, TimeDelta::minutes(2)).await;
    assert_eq!((zoho.records("Leads").len(), pushes(&app, "done").await), (0, json!(1)));
}
