//! Migrating while others work: nobody is kept waiting, and several who migrate at once do it once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use switchhook::{db, providers};

use crate::support::{TestApp, database, drop_database};

/// How long somebody reads what is to be altered, as a dump does.
const READ: Duration = Duration::from_secs(8);
/// How long a webhook may wait meanwhile: for one attempt of ours to get its lock (a good second), and a slow machine.
const WAIT_MAX: Duration = Duration::from_secs(4);
/// Webhooks at least while the reader reads.
const WEBHOOKS_MIN: usize = 20;

/// What a version of tomorrow brings.
fn of_tomorrow(sql: &str) -> Migration {
    let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
    Migration::new(9_999, "tomorrow".into(), MigrationType::Simple, sql, false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_taken_in_while_a_migration_waits_for_a_long_reader() {
    let app = Arc::new(TestApp::spawn().await);
    let mut reader = app.owner.begin().await.unwrap();
    sqlx::raw_sql("select count(*) from webhook_events").execute(&mut *reader).await.unwrap();
    let migrating = tokio::spawn({
        let pool = app.owner.clone();
        async move {
            let tomorrow = of_tomorrow("alter table webhook_events add column tomorrow text");
            let known: Vec<&Migration> = db::MIGRATOR.iter().chain([&tomorrow]).collect();
            db::apply(&pool, &known).await
        }
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let pouring = tokio::spawn({
        let (app, is_over) = (Arc::clone(&app), Arc::clone(&is_over));
        async move {
            let retell = providers::find("retell").unwrap();
            let (mut sent, mut longest) = (0, Duration::ZERO);
            while !is_over.load(Ordering::SeqCst) {
                let body = json!({ "event": "call_started", "call": { "call_id": format!("c{sent}") } });
                let began = Instant::now();
                app.post(retell, &body.to_string()).await.assert_outcome("accepted");
                longest = longest.max(began.elapsed());
                sent += 1;
            }
            (sent, longest)
        }
    });
    tokio::time::sleep(READ).await;
    assert!(!migrating.is_finished(), "the reader is in its way");
    is_over.store(true, Ordering::SeqCst);
    let (sent, longest) = pouring.await.unwrap();
    assert!(sent >= WEBHOOKS_MIN, "{sent} webhooks in {READ:?}");
    assert!(longest < WAIT_MAX, "a webhook waited for {longest:?}");
    // Once nobody reads, it is done; and doing it again is nothing.
    reader.rollback().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), migrating).await.unwrap().unwrap().unwrap();
    assert_eq!(app.value("select count(*) from webhook_events where tomorrow is null").await, json!(sent));
    // A program that does not know it yet goes on beside it.
    assert!(db::is_up_to_date(&app.owner).await.unwrap());
    db::migrate(&app.owner).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_who_migrate_at_once_do_it_once() {
    let (name, pool) = database().await;
    sqlx::raw_sql("drop schema public cascade; create schema public").execute(&pool).await.unwrap();
    // Who migrates another schema is nobody's turn here.
    let mut other = pool.begin().await.unwrap();
    let lock = include_str!("../../sql/db/begin_migration.sql");
    sqlx::query(lock).bind("other").fetch_one(&mut *other).await.unwrap();
    let all: Vec<_> = (0..4)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { db::migrate(&pool).await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    let applied: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations").fetch_one(&pool).await.unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), db::MIGRATOR.iter().count());
    other.rollback().await.unwrap();
    pool.close().await;
    drop_database(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_migration_that_fails_leaves_nothing_behind() {
    let (name, pool) = database().await;
    sqlx::raw_sql("drop schema public cascade; create schema public").execute(&pool).await.unwrap();
    let broken = of_tomorrow("create table tomorrow (id uuid primary key); select no_such_function()");
    let known: Vec<&Migration> = db::MIGRATOR.iter().chain([&broken]).collect();
    let error = db::apply(&pool, &known).await.unwrap_err().to_string();
    assert!(error.contains("migration 9999"), "{error}");
    let left: i64 = sqlx::query_scalar("select count(*) from pg_class where relnamespace = 'public'::regnamespace")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    db::migrate(&pool).await.unwrap();
    pool.close().await;
    drop_database(&name).await;
}
