//! Bad days of Postgres: it goes silent, comes back read-only, ends connections, has everybody wait for a lock. Webhooks are
//! taken all the same, or again as soon as that is possible, and nobody has to do anything.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row};
use switchhook::config::Config;
use switchhook::db;
use switchhook::redact::Secret;
use tokio_util::sync::CancellationToken;

use crate::support::postgres_line::PostgresLine;
use crate::support::{Binary, client, database_url, drop_database};

/// How long it may take until everything flows again, once the cause has ended; on a machine that is busy with other tests.
pub const SECONDS: Duration = Duration::from_secs(15);

/// The program over a line that can go silent.
pub struct Day {
    pub line: PostgresLine,
    pub binary: Binary,
    pub pool: PgPool,
    pub client: reqwest::Client,
    pub webhook_url: String,
    pub database: String,
    pub calls: std::cell::Cell<u32>,
}

impl Day {
    pub async fn begin(settings: &[(&str, &str)]) -> Self {
        Self::begin_over(settings, |line| line.to_owned()).await
    }

    /// With a URL that is made of the line's.
    async fn begin_over(settings: &[(&str, &str)], url_of: impl FnOnce(&str) -> String) -> Self {
        let (database, url) = database_url().await;
        let line = PostgresLine::to(&url).await;
        let over_line = url_of(&line.url);
        let usual = [("DATABASE__ACQUIRE_TIMEOUT", "1s"), ("HTTP__ANSWER_TIMEOUT", "2s"), ("LOG__LEVEL", "info")];
        let settings: Vec<(&str, &str)> = usual.iter().chain(settings).copied().collect();
        let binary = Binary::serve(&over_line, &["--setup"], &settings).await;
        let token = Binary::new_url_token(&url, "bolna");
        let webhook_url = format!("{}/webhooks/bolna/default/{token}", binary.base);
        let pool = PgPoolOptions::new().max_connections(3).connect(&url).await.unwrap();
        let client = client();
        let day = Self { line, binary, pool, client, webhook_url, database, calls: Default::default() };
        day.flows(SECONDS).await;
        day
    }

    /// Sends the next call, and returns the status of the answer and how long it took.
    pub async fn send(&self) -> (u16, Duration) {
        let call = self.calls.get();
        self.calls.set(call + 1);
        let body = json!({ "id": format!("call-{call}"), "status": "completed", "agent_id": "agent-1",
            "telephony_data": { "to_number": "+15550109999", "from_number": format!("+155501{:05}", call),
                "call_type": "inbound", "duration": "30" } });
        let began = Instant::now();
        let sent = self.client.post(&self.webhook_url).json(&body).timeout(Duration::from_secs(20)).send().await;
        (sent.map_or(0, |answer| answer.status().as_u16()), began.elapsed())
    }

