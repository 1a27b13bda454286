//! What one session reads of tables, as Postgres counts it: sessions tell of their reads when they end, or up to ten seconds
//! after they have become idle, and nobody else's may come between.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::{TestApp, url_of};

/// How old the numbers may be that Postgres 14 answers with. Later versions answer with those of now.
const NUMBERS_AGE_MAX: Duration = Duration::from_millis(600);
/// How long sessions may take to end on a machine that is busy.
const SESSIONS_END_WITHIN: Duration = Duration::from_secs(30);

/// A session of its own, whose reads are counted.
pub struct Reader {
    pub pool: PgPool,
    counter: String,
    before: i64,
}

impl Reader {
    /// Begins counting. The counter is an expression over `pg_stat_user_tables` and the like.
    pub async fn begin(app: &TestApp, pool: PgPool, counter: &str) -> Self {
        let own: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&pool).await.unwrap();
        // What others have read is told now. Their pools connect anew.
        let others = app
            .value(&format!(
                "select coalesce(json_agg(pid) filter (where pg_terminate_backend(pid)), '[]') from pg_stat_activity
                 where datname = current_database() and pid not in (pg_backend_pid(), {own})"
            ))
            .await;
        have_ended(app, &others).await;
        let before = number(app, counter).await;
        Self { pool, counter: counter.to_owned(), before }
    }

    /// What was read since the beginning. The session ends.
    pub async fn end(self, app: &TestApp) -> i64 {
        let own: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&self.pool).await.unwrap();
        self.pool.close().await;
        have_ended(app, &json!([own])).await;
        number(app, &self.counter).await - self.before
    }
}

/// A pool of one connection, as a worker has it.
pub async fn one_connection(app: &TestApp) -> PgPool {
    let database = app.value("current_database()").await;
    let url = url_of(database.as_str().unwrap());
    PgPoolOptions::new().min_connections(1).max_connections(1).connect(&url).await.unwrap()
}

async fn number(app: &TestApp, counter: &str) -> i64 {
    app.value(&format!("coalesce(({counter}), 0)::bigint")).await.as_i64().unwrap()
}

async fn have_ended(app: &TestApp, sessions: &Value) {
    let are_left = format!("select count(*) from pg_stat_activity where to_jsonb(pid) <@ '{sessions}'");
    let ended = async {
        while app.value(&are_left).await != json!(0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SESSIONS_END_WITHIN, ended).await.expect("the sessions end");
    tokio::time::sleep(NUMBERS_AGE_MAX).await;
}
