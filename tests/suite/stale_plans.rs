//! Plans that were made while there was nothing to do, and statistics that say there still is nothing: neither makes a burst
//! slow. Rows are counted that were read, not time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgPool, Row};
use switchhook::outbox::{self, Outcome, Settled, Terms};
use uuid::Uuid;

use crate::support::TestApp;
use crate::support::reads::{Reader, one_connection};

/// Events that are replayed, and rows of the queue that may be read for each.
const EVENTS: i64 = 5_000;
const READ_FOR_A_REPLAY_MAX: i64 = 4;
/// Jobs that wait, of so many tenants, and entries of indexes and rows that may be read for one claim of eight and their end.
const JOBS: i64 = 20_000;
const TENANTS: u128 = 10;
const READ_FOR_A_CLAIM_MAX: i64 = 2_000;
const CLAIMS: i64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_by_sql_reads_each_row_of_the_queue_once_whatever_the_plan_was_made_over() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload, processed_at, outcome)
             select id, 'alert_triggered', n::text, '{{}}', now(), 'ignored'
             from connections, generate_series(1, {EVENTS}) n where provider = 'retell'"
    ))
    .await;
    app.execute("vacuum analyze event_queue").await;
    let mut connection = app.owner.acquire().await.unwrap();
    // The functions of the session have their plans from when the queue was empty.
    for number in 1..10 {
        let one = sqlx::query("update webhook_events set processed_at = null where external_event_id = $1");
        let mut transaction = sqlx::Connection::begin(&mut *connection).await.unwrap();
        one.bind(number.to_string()).execute(&mut *transaction).await.unwrap();
        transaction.rollback().await.unwrap();
    }
    let mut transaction = sqlx::Connection::begin(&mut *connection).await.unwrap();
    for statement in [
        "update webhook_events set processed_at = null",
        "update webhook_events set next_attempt_at = now() + interval '1 second'",
        "update webhook_events set processed_at = now()",
    ] {
        let before = read_of_queue(&mut transaction).await;
        sqlx::raw_sql(statement).execute(&mut *transaction).await.unwrap();
        let rows = read_of_queue(&mut transaction).await - before;
        assert!(rows <= EVENTS * READ_FOR_A_REPLAY_MAX, "{statement}: {rows} rows of the queue for {EVENTS} events");
    }
    let left: i64 = sqlx::query_scalar("select count(*) from event_queue").fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(left, 0, "skipped by hand, they are off the queue");
    transaction.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn skipping_reads_the_queue_once_whatever_there_is_beside_it() {
    let app = TestApp::spawn().await;
    // Dead ones, and half of them back in the queue: the statistics know of neither.
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload, processed_at, outcome, last_error)
             select id, 'alert_triggered', n::text, '{{}}', now(), 'dead', 'x'
             from connections, generate_series(1, {EVENTS}) n where provider = 'retell';
         update webhook_events set processed_at = null where external_event_id::integer % 2 = 0"
    ))
    .await;
    let mut transaction = app.owner.begin().await.unwrap();
    let before: i64 = read_of_queue(&mut transaction).await;
    let row = sqlx::query(include_str!("../../sql/inbox/skip.sql"))
        .bind(None::<&str>)
        .bind("alert_triggered")
        .bind(None::<Uuid>)
        .bind(None::<DateTime<Utc>>)
        .bind(None::<DateTime<Utc>>)
        .bind(Vec::<Uuid>::new())
        .bind(DateTime::<Utc>::UNIX_EPOCH)
        .bind(Uuid::nil())
        .bind(EVENTS)
        .bind("a test")
        .bind(None::<Uuid>)
        .bind(None::<&str>)
        .bind(Uuid::max())
        .bind(-1_i16)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(row.get::<i64, _>(0), EVENTS / 2);
    let read = read_of_queue(&mut transaction).await - before;
    assert!(read <= EVENTS * READ_FOR_A_REPLAY_MAX, "{read} rows of the queue for {EVENTS} events");
    transaction.rollback().await.unwrap();
    app.execute("update webhook_events set processed_at = now() where processed_at is null").await;
}

/// Rows of the queue and entries of its index that this transaction has read.
async fn read_of_queue(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select pg_stat_get_xact_tuples_returned('event_queue'::regclass)
              + pg_stat_get_xact_tuples_returned('event_queue_pkey'::regclass)",
    )
    .fetch_one(connection)
    .await
    .unwrap()
}

fn terms() -> Terms {
    Terms { lease: Duration::from_secs(60), most: 8, per_tenant: 4, is_resent: true, server: None }
}

/// Claims and ends jobs so many times.
async fn carry_out(app: &TestApp, pool: &PgPool, claims: i64) -> usize {
    let mut done = 0;
    for _ in 0..claims {
        let now = Some(app.clock.now());
        let jobs = outbox::claim(pool, "noted", now, terms()).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        for job in jobs {
            assert!(outbox::begin(&mut connection, &job, now).await.unwrap());
            assert!(outbox::settle(&mut connection, &job, now, Outcome::Done, &Settled::default()).await.unwrap());
            done += 1;
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_read_what_they_take_whatever_statistics_and_plans_were_made_over() {
    for were_there_jobs in [true, false] {
        let mut app = TestApp::spawn().await;
        // Their tenants are numbers only.
        app.allow_broken_rows();
        app.execute("alter table jobs set (autovacuum_enabled = off)").await;
        let put = async |settled: bool, count: i64| {
            app.execute(&format!(
                "insert into jobs (tenant_id, kind, key, due_at, settled_at, outcome)
                 select ('00000000-0000-0000-0000-' || lpad((n % {TENANTS})::text, 12, '0'))::uuid, 'noted',
                        '{settled} ' || n, '{now}'::timestamptz - n * interval '1 millisecond', {ended}
                 from generate_series(1, {count}) n",
                now = app.clock.now().to_rfc3339(),
                ended = if settled { "now(), 'done'" } else { "null, null" },
            ))
            .await;
        };
        if were_there_jobs {
            put(true, 2 * JOBS).await;
        }
        app.execute("vacuum analyze jobs").await;
        let pool = one_connection(&app).await;
        // The plans of this session are made now, over nothing that waits.
        assert_eq!(carry_out(&app, &pool, 10).await, 0);
        put(false, JOBS).await;
        let read = "(select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'jobs')
                  + (select seq_tup_read from pg_stat_user_tables where relname = 'jobs')";
        let reader = Reader::begin(&app, pool, read).await;
        let done = carry_out(&app, &reader.pool, CLAIMS).await;
        assert_eq!(done, usize::try_from(CLAIMS * 8).unwrap());
        let rows = reader.end(&app).await;
        assert!(
            rows < CLAIMS * READ_FOR_A_CLAIM_MAX,
            "{rows} rows and entries for {CLAIMS} claims ({were_there_jobs})"
        );
        assert_eq!(app.value("select count(*) from jobs where settled_at is null").await, json!(JOBS - CLAIMS * 8));
    }
}
