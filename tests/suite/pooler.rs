//! A pooler between the program and Postgres, the real PgBouncer: what works loses and doubles nothing, and what cannot work
//! is refused before it does harm, with the way out.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgPool};

use crate::crash::{bodies, send, use_tool, wait_until_idle};
use crate::support::pgbouncer::{PgBouncer, installed, newer};
use crate::support::{Binary, database, drop_database, invariants, roles, url_of};

/// Senders at once, and the calls that each reports.
const SENDERS: usize = 6;
const CALLS: usize = 8;
/// Sessions that the pooler has for all connections together.
const SESSIONS: i64 = 12;
const TRANSACTION: &str = "pool_mode = transaction\ndefault_pool_size = 12";
const SCHEMA: (&str, &str) = ("DATABASE__SCHEMA", "Hooks of \"ours\"");
const QUOTED: &str = "\"Hooks of \"\"ours\"\"\"";
const SECRET: &str = "key_of_the_platform_itself";

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

fn run(url: &str, schema: Option<(&str, &str)>, arguments: &[&str]) -> Output {
    let mut command = Binary::command(url);
    command.envs(schema.map(|(name, value)| (format!("SWITCHHOOK__{name}"), value)));
    command.args(arguments).output().unwrap()
}

async fn execute(pool: &PgPool, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.unwrap();
}

/// The statements that an error names as the way out.
fn way_out(error: &str) -> String {
    let lines: Vec<&str> = error.lines().map(str::trim).filter(|line| line.starts_with("alter role ")).collect();
    assert!(!lines.is_empty(), "{error}");
    lines.join("\n")
}

/// As somebody does it who was refused: the statements are run, and the pooler makes its sessions anew.
async fn take_way_out(owner: &PgPool, bouncer: &PgBouncer, error: &str) {
    execute(owner, &way_out(error)).await;
    bouncer.command("RECONNECT").await;
}

async fn served(bouncer: &PgBouncer, schema: Option<(&str, &str)>) -> Binary {
    let settings: Vec<(&str, &str)> = schema.into_iter().collect();
    Binary::serve(&bouncer.url(), &["--setup"], &settings).await
}

