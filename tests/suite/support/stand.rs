//! A primary of its own with a streaming standby, and the program that reads from that.

use std::time::{Duration, Instant};

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use switchhook::console::READ_LAG;
use switchhook::embedded_postgres::{Cluster, Options};

use super::postgres_line::PostgresLine;
use super::roles::url_of_program;
use super::{Binary, client, roles};
use crate::access::id;
use crate::bad_days::SECONDS;

/// The two servers, and connections of the test's own to both.
pub struct Stand {
    cluster: Cluster,
    standby: Cluster,
    /// What stands between the program and the standby.
    pub line: PostgresLine,
    pub url: String,
    pub primary: PgPool,
    pub replica: PgPool,
}

/// A server of its own, and a standby of it; `None`, with a word: some builds leave out what a standby is made with.
pub async fn two_servers(name: &str) -> Option<(Cluster, Cluster)> {
    let folder = |which: &str| std::env::temp_dir().join(format!("switchhook-{name}-{which}-{}", std::process::id()));
    let cluster = Cluster::start(Options::throw_away(folder("primary")).durable()).await.unwrap();
    if !cluster.can_be_followed() {
        say_that_it_is_passed_over();
        cluster.stop().await.unwrap();
        return None;
    }
    roles::prepare(&cluster.url("postgres")).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let standby = cluster.standby(Options::throw_away(folder("standby")).durable(), free).await.unwrap();
    Some((cluster, standby))
}

#[expect(clippy::print_stderr, reason = "whoever runs the suite is told what it passed over")]
fn say_that_it_is_passed_over() {
    eprintln!("passed over: this Postgres has no pg_basebackup");
}

/// What a reader got.
pub struct Read {
    pub status: u16,
    /// How far behind it was read; `None`: from the primary.
    pub lag: Option<u64>,
    pub text: String,
}

impl Stand {
    pub async fn start(name: &str) -> Option<Self> {
        let (cluster, standby) = two_servers(&format!("read-{name}")).await?;
        let url = cluster.url("postgres");
        let standby_url = standby.url("postgres");
        let line = PostgresLine::to(&standby_url).await;
        let pool = |url: String| async move { PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap() };
        let (primary, replica) = (pool(url.clone()).await, pool(standby_url).await);
        Some(Self { cluster, standby, line, url, primary, replica })
    }

    /// The standby's URL of a database, straight.
    pub fn standby_url(&self, database: &str) -> String {
        self.standby.url(database)
    }

    pub fn standby_port(&self) -> u16 {
        self.standby.port()
    }

    /// The primary's.
    pub fn primary_url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    /// The program, reading from the standby over the line, with these settings.
    pub async fn serve(&self, settings: &[(&str, &str)]) -> Binary {
        let read_url = url_of_program(&self.line.url);
        let own = [("DATABASE__READ_URL", read_url.as_str()), ("CONSOLE__OPEN_METRICS", "true")];
        Binary::serve(&self.url, &["--setup"], &[own.as_slice(), settings].concat()).await
    }

    /// A new token of this role.
    pub fn token(&self, role: &str) -> String {
        let output = Binary::run(&self.url, &["token", "add", "--role", role, "--json"]);
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        made["token"].as_str().unwrap().to_owned()
    }

    /// On the primary.
    pub async fn execute(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&self.primary).await.unwrap();
    }

    /// On the primary.
    pub async fn count(&self, statement: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&self.primary).await.unwrap()
    }

    /// An inbound call of the tenant `default`, on the primary.
    pub async fn add_call(&self, n: u128) {
        self.execute(&format!(
            "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number)
             select '{}', id, 'retell', 'call-{n}', 'inbound', 'ended', now(), '+15550100123'
             from tenants where slug = 'default'",
            id(n)
        ))
        .await;
    }

    /// The standby receives what is written, and does nothing with it.
    pub async fn pause(&self) {
        sqlx::raw_sql("select pg_wal_replay_pause()").execute(&self.replica).await.unwrap();
        let paused = "select pg_get_wal_replay_pause_state() = 'paused'";
        let began = Instant::now();
        while !sqlx::query_scalar::<_, bool>(paused).fetch_one(&self.replica).await.unwrap() {
            assert!(began.elapsed() < SECONDS, "it is not paused");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn resume(&self) {
        sqlx::raw_sql("select pg_wal_replay_resume()").execute(&self.replica).await.unwrap();
    }

    /// Makes the standby a primary.
    pub async fn promote(&self) {
        self.standby.promote().await.unwrap();
    }

    pub async fn stop(self) {
        self.primary.close().await;
        self.replica.close().await;
        self.standby.stop().await.unwrap();
        self.cluster.stop().await.unwrap();
    }
}

/// What this path answers to the holder of a token.
pub async fn read(binary: &Binary, token: &str, path: &str) -> Read {
    let request = client().get(format!("{}{path}", binary.base)).bearer_auth(token).timeout(Duration::from_secs(20));
    let response = request.send().await.unwrap();
    let lag = response.headers().get(READ_LAG).map(|value| value.to_str().unwrap().parse().unwrap());
    Read { status: response.status().as_u16(), lag, text: response.text().await.unwrap() }
}

/// Reads until it is as wanted.
pub async fn read_until(binary: &Binary, token: &str, path: &str, wanted: impl Fn(&Read) -> bool) -> Read {
    let began = Instant::now();
    loop {
        let found = read(binary, token, path).await;
        if wanted(&found) {
            return found;
        }
        let Read { status, lag, text } = found;
        assert!(began.elapsed() < SECONDS * 2, "{path}: {status}, {lag:?}: {text}\n{}", binary.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
