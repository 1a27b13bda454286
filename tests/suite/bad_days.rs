//! Bad days of Postgres: it goes silent, comes back read-only, ends connections, has everybody wait for a lock. Webhooks are
//! taken all the same, or again as soon as that is possible, and nobody has to do anything.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::support::postgres_line::PostgresLine;
use crate::support::{Binary, client, database_url, drop_database};

/// How long it may take until everything flows again, once the cause has ended; on a machine that is busy with other tests.
const SECONDS: Duration = Duration::from_secs(15);

/// The program over a line that can go silent.
struct Day {
    line: PostgresLine,
    binary: Binary,
    pool: PgPool,
    client: reqwest::Client,
    webhook_url: String,
    database: String,
    calls: std::cell::Cell<u32>,
}

impl Day {
    async fn begin(settings: &[(&str, &str)]) -> Self {
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
    async fn send(&self) -> (u16, Duration) {
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

    async fn ready(&self) -> (u16, Value) {
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

    async fn number(&self, statement: &str) -> i64 {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_one(&self.pool).await.unwrap().get(0)
    }

    async fn execute(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await.unwrap();
    }

    async fn end_connections(&self) {
        self.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where application_name like 'switchhook%' and datname = current_database()",
        )
        .await;
    }

    async fn end(self) {
        let Self { binary, pool, database, .. } = self;
        drop(binary);
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
    day.line.silence_all();
    let began = Instant::now();
    while day.ready().await.0 == 200 {
        assert!(began.elapsed() < SECONDS, "still ready: {}", day.binary.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (status, took) = day.send().await;
    assert_eq!(status, 503);
    assert!(took < SECONDS, "{took:?}");
    let unknown = format!("{}/webhooks/bolna/nobody-is-called-so", day.binary.base);
    let answer = day.client.post(unknown).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 503, "nobody can know whether there is such a source");
    day.line.let_new_through();
    let began = Instant::now();
    day.flows(SECONDS).await;
    println!("all flows {:?} after the server answers again", began.elapsed());
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

/// What an answer says of its webhook.
fn outcome_of(answer: &reqwest::Response) -> String {
    answer.headers().get("switchhook-outcome").map_or(String::new(), |value| value.to_str().unwrap().to_owned())
}

impl Day {
    /// Sends so many calls at once, and returns what was said of each and how long the longest took.
    async fn send_many(&self, first: u32, count: u32) -> (Vec<String>, Duration) {
        let began = Instant::now();
        let sent = (first..first + count).map(|call| async move {
            let body = json!({ "id": format!("kept-{call}"), "status": "completed", "agent_id": "agent-1",
                "telephony_data": { "to_number": "+15550109999", "from_number": format!("+155502{call:05}"),
                    "call_type": "inbound", "duration": "30" } });
            let sent = self.client.post(&self.webhook_url).json(&body).timeout(Duration::from_secs(20)).send();
            sent.await.map_or_else(
                |error| format!("{error}"),
                |answer| format!("{} {}", answer.status().as_u16(), outcome_of(&answer)),
            )
        });
        let said = futures_util::future::join_all(sent).await;
        (said, began.elapsed())
    }

    async fn kept_calls(&self) -> i64 {
        self.number("select count(*) from calls where provider_call_id like 'kept-%'").await
    }

    async fn wait_for(&self, what: &str, statement: &str, expected: i64) {
        let began = Instant::now();
        while self.number(statement).await != expected {
            assert!(began.elapsed() < SECONDS * 2, "{what}: {}", self.binary.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

const KEPT_EVENTS: &str =
    "select count(*) from webhook_events where external_event_id like '%kept-%' and processed_at is not null";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_kept_while_postgres_is_silent_and_stored_once_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let mut day = Day::begin(&[("SPOOL__DIR", dir)]).await;
    day.line.silence_all();
    // The first wait for Postgres, for less than a platform waits; the later ones no more.
    let (said, took) = day.send_many(0, 20).await;
    assert!(said.iter().all(|said| said == "200 spooled"), "{said:?}");
    assert!(took < SECONDS, "{took:?}");
    let (said, took) = day.send_many(20, 200).await;
    assert!(said.iter().all(|said| said == "200 spooled"), "{said:?}");
    println!("200 webhooks were kept in {took:?}");
    let (again, _) = day.send_many(0, 10).await;
    assert!(again.iter().all(|said| said == "200 spooled"), "{again:?}");
    let (status, body) = day.ready().await;
    assert_eq!((status, &body["status"]), (200, &json!("spooling")), "{body}");
    // A crash takes none of it away; the next process finds it, and waits for Postgres like the first.
    day.binary.kill();
    let shown = Binary::command("postgres://localhost")
        .args(["spool", "status", "--json"])
        .env("SWITCHHOOK__SPOOL__DIR", dir)
        .output()
        .unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown[0]["records"], &shown[0]["is_in_use"]), (&json!(230), &json!(false)), "{shown}");
    day.line.let_new_through();
    day.binary = Binary::serve(&day.line.url, &[], &[("SPOOL__DIR", dir)]).await;
    day.wait_for("the spool is stored", KEPT_EVENTS, 220).await;
    assert_eq!(day.kept_calls().await, 220);
    let early = "select count(*) from webhook_events where external_event_id like '%kept-%' and received_at > now() - interval '1 second'";
    assert_eq!(day.number(early).await, 0, "events keep the time at which they came");
    let left = std::fs::read_dir(folder.path().join("000")).unwrap().count();
    assert_eq!(left, 1, "the lock alone is left");
    day.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spool_is_left_as_soon_as_postgres_takes_webhooks_again() {
    let folder = tempfile::tempdir().unwrap();
    let day = Day::begin(&[("SPOOL__DIR", folder.path().to_str().unwrap())]).await;
    let of = |change: &str| format!("alter database {} {change} default_transaction_read_only", day.database);
    day.execute(&format!("{} = on", of("set"))).await;
    day.end_connections().await;
    let began = Instant::now();
    let mut kept = 0;
    while kept < 300 {
        assert!(began.elapsed() < SECONDS, "{}", day.binary.log());
        let (said, _) = day.send_many(1_000 + kept, 50).await;
        assert!(said.iter().all(|said| said.starts_with("200 ")), "read-only is no reason to refuse: {said:?}");
        kept += 50;
    }
    day.execute(&of("reset")).await;
    day.wait_for("all is stored", KEPT_EVENTS, 300).await;
    let began = Instant::now();
    loop {
        let (said, _) = day.send_many(5_000 + u32::try_from(began.elapsed().as_millis()).unwrap(), 1).await;
        assert!(began.elapsed() < SECONDS, "{said:?}: {}", day.binary.log());
        if said == ["200 accepted"] {
            break;
        }
    }
    assert_eq!(day.number("select count(*) from webhook_events where outcome = 'dead'").await, 0);
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