    /// Waits until webhooks are taken, worked off, and `/readyz` says so.
    async fn flows(&self, longest: Duration) {
        let began = Instant::now();
        let mut last = String::new();
        while began.elapsed() < longest {
            let (status, _) = self.send().await;
            let ready = self.ready().await;
            if status == 200 && ready.0 == 200 && self.is_worked_off().await {
                return;
            }
            last = format!("{status}, {ready:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nothing flows after {longest:?} ({last}): {}", self.binary.log());
    }

    pub async fn ready(&self) -> (u16, Value) {
        let ready = self.client.get(format!("{}/readyz", self.binary.base)).timeout(Duration::from_secs(10)).send();
        match ready.await {
            Ok(answer) => (answer.status().as_u16(), answer.json().await.unwrap()),
            Err(_) => (0, Value::Null),
        }
    }

    /// Whether everything that was stored is worked off, within a moment.
    async fn is_worked_off(&self) -> bool {
        for _ in 0..40 {
            if self.number("select count(*) from webhook_events where processed_at is null").await == 0 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    pub async fn number(&self, statement: &str) -> i64 {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_one(&self.pool).await.unwrap().get(0)
    }

    pub async fn execute(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await.unwrap();
    }

    pub async fn end_connections(&self) {
        self.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where application_name like 'switchhook%' and datname = current_database()",
        )
        .await;
    }

    pub async fn end(self) {
        let Self { line, binary, pool, database, .. } = self;
        drop(binary);
        // A connection whose beginning is silent lets Postgres wait for a minute, and with it whoever drops a database.
        line.cut();
        pool.close().await;
        drop_database(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_go_silent_are_given_up_and_new_ones_are_made() {
    let day = Day::begin(&[]).await;
    day.line.silence_open();
    let began = Instant::now();
    day.flows(SECONDS).await;
    println!("all flows {:?} after every connection went silent", began.elapsed());
    let (status, _) = day.send().await;
    assert_eq!(status, 200);
    let unknown = format!("{}/webhooks/bolna/nobody-is-called-so", day.binary.base);
    let began = Instant::now();
    let answer = day.client.post(unknown).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert!(began.elapsed() < SECONDS);
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_silent_is_told_of_and_found_again() {
    let day = Day::begin(&[]).await;
    let token = Binary::new_token(&day.line.url, "operator");
    let metrics = async |token: &str| {
        let asked = day.client.get(format!("{}/metrics", day.binary.base)).bearer_auth(token).send().await.unwrap();
        asked.status().as_u16()
    };
    assert_eq!(metrics(&token).await, 200);
    day.line.silence_all();
    let began = Instant::now();
    while day.ready().await.0 == 200 {
        assert!(began.elapsed() < SECONDS, "still ready: {}", day.binary.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(metrics(&token).await, 200, "that is the hour that metrics are for");
    assert_eq!(metrics("some-other-token").await, 503, "nobody can know");
    let (status, took) = day.send().await;
    assert_eq!(status, 503);
    assert!(took < SECONDS, "{took:?}");
    let unknown = format!("{}/webhooks/bolna/nobody-is-called-so", day.binary.base);
    let answer = day.client.post(unknown).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 503, "nobody can know whether there is such a source");
    let wrong = async || {
        let url = format!("{}/webhooks/bolna/default/no-token-of-this-source", day.binary.base);
        day.client.post(url).json(&json!({})).send().await.unwrap().status().as_u16()
    };
    assert_eq!(wrong().await, 503, "nor whether it has a new token by now");
    day.line.let_new_through();
    let began = Instant::now();
    day.flows(SECONDS).await;
    println!("all flows {:?} after the server answers again", began.elapsed());
    assert_eq!(wrong().await, 401);
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_server_that_takes_no_changes_are_not_kept() {
    let day = Day::begin(&[]).await;
    let of = |change: &str| format!("alter database {} {change} default_transaction_read_only", day.database);
    day.execute(&format!("{} = on", of("set"))).await;
    day.end_connections().await;
    let began = Instant::now();
    while day.ready().await.0 == 200 || day.send().await.0 == 200 {
        assert!(began.elapsed() < SECONDS, "still taken: {}", day.binary.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    day.execute(&of("reset")).await;
    let began = Instant::now();
    day.flows(SECONDS).await;
    println!("all flows {:?} after new connections take changes", began.elapsed());
    // Not now and then, as it was while some connections were still of the old kind.
    for _ in 0..40 {
        assert_eq!(day.send().await.0, 200, "{}", day.binary.log());
    }
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_webhooks_after_a_quiet_restart_are_taken() {
    let day = Day::begin(&[]).await;
    for _ in 0..3 {
        day.end_connections().await;
        for _ in 0..3 {
            let (status, _) = day.send().await;
            assert_eq!(status, 200, "{}", day.binary.log());
        }
    }
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_wait_for_a_lock_take_no_connection_from_webhooks() {
    let day = Day::begin(&[("JOBS__POLL_INTERVAL", "50ms"), ("DATABASE__MAX_CONNECTIONS", "4")]).await;
    // Jobs of one tenant are few at once: many tenants have some.
    day.execute(
        "insert into tenants (slug, name) select 'other-' || n, 'Other' from generate_series(1, 60) n;
         insert into jobs (tenant_id, kind, key, payload, due_at)
         select t.id, 'analyze_call', 'waits-' || t.slug || '-' || n, jsonb_build_object('call_id', uuid_v7()), now()
         from tenants t, generate_series(1, 12) n",
    )
    .await;
    let mut locking = day.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table calls in access exclusive mode").execute(&mut *locking).await.unwrap();
    let waiting =
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let began = Instant::now();
    while day.number(waiting).await < 4 {
        assert!(began.elapsed() < SECONDS, "no job waits: {}", day.binary.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..8 {
        let (status, _) = day.send().await;
        assert_eq!(status, 200, "{}", day.binary.log());
    }
    locking.rollback().await.unwrap();
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_told_to_stop_serves_until_balancers_have_noticed() {
    use nix::sys::signal::Signal;
    let mut day = Day::begin(&[("HTTP__DRAIN_DELAY", "2s")]).await;
    day.binary.signal(Signal::SIGHUP);
    let began = Instant::now();
    while !day.binary.log().contains("told to read again") {
        assert!(began.elapsed() < SECONDS, "{}", day.binary.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(day.send().await.0, 200, "a hangup ends nothing");
    day.binary.signal(Signal::SIGTERM);
    let began = Instant::now();
    while day.ready().await.0 != 503 {
        assert!(began.elapsed() < Duration::from_secs(2), "{}", day.binary.log());
    }
    assert_eq!(day.send().await.0, 200, "it still serves");
    while day.binary.ended().is_none() {
        assert!(began.elapsed() < SECONDS * 2, "{}", day.binary.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert!(day.binary.ended().unwrap().success(), "{}", day.binary.log());
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_ends_when_it_is_told_to_however_silent_postgres_is() {
    let mut day = Day::begin(&[("HTTP__SHUTDOWN_TIMEOUT", "1s")]).await;
    day.line.silence_all();
    day.send().await;
    day.binary.signal(nix::sys::signal::Signal::SIGTERM);
    let began = Instant::now();
    while day.binary.ended().is_none() {
        // Twice the shutdown, what is in hand, and the grace.
        assert!(began.elapsed() < Duration::from_secs(2 + 20 + 5 + 5), "{}", day.binary.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("ended {:?} after it was told to", began.elapsed());
    day.end().await;
}

/// The same URL with other servers in it.
fn with_servers(url: &str, servers: &str) -> String {
    let (before, rest) = url.split_once('@').unwrap();
    let (_, after) = rest.split_once('/').unwrap();
    format!("{before}@{servers}/{after}?target_session_attrs=read-write")
}

fn server_of(url: &str) -> String {
    url.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_servers_the_one_that_takes_changes_is_found_at_the_start_and_after_a_failover() {
    // At the port of the first nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let day = Day::begin_over(&[], |line| with_servers(line, &format!("{closed},{}", server_of(line)))).await;
    day.end().await;
    let second = std::sync::OnceLock::new();
    let admin = crate::support::url_of("postgres");
    let other = PostgresLine::to(&admin).await;
    let day = Day::begin_over(&[], |line| {
        let servers = format!("{},{}", server_of(line), server_of(second.get_or_init(|| other.url.clone())));
        with_servers(line, &servers)
    })
    .await;
    day.line.silence_all();
    let began = Instant::now();
    day.flows(SECONDS).await;
    println!("all flows over the second server {:?} after the first went silent", began.elapsed());
    assert!(day.binary.log().contains("another server of the list takes changes"));
    day.line.let_new_through();
    other.silence_all();
    day.flows(SECONDS).await;
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_has_changed_needs_no_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let role = format!("rotates_{}", std::process::id());
    let admin = PgPoolOptions::new().max_connections(1).connect(&crate::support::url_of("postgres")).await.unwrap();
    let execute = async |statement: String| sqlx::raw_sql(AssertSqlSafe(statement)).execute(&admin).await.unwrap();
    execute(format!("create role {role} superuser login password 'the first'")).await;
    std::fs::write(&file, "the first\n").unwrap();
    let settings = [("DATABASE__PASSWORD_FILE", file.to_str().unwrap())];
    let day = Day::begin_over(&settings, |line| format!("postgres://{role}@{}", line.split_once('@').unwrap().1)).await;
    execute(format!("alter role {role} password 'the second'")).await;
    day.end_connections().await;
    std::fs::write(&file, "the second\n").unwrap();
    day.flows(SECONDS).await;
    day.end().await;
    execute(format!("drop role {role}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_only_takes_webhooks_in_tells_that_nobody_works_them_off() {
    let (database, url) = database_url().await;
    let settings = [("ALERTS__INTERVAL", "1s"), ("ALERTS__LAG_MAX", "1s")];
    let binary = Binary::serve(&url, &["--setup", "--only", "ingest"], &settings).await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let event = "insert into webhook_events (connection_id, event_type, external_event_id, payload)
                 select id, 'call_started', 'waits', '{}' from connections where provider = 'retell'";
    sqlx::raw_sql(event).execute(&pool).await.unwrap();
    let lag =
        "select exists (select from incidents where cause = 'lag' and subject = 'events' and resolved_at is null)";
    let began = Instant::now();
    while !sqlx::raw_sql(lag).fetch_one(&pool).await.unwrap().get::<bool, _>(0) {
        assert!(began.elapsed() < SECONDS * 2, "{}", binary.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(binary);
    pool.close().await;
    drop_database(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_silent_connections_had_locked_is_free_when_they_are_given_up() {
    let (database, url) = database_url().await;
    let line = PostgresLine::to(&url).await;
    let config = Config::load(None).unwrap();
    let settings = db::Settings { url: Secret::new(line.url.clone()), ..config.database };
    let link = db::Link::new(settings.statement_timeout);
    let pool = db::connect(&settings, &link).unwrap();
    let beside = db::beside(&pool, &link, "switchhook processor", 1, SECONDS, SECONDS);
    let stop = CancellationToken::new();
    let probe = tokio::spawn(db::probe(link.clone(), pool.clone(), settings, stop.clone()));
    let (mut one, mut two) = (pool.begin().await.unwrap(), beside.begin().await.unwrap());
    sqlx::query("select pg_advisory_xact_lock(1)").execute(&mut *one).await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(2)").execute(&mut *two).await.unwrap();
    line.silence_open();
    let direct = PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let began = Instant::now();
    // Postgres itself ends such a session after a minute.
    let are_free = "select count(*) = 0 from pg_locks where locktype = 'advisory' and objid in (1, 2)
                    and database = (select oid from pg_database where datname = current_database())";
    while !sqlx::query_scalar::<_, bool>(are_free).fetch_one(&direct).await.unwrap() {
        assert!(began.elapsed() < SECONDS, "still locked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("what was locked is free {:?} after the connections went silent", began.elapsed());
    stop.cancel();
    probe.await.unwrap();
    drop((one, two));
    direct.close().await;
    drop_database(&database).await;
}
