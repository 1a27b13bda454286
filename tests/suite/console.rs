//! The console keeps to its own connections and to the time that somebody waits, whatever is asked for.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use switchhook::access::Role;
use switchhook::providers;
use switchhook::redact::Secret;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::support::{Answer, TENANT, TestApp};

struct Desk {
    app: TestApp,
    token: Secret,
}

impl Desk {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::spawn_with(settings, providers::registry()).await;
        let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Admin, "t", None).await.unwrap().1;
        Self { app, token }
    }

    /// Asks for a page or of the API; a body is sent as JSON, or as a form to a page.
    fn ask(&self, method: &str, path: &str, body: Value) -> impl Future<Output = (Answer, Duration)> + use<> {
        let request = self.app.client.request(method.parse().unwrap(), format!("{}{path}", self.app.base));
        let request = request.bearer_auth(self.token.expose()).header("accept", "text/html");
        let request = match (path.starts_with("/api/"), body.is_null()) {
            (_, true) => request,
            (true, _) => request.json(&body),
            (false, _) => request.form(&body),
        };
        async move {
            let began = Instant::now();
            let answer = tokio::time::timeout(Duration::from_secs(20), TestApp::answer(request)).await;
            (answer.expect("an answer at all"), began.elapsed())
        }
    }

    async fn holding(&self, statement: &str) -> Transaction<'static, Postgres> {
        let mut holder = self.app.pool.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *holder).await.unwrap();
        holder
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_people_ask_for_the_door_has_connections() {
    let desk = Desk::new(&[("CONSOLE__CONNECTIONS", "2"), ("CONSOLE__STATEMENT_TIMEOUT", "4s")]).await;
    let holder = desk.holding("lock table calls in access exclusive mode").await;
    let asked: Vec<_> = (0..20).map(|_| tokio::spawn(desk.ask("GET", "/api/v1/calls", Value::Null))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let body = json!({ "event": "call_started", "call": { "call_id": "c", "call_status": "ongoing" } }).to_string();
    let began = Instant::now();
    desk.app.post(providers::find("retell").unwrap(), &body).await.assert_outcome("accepted");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // Who waits for a connection hears so soon, on a page and from the API.
    let (page, took) = desk.ask("GET", "/calls", Value::Null).await;
    assert!(page.assert_status(503).text.contains("Busy just now") && took < Duration::from_secs(3), "{took:?}");
    let mut waited = 0;
    for one in asked {
        let (answer, took) = one.await.unwrap();
        answer.assert_status(503);
        if answer.text.contains("no connection to the database was free in time") {
            assert!(took < Duration::from_secs(6), "{took:?}");
            assert_eq!(answer.headers["retry-after"], "1");
            waited += 1;
        }
    }
    assert!(waited >= 10, "only {waited} heard that others ask");
    holder.rollback().await.unwrap();
    desk.ask("GET", "/api/v1/calls", Value::Null).await.0.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_for_a_person_ends_in_time() {
    let desk = Desk::new(&[("CONSOLE__STATEMENT_TIMEOUT", "200ms")]).await;
    let (id, number) = (Uuid::from_u128(7), "+15550100101");
    desk.app
        .execute(&format!(
            "insert into campaigns (id, tenant_id, name) values ('{id}', '{TENANT}', 'Spring');
             insert into leads (id, tenant_id, phone) values ('{id}', '{TENANT}', '{number}');
             insert into calls (id, tenant_id, provider, provider_call_id, contact_number)
             values ('{id}', '{TENANT}', 'retell', 'c', '{number}')"
        ))
        .await;
    let rule = json!({ "our_number": number, "to": id, "tenant": "default" });
    let holder = desk.holding("lock table calls, leads, phone_numbers, users in access exclusive mode").await;
    for (method, path, body) in [
        ("PATCH", format!("/api/v1/calls/{id}"), json!({ "converted": true })),
        ("POST", format!("/calls/{id}/notes"), json!({ "note": "x" })),
        ("PATCH", format!("/api/v1/leads/{id}"), json!({ "tags": ["vip"] })),
        ("POST", "/unattributed/rule".to_owned(), rule),
        ("GET", "/api/v1/users".to_owned(), Value::Null),
    ] {
        let (answer, took) = desk.ask(method, &path, body).await;
        answer.assert_status(503);
        assert!(took < Duration::from_secs(2), "{method} {path}: {took:?}");
    }
    holder.rollback().await.unwrap();
    let holder = desk.holding("lock table tenants in access exclusive mode").await;
    let (answer, took) = desk.ask("GET", "/calls", Value::Null).await;
    answer.assert_status(503);
    assert!(took < Duration::from_secs(2), "the tenants of every page: {took:?}");
    holder.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_numbers_that_another_adds_up_takes_no_connection_meanwhile() {
    let desk = Desk::new(&[("CONSOLE__CONNECTIONS", "1")]).await;
    let lock = format!("select pg_advisory_xact_lock(hashtextextended('call_quarters public {TENANT}', 0))");
    let holder = desk.holding(&lock).await;
    let numbers = tokio::spawn(desk.ask("GET", "/api/v1/overview", Value::Null));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (answer, took) = desk.ask("GET", "/api/v1/calls", Value::Null).await;
    answer.assert_status(200);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let (answer, _) = numbers.await.unwrap();
    let numbers: Value = serde_json::from_str(&answer.assert_status(200).text).unwrap();
    assert_eq!(numbers["complete"], false);
    holder.rollback().await.unwrap();
    let (answer, _) = desk.ask("GET", "/api/v1/overview", Value::Null).await;
    assert_eq!(serde_json::from_str::<Value>(&answer.text).unwrap()["complete"], true);
}