/// Webhooks and tools of many calls at once, some of them twice, while another client of the pooler works beside us.
async fn pour(binary: &Binary, bouncer: &PgBouncer, url: &str, schema: Option<(&str, &str)>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), SECRET).unwrap();
    let file = file.path().to_string_lossy().into_owned();
    for platform in ["retell", "dialpad"] {
        let line = ["connection", "secret", "--provider", platform, "--slug", "default", "--secret-file", &file];
        let output = run(&bouncer.url(), schema, &line);
        assert!(output.status.success(), "{}{}", said(&output), bouncer.log());
    }
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let base = binary.base.clone();
            tokio::spawn(async move {
                let client = crate::support::client();
                for call in (0..CALLS).map(|call| call * SENDERS + sender) {
                    for (place, (platform, body)) in bodies(call).iter().enumerate() {
                        for _ in 0..=usize::from((call + place).is_multiple_of(3)) {
                            let url = format!("{base}/webhooks/{platform}");
                            // A source is known to the running program within moments.
                            let mut status = 0;
                            for _ in 0..100 {
                                let answer = send(&client, &url, platform, body, SECRET).await.unwrap();
                                status = answer.status().as_u16();
                                match status {
                                    200 => break,
                                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                                }
                            }
                            assert_eq!(status, 200, "{platform} {call}");
                        }
                    }
                    use_tool(&client, &base, call, SECRET).await;
                }
            })
        })
        .collect();
    // Its statements are prepared under the same names as ours.
    let mut neighbour = bouncer.connect().await;
    for sender in senders {
        while !sender.is_finished() {
            sqlx::query("insert into public.neighbours default values").execute(&mut neighbour).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sender.await.unwrap();
    }
    let own: i64 =
        sqlx::query_scalar("select count(*) from public.neighbours").fetch_one(&mut neighbour).await.unwrap();
    neighbour.close().await.unwrap();
    let pool = PgPoolOptions::new().max_connections(2).connect(url).await.unwrap();
    wait_until_idle(&pool).await;
    let count = async |what: &str| -> i64 {
        sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {what}"))).fetch_one(&pool).await.unwrap()
    };
    let calls = (SENDERS * CALLS) as i64;
    let events =
        "webhook_events where outcome = 'processed' and event_type in ('call_started', 'call_ended', 'call_analyzed')";
    assert_eq!(count(events).await, calls * 3);
    let keys = "(select distinct coalesce(payload #>> '{call,call_id}', payload ->> 'id'), event_type from webhook_events) keys";
    assert_eq!(count(keys).await, count("webhook_events").await);
    assert_eq!(count("calls").await, calls);
    assert_eq!(count("messages").await, calls);
    assert_eq!(count("lead_notes where body ~ '^note [0-9]+$'").await, calls);
    assert_eq!(count("(select distinct body from lead_notes) notes").await, calls);
    assert!(count("jobs").await > 0);
    // Whatever is due is done, or waits for its next attempt.
    for _ in 0..200 {
        if count("jobs where settled_at is null and due_at < now() - interval '1 second'").await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(count("jobs where settled_at is null and due_at < now() - interval '1 second'").await, 0);
    assert_eq!(count("public.neighbours").await, own, "somebody ran the neighbour's statement");
    assert_eq!(invariants::broken(url).await, Vec::<String>::new());
    let log = binary.log();
    let codes = ["error 42P05", "error 26000", "error 08P01"];
    assert!(codes.iter().all(|code| !log.contains(code)), "{log}");
    pool.close().await;
}

/// A database with a table of the neighbour's, a pool of its owner's and its URL.
async fn shared_database() -> (String, PgPool, String) {
    let (name, owner) = database().await;
    execute(
        &owner,
        "create table neighbours (id bigint generated always as identity primary key);
         grant all on neighbours to public",
    )
    .await;
    let url = url_of(&name);
    (name, owner, url)
}

async fn leave(name: &str, owner: PgPool, bouncer: PgBouncer) {
    drop(bouncer);
    owner.close().await;
    drop_database(name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_session_mode_as_it_comes_the_role_gets_the_settings_and_all_is_well() {
    let Some(program) = installed() else { return };
    let (name, owner, url) = shared_database().await;
    let bouncer = PgBouncer::start(&program, &url, "default_pool_size = 60").await;
    // It refuses parameters that it does not know; the program goes without, and sees that nobody has set them.
    let refused = run(&bouncer.url(), None, &["serve"]);
    let told = said(&refused);
    assert!(!refused.status.success(), "{told}");
    assert!(told.contains("statement_timeout is 0 and not 30000") && told.contains("jit is on and not off"), "{told}");
    assert!(!told.contains("search_path"), "connections look in public already: {told}");
    take_way_out(&owner, &bouncer, &told).await;
    let binary = served(&bouncer, None).await;
    pour(&binary, &bouncer, &url, None).await;
    let told = said(&run(&bouncer.url(), None, &["doctor", "--quick"]));
    assert!(told.contains("one in session mode; it refuses settings of sessions"), "{told}");
    drop(binary);
    leave(&name, owner, bouncer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_transaction_mode_with_prepared_statements_kept_apart_all_is_well_in_a_schema_of_ones_own() {
    let Some(program) = newer() else { return };
    let (name, owner, url) = shared_database().await;
    let lines = format!("{TRANSACTION}\nmax_prepared_statements = 200");
    let bouncer = PgBouncer::start(program, &url, &lines).await;
    let told = said(&run(&bouncer.url(), Some(SCHEMA), &["migrate"]));
    assert!(told.contains(&format!("set search_path = {QUOTED};")), "{told}");
    take_way_out(&owner, &bouncer, &told).await;
    let binary = served(&bouncer, Some(SCHEMA)).await;
    pour(&binary, &bouncer, &url, Some(SCHEMA)).await;
    let count = async |statement: &str| -> i64 {
        sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&owner).await.unwrap()
    };
    assert_eq!(count("select count(*) from public.webhook_events").await, 0);
    let sessions =
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                        and application_name like 'switchhook%'";
    let sessions = count(sessions).await;
    assert!((1..=SESSIONS).contains(&sessions), "{sessions}");
    let told = said(&run(&bouncer.url(), Some(SCHEMA), &["doctor"]));
    assert!(told.contains("one in transaction mode, which keeps prepared statements apart"), "{told}");
    assert!(!told.contains("FAIL"), "{told}");
    // Nothing of ours is left in the sessions that others use as well.
    let mut neighbours = Vec::new();
    for _ in 0..SESSIONS {
        let mut neighbour = bouncer.connect().await;
        sqlx::raw_sql("begin").execute(&mut neighbour).await.unwrap();
        let changed: i64 = sqlx::query_scalar(
            "select count(*) from pg_settings
             where source = 'session' and name not in ('application_name', 'client_encoding', 'DateStyle', 'TimeZone',
                                                       'standard_conforming_strings')",
        )
        .fetch_one(&mut neighbour)
        .await
        .unwrap();
        assert_eq!(changed, 0);
        neighbours.push(neighbour);
    }
    drop((neighbours, binary));
    leave(&name, owner, bouncer).await;
}

/// Whatever else the pooler is like, it is refused with these words, and the neighbour's statements are left alone.
async fn is_refused(program: &Path, lines: &str, words: &[&str]) {
    let (name, owner, url) = shared_database().await;
    let bouncer = PgBouncer::start(program, &url, lines).await;
    let told = said(&run(&bouncer.url(), None, &["doctor", "--quick"]));
    if told.contains("alter role ") {
        take_way_out(&owner, &bouncer, &told).await;
    }
    // Ours would have its name.
    let insert = "insert into public.neighbours default values";
    let mut neighbour = bouncer.connect().await;
    let mut own = 0;
    for _ in 0..2 {
        // There it finds its own only as long as it comes to the same session: that is the fault of this way.
        let executed = sqlx::query(insert).execute(&mut neighbour).await;
        own += i64::from(executed.is_ok());
        for arguments in [&["serve", "--setup"][..], &["doctor", "--quick"], &["events", "list"]] {
            let refused = run(&bouncer.url(), None, arguments);
            let told = said(&refused);
            assert!(!refused.status.success(), "{arguments:?} {told}");
            assert!(words.iter().all(|word| told.contains(word)), "{arguments:?} {told}");
        }
        let inserted: i64 = sqlx::query_scalar("select count(*) from neighbours").fetch_one(&owner).await.unwrap();
        assert_eq!(inserted, own, "somebody ran the neighbour's statement");
    }
    drop(neighbour);
    leave(&name, owner, bouncer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transaction_mode_without_prepared_statements_kept_apart_is_refused_by_name() {
    let words = ["transaction mode", "1.21", "max_prepared_statements = 200"];
    if let Some(program) = installed() {
        is_refused(&program, TRANSACTION, &words).await;
    }
    if let Some(program) = newer() {
        is_refused(program, &format!("{TRANSACTION}\nmax_prepared_statements = 0"), &words).await;
        // Also where the pooler has one session for everybody.
        let lines = "pool_mode = transaction\ndefault_pool_size = 1\nmax_prepared_statements = 0";
        is_refused(program, lines, &words).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statement_mode_is_refused_by_name() {
    let Some(program) = installed() else { return };
    is_refused(&program, "pool_mode = statement", &["statement mode", "pool_mode = transaction or session"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_a_pooler_drops_without_a_word_are_missed_at_once() {
    let Some(program) = installed() else { return };
    let (name, owner, url) = shared_database().await;
    let lines = "ignore_startup_parameters = options, extra_float_digits\ndefault_pool_size = 60";
    let bouncer = PgBouncer::start(&program, &url, lines).await;
    let told = said(&run(&bouncer.url(), Some(SCHEMA), &["migrate"]));
    assert!(told.contains("search_path is public and not Hooks of"), "{told}");
    assert!(told.contains("statement_timeout is 0 and not 30000"), "{told}");
    execute(
        &owner,
        "alter database DATABASE set default_transaction_isolation = 'serializable'"
            .replace("DATABASE", &name)
            .as_str(),
    )
    .await;
    bouncer.command("RECONNECT").await;
    let told = said(&run(&bouncer.url(), Some(SCHEMA), &["migrate"]));
    assert!(told.contains("default_transaction_isolation is serializable and not read committed"), "{told}");
    take_way_out(&owner, &bouncer, &told).await;
    let migrated = run(&bouncer.url(), Some(SCHEMA), &["migrate"]);
    assert!(migrated.status.success(), "{}", said(&migrated));
    let told = said(&run(&bouncer.url(), Some(SCHEMA), &["doctor", "--quick"]));
    assert!(told.contains("one in session mode") && !told.contains("it refuses"), "{told}");
    // A shorter limit is the operator's own affair, a longer one is none.
    execute(&owner, &format!("alter role {} in database {name} set statement_timeout = '5s'", roles::login())).await;
    bouncer.command("RECONNECT").await;
    let listed = run(&bouncer.url(), Some(SCHEMA), &["events", "list"]);
    assert!(listed.status.success(), "{}", said(&listed));
    leave(&name, owner, bouncer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_comes_back_otherwise_is_noticed_and_nothing_is_lost() {
    let Some(program) = newer() else { return };
    let (name, owner, url) = shared_database().await;
    let lines = format!("{TRANSACTION}\nmax_prepared_statements = 200");
    let bouncer = PgBouncer::start(program, &url, &lines).await;
    let told = said(&run(&bouncer.url(), None, &["doctor", "--quick"]));
    take_way_out(&owner, &bouncer, &told).await;
    let binary = served(&bouncer, None).await;
    let ready = async || {
        let answer = crate::support::client().get(format!("{}/readyz", binary.base)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let until = async |status: u16, word: &str| {
        let mut last = (0, String::new());
        for _ in 0..200 {
            last = ready().await;
            if last.0 == status && last.1.contains(word) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{last:?}: {}", binary.log());
    };
    until(200, "").await;
    let bouncer = bouncer.restart(program, &format!("{TRANSACTION}\nmax_prepared_statements = 0")).await;
    until(503, "max_prepared_statements").await;
    let bouncer = bouncer.restart(program, &lines).await;
    until(200, "").await;
    drop(binary);
    leave(&name, owner, bouncer).await;
}

#[test]
fn nothing_of_the_program_lives_in_a_session() {
    // A session is ours for a transaction only: what outlives one is the next client's.
    let of_a_session = [
        "pg_advisory_lock(",
        "pg_try_advisory_lock(",
        "pg_advisory_lock_shared(",
        "pg_try_advisory_lock_shared(",
        "pg_notify(",
        "listen ",
        "unlisten",
        "notify ",
        "create temp",
        "prepare ",
        "with hold",
        "set session",
        "discard all",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("migrations")).unwrap().map(|file| file.unwrap().path()).collect();
    for folder in std::fs::read_dir(root.join("sql")).unwrap().map(|folder| folder.unwrap().path()) {
        // Operators run these by psql, over a session of their own.
        if !folder.ends_with("ops") {
            files.extend(std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
        }
    }
    assert!(files.len() > 100, "{}", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap().to_lowercase();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
            let is_kept = of_a_session.iter().any(|word| line.contains(word));
            let is_set = line.contains("set_config(") && line.contains("false)");
            assert!(!is_kept && !is_set, "{}: a session that a pooler shares would keep it: {line}", file.display());
        }
    }
}

/// What leads to a standby may lead through a pooler as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pages_are_read_from_is_looked_at_as_well() {
    let Some(program) = installed() else { return };
    let (name, owner, url) = shared_database().await;
    let migrated = run(&url, None, &["migrate"]);
    assert!(migrated.status.success(), "{}", said(&migrated));
    let lines = format!("{TRANSACTION}\nignore_startup_parameters = options");
    let bouncer = PgBouncer::start(&program, &url, &lines).await;
    let doctor = || {
        let mut command = Binary::command(&url);
        command
            .args(["doctor", "--quick"])
            .env("SWITCHHOOK__DATABASE__READ_URL", roles::url_of_program(&bouncer.url()));
        said(&command.stdin(std::process::Stdio::null()).output().unwrap())
    };
    let told = doctor();
    assert!(told.contains("statement_timeout is 0 and not"), "{told}");
    take_way_out(&owner, &bouncer, &told).await;
    let told = doctor();
    assert!(told.contains("database.read_url is not used") && told.contains("max_prepared_statements = 200"), "{told}");
    leave(&name, owner, bouncer).await;
}
