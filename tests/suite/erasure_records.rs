//! Erasing a person also reaches what is kept of those who worked with them: the operator log, and the answers that a
//! repeated request would get. As the runtime role, which may not change the log.

use serde_json::{Value, json};
use switchhook::access::{Actor, Role};
use switchhook::providers;
use switchhook::redact::Phone;
use switchhook::retention::{self, Person};
use switchhook::store::tokens;

use crate::support::{Answer, TENANT, TestApp};

const NUMBER: &str = "+15550100177";
const OTHER: &str = "+15550100155";

async fn a_call_of(app: &TestApp, number: &str) {
    let retell = providers::find("retell").unwrap();
    let call = json!({ "event": "call_ended", "call": { "call_id": format!("call-of-{}", &number[10..]), "direction": "inbound",
        "call_status": "ended", "from_number": number, "to_number": "+15550100199",
        "start_timestamp": 1_788_254_100_000_i64, "end_timestamp": 1_788_254_160_000_i64,
        "transcript": "User: purple elephants", "disconnection_reason": "user_hangup" } });
    app.post(retell, &call.to_string()).await.assert_outcome("accepted");
    app.run_until_idle().await;
}

async fn lead_of(app: &TestApp, number: &str) -> String {
    app.value(&format!("select id from leads where phone = '{number}'")).await.as_str().unwrap().to_owned()
}

/// Edits a lead over the API, as an agent with an `Idempotency-Key` does.
async fn edit(app: &TestApp, token: &str, lead: &str, key: &str) -> Answer {
    let request = app.client.patch(format!("{}/api/v1/leads/{lead}", app.base)).bearer_auth(token);
    TestApp::answer(request.header("Idempotency-Key", key).json(&json!({ "stage": "qualified", "name": "Zebulon" })))
        .await
}

/// Every place of the database where a text stands.
async fn places(app: &TestApp, text: &str) -> Vec<String> {
    let tables = app
        .rows("select to_jsonb(table_name::text) from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'")
        .await;
    let mut found = Vec::new();
    for table in tables.iter().map(|table| table.as_str().unwrap()) {
        let row = format!("select to_jsonb(t) from {table} t where to_jsonb(t)::text ilike '%{text}%'");
        found.extend(app.rows(&row).await.into_iter().map(|row| format!("{table}: {row}")));
    }
    found
}

