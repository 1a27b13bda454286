//! Several installations in one database, each in a schema of its own.

use std::process::{Command, Output};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use switchhook::db;

use crate::support::roles::psql;
use crate::support::{Binary, database, drop_database, url_of};

const SCHEMA: &str = "DATABASE__SCHEMA";

fn command(url: &str, schema: &str) -> Command {
    let mut command = Binary::command(url);
    command.env(format!("SWITCHHOOK__{SCHEMA}"), schema);
    command
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

async fn execute(pool: &PgPool, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.unwrap();
}

async fn count(pool: &PgPool, from: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {from}"))).fetch_one(pool).await.unwrap()
}

/// A database in which nothing was migrated.
async fn empty_database() -> (String, PgPool) {
    let (name, pool) = database().await;
    execute(&pool, "drop schema public cascade; create schema public").await;
    (name, pool)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_in_one_database_do_not_meet() {
    let (name, pool) = empty_database().await;
    let url = url_of(&name);
    let schemas = ["One \"quoted\"", "two"];
    let quoted = schemas.map(|schema| format!("\"{}\"", schema.replace('"', "\"\"")));
    let mut served = Vec::new();
    for schema in schemas {
        let output = command(&url, schema).arg("migrate").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        served.push(Binary::serve(&url, &["--setup"], &[(SCHEMA, schema)]).await);
    }
    assert_eq!(count(&pool, "pg_class where relnamespace = 'public'::regnamespace").await, 0);
    // One of them takes something in and works it off, and the other one hears of nothing.
    let output = command(&url, schemas[0])
        .args(["connection", "url", "--provider", "bolna", "--slug", "default", "--json"])
        .output()
        .unwrap();
    let token: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let token = token["token"].as_str().unwrap();
    let post = async |binary: &Binary| {
        let body = json!({ "id": "execution-1", "status": "completed", "created_at": "2026-11-01T12:00:00Z" });
        let request =
            crate::support::client().post(format!("{}/webhooks/bolna/{token}", binary.base)).json(&body).send();
        request.await.unwrap().status().as_u16()
    };
    // A new URL is known to the running program within moments.
    let mut status = 404;
    for _ in 0..100 {
        status = post(&served[0]).await;
        if status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(status, 200);
    assert_eq!(post(&served[1]).await, 404, "a secret URL of the one is none of the other");
    for _ in 0..200 {
        if count(&pool, &format!("{}.webhook_events where processed_at is not null", quoted[0])).await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(count(&pool, &format!("{}.webhook_events where processed_at is not null", quoted[0])).await, 1);
    assert_eq!(count(&pool, &format!("{}.webhook_events", quoted[1])).await, 0);
    // The commands, the doctor and the files for operators look where they are told to.
    for (schema, events) in [(schemas[0], 1), (schemas[1], 0)] {
        let listed = command(&url, schema).args(["events", "list", "--json"]).output().unwrap();
        assert_eq!(said(&listed).matches("execution-1").count(), events, "{}", said(&listed));
        let doctor = command(&url, schema).arg("doctor").output().unwrap();
        assert!(said(&doctor).contains("up to date"), "{}", said(&doctor));
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/ops/backlog_by_type.sql");
        let mut command = psql();
        command.args(["-X", "-q", "-A", "-t", "-d", &url, "-v", &format!("schema={schema}"), "-f"]).arg(file);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output).matches("bolna|").count(), events, "{}", said(&output));
    }
    drop(served);
    pool.close().await;
    drop_database(&name).await;
}

#[test]
fn every_lock_of_the_program_is_of_one_installation() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut locks = 0;
    for folder in ["sql", "migrations", "src"] {
        for entry in walk(&root.join(folder)) {
            let text = std::fs::read_to_string(&entry).unwrap_or_default();
            for line in text.lines().filter(|line| line.contains("advisory") && line.contains("lock(")) {
                locks += 1;
                assert!(
                    line.contains("current_schema()") || line.contains("' || $1::text"),
                    "{}: two installations in one database would wait for each other: {line}",
                    entry.display()
                );
            }
        }
    }
    assert!(locks >= 6, "{locks}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_schema_was_renamed_migrate_pins_the_functions_anew() {
    let (name, pool) = database().await;
    let url = url_of(&name);
    execute(
        &pool,
        "insert into tenants (slug, name) values ('a', 'A');
         insert into connections (tenant_id, provider, slug) select id, 'retell', 'default' from tenants;
         alter schema public rename to hooks; create schema public",
    )
    .await;
    // Until then it is said, and nothing is served.
    let output = command(&url, "hooks").args(["events", "list"]).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("switchhook migrate"), "{}", said(&output));
    let output = command(&url, "hooks").arg("migrate").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    execute(
        &pool,
        "insert into hooks.webhook_events (connection_id, event_type, external_event_id, payload)
             select id, 'x', 'x', '{}' from hooks.connections where provider = 'retell';
         update hooks.webhook_events set processed_at = now();
         update hooks.webhook_events set processed_at = null;
         insert into hooks.calls (id, tenant_id, provider, provider_call_id, initiated_at, transcript)
             select id, id, 'retell', 'c', now() - interval '3 hours', 'hello' from hooks.tenants;
         insert into hooks.leads (id, tenant_id, phone) select id, id, '+15550100123' from hooks.tenants;
         delete from hooks.leads",
    )
    .await;
    assert_eq!(count(&pool, "hooks.event_queue").await, 1);
    assert_eq!(count(&pool, "hooks.erased_leads").await, 1);
    assert_eq!(count(&pool, "hooks.call_words_due").await, 1);
    assert_eq!(count(&pool, "hooks.call_quarter_changes").await, 1);
    let output = command(&url, "hooks").args(["events", "list"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    pool.close().await;
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_database_is_left_as_it_is() {
    for (theirs, told) in [
        ("create table calls (id integer)", "schema public has a table `calls` that is not ours"),
        ("create view missed_calls as select 1 as x", "schema public has a view `missed_calls` that is not ours"),
        ("create type sentiment as enum ('x')", "schema public has a type `sentiment` that is not ours"),
        (
            "create function crm_touch() returns integer language sql as 'select 1'",
            "schema public has a function `crm_touch` that is not ours",
        ),
        (
            "create table _sqlx_migrations (version bigint primary key, description text not null,
                 installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null,
                 execution_time bigint not null);
             insert into _sqlx_migrations values (20240101000000, 'theirs', now(), true, '', 1)",
            "schema public has a table `_sqlx_migrations` that is not ours",
        ),
    ] {
        let (name, pool) = empty_database().await;
        execute(&pool, theirs).await;
        let before = count(&pool, "pg_class").await;
        let error = db::migrate(&pool).await.unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("database.schema"), "{error}");
        assert_eq!(count(&pool, "pg_class").await, before, "something was made");
        // As it says: a schema of its own, and both are content.
        let output = command(&url_of(&name), "switchhook").arg("migrate").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        pool.close().await;
        drop_database(&name).await;
    }
}

#[test]
fn a_schema_of_postgres_is_refused_by_its_key() {
    let output = Binary::command("postgres://nobody@127.0.0.1:1/none")
        .env(format!("SWITCHHOOK__{SCHEMA}"), "pg_catalog")
        .arg("migrate")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("database.schema"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_look_in_another_schema_are_refused() {
    // As over a pooler that leaves out what the program says when it connects.
    let (name, pool) = database().await;
    let wanted = db::Schema::try_from("hooks".to_owned()).unwrap();
    let told = wanted.check(&pool).await.unwrap_err().to_string();
    assert!(told.contains("look in schema public and not in hooks (database.schema)"), "{told}");
    // The way out that it names.
    let user: String = sqlx::query_scalar("select quote_ident(current_user)").fetch_one(&pool).await.unwrap();
    execute(&pool, &format!("create schema hooks; alter role {user} in database {name} set search_path = hooks")).await;
    let again = PgPool::connect(&url_of(&name)).await.unwrap();
    wanted.check(&again).await.unwrap();
    again.close().await;
    pool.close().await;
    drop_database(&name).await;
}