async fn log(app: &TestApp) -> Vec<Value> {
    app.rows("select to_jsonb(o) - 'details' from operator_log o where action <> 'forget' order by id").await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_an_erased_person_in_the_log_or_in_kept_answers() {
    let app = TestApp::spawn_as_runtime().await;
    for number in [NUMBER, OTHER] {
        a_call_of(&app, number).await;
    }
    let token =
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), Role::Agent, "t", None).await.unwrap().1;
    let (theirs, others) = (lead_of(&app, NUMBER).await, lead_of(&app, OTHER).await);
    for (lead, key) in [(&theirs, "of-them"), (&others, "of-others")] {
        edit(&app, token.expose(), lead, key).await.assert_status(200);
    }
    // A line that somebody's own SQL wrote, with the number in it, spelled with dashes.
    app.execute(
        "insert into operator_log (actor, action, row_count, details)
         values ('psql', 'note', 1, '{\"reason\": \"asked by +1-555-010-0177, not by +15550100155\"}')",
    )
    .await;
    assert!(places(&app, &theirs).await.iter().any(|place| place.starts_with("operator_log: ")));
    assert!(places(&app, &theirs).await.iter().any(|place| place.starts_with("idempotency_keys: ")));
    let before = log(&app).await;
    // Where the program cannot look, it does not fail, and says so: a schema that is closed to it, a view without data, a
    // table that somebody holds.
    app.execute(
        "create schema closed; create table closed.notes (note text); grant select on closed.notes to public;
         create schema crm; grant usage on schema crm to public; create table crm.held (note text);
         create materialized view crm.empty as select note from closed.notes with no data;
         grant select on crm.held, crm.empty to public",
    )
    .await;
    let mut holder = app.owner.begin().await.unwrap();
    sqlx::raw_sql("lock table crm.held").execute(&mut *holder).await.unwrap();

    let person = Person { number: Phone::new(NUMBER), tenant_id: None };
    let report = retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap();
    holder.rollback().await.unwrap();
    assert_eq!(report.left, []);
    let unread: Vec<_> = report.unread.iter().map(|table| (table.place.as_str(), table.reason)).collect();
    assert_eq!(
        unread,
        [
            ("closed.notes", "no right to it"),
            ("crm.empty", "the object is not in the state that is needed"),
            ("crm.held", "locked by another for too long"),
        ]
    );
    for trace in [&theirs, "5550100177", "555-010-0177"] {
        assert_eq!(places(&app, trace).await, Vec::<String>::new(), "{trace}");
    }
    assert_eq!(log(&app).await, before, "who did what, when and to how many rows is still there");
    assert_eq!(
        app.value("select details from operator_log where actor = 'psql'").await,
        json!({ "reason": "asked by forgotten, not by +15550100155" })
    );
    assert!(places(&app, &others).await.iter().any(|place| place.starts_with("operator_log: ")), "others stay");
    // A repeated request is not done again, and hears nothing of them; others hear what they heard.
    let again = edit(&app, token.expose(), &theirs, "of-them").await;
    again.assert_status(200);
    assert_eq!(again.text, json!({ "forgotten": true }).to_string());
    assert!(edit(&app, token.expose(), &others, "of-others").await.text.contains(&others));
    // What an erasure keeps of itself says nothing either, and doing it again changes nothing.
    retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap();
    assert_eq!(log(&app).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_forgets_only_who_is_gone_and_only_in_their_tenants() {
    let app = TestApp::spawn_as_runtime().await;
    a_call_of(&app, NUMBER).await;
    let lead = lead_of(&app, NUMBER).await;
    let forget = async |leads: &str, numbers: &str, tenants: &str| {
        sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(format!(
            "select operator_log_forget('{{{leads}}}', '{{{numbers}}}', {tenants})"
        )))
        .fetch_one(&app.pool)
        .await
        .map_err(|error| error.to_string())
    };
    // A lead that is there cannot be taken out of the log; nor can what is no number, or everything.
    assert!(forget(&lead, "", "null").await.unwrap_err().contains("still there"));
    assert!(forget("", NUMBER, "null").await.unwrap_err().contains("still there"));
    for wrong in ["1", "+155", ".*", "qualified"] {
        assert!(forget("", wrong, "null").await.unwrap_err().contains("E.164"), "{wrong}");
    }
    assert_eq!(forget("", "", "null").await, Ok(0));
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{0}', 'other', 'Other');
         insert into leads (id, tenant_id, phone)
         select gen_random_uuid(), tenant, '+15550100188' from unnest(array['{TENANT}', '{0}']::uuid[]) as tenant;
         delete from leads where phone = '+15550100188';
         insert into operator_log (actor, action, row_count, tenant_id, details)
         select 'psql', 'note', 1, tenant, '{{\"number\": \"+15550100188\"}}' from unnest(array['{TENANT}', '{0}']::uuid[]) as tenant",
        uuid::Uuid::from_u128(2)
    ))
    .await;
    assert_eq!(forget("", "+15550100188", &format!("array['{TENANT}'::uuid]")).await, Ok(1));
    assert_eq!(forget("", "+15550100188", "null").await, Ok(1), "that of the other tenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_forgets_only_leads_that_were_deleted_and_each_once() {
    let app = TestApp::spawn_as_runtime().await;
    let lead = uuid::Uuid::from_u128(8);
    app.execute(&format!("insert into leads (id, tenant_id, phone) values ('{lead}', '{TENANT}', '{NUMBER}')")).await;
    let (other, number) = (uuid::Uuid::from_u128(7), "+15550100188");
    let note = format!(
        "insert into operator_log (actor, action, row_count, tenant_id, details)
         values ('psql', 'note', 1, '{TENANT}', '{{\"lead_id\": \"{lead}\", \"user_id\": \"{other}\", \"text\": \"{NUMBER} {number}\"}}')"
    );
    app.execute(&note).await;
    let forget = async || {
        app.value(&format!("select operator_log_forget('{{{lead}, {other}}}', '{{{NUMBER}, {number}}}', null)")).await
    };
    // The runtime role cannot say by itself who was deleted.
    for statement in [
        "select count(*) from erased_leads",
        "insert into erased_leads (lead_id, tenant_id, phone_digest) values (uuid_v7(), uuid_v7(), '')",
        "delete from erased_leads",
        "select keep_erased_leads()",
        "create temporary table leads (id uuid, tenant_id uuid, phone text);
         insert into leads values (uuid_v7(), uuid_v7(), '+15550100188');
         create trigger mine after delete on leads for each row execute function keep_erased_leads();
         delete from leads",
    ] {
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&app.pool).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        assert!(["42501", "0A000"].contains(&&*code), "{statement}: {refused}");
        // The temporary table is theirs to make; the function sees through it.
        let is_seen_through = refused.to_string().contains("only deleted leads are kept");
        assert_eq!(is_seen_through, statement.contains("temporary"), "{statement}: {refused}");
    }
    app.execute(&format!("delete from leads where phone = '{NUMBER}'")).await;
    assert_eq!(forget().await, 1);
    let kept = "select details from operator_log where actor = 'psql'";
    let wanted = json!({ "lead_id": "forgotten", "user_id": other, "text": format!("forgotten {number}") });
    assert_eq!(app.value(kept).await, wanted, "what was no lead stays");
    app.execute(&note).await;
    assert_eq!(forget().await, 0, "it was forgotten before");
}
