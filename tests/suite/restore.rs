//! Dump and restore, as docs/restore.md says: nothing is lost, and what was pending is worked off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sqlx::{AssertSqlSafe, PgPool};
use switchhook::db;

use crate::support::invariants;
use crate::support::leaks;
use crate::support::roles::client;
use crate::support::{Binary, TestApp, database, drop_database, fixtures, url_of};

/// What follows from other tables, and may be there twice or be done anew.
const DERIVED: &[&str] = &["_sqlx_migrations", "call_words_due", "call_quarter_changes"];

fn ran(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

/// Every table with its rows, whatever order they are in.
async fn rows(url: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    for (table, text) in leaks::dump(url).await {
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        rows.sort();
        if !DERIVED.contains(&&*table) {
            tables.insert(table, rows);
        }
    }
    tables
}

#[expect(clippy::print_stderr, reason = "who runs the suite is told what it passed over")]
/// Whether Debian's clients can read this server: a newer one they refuse.
async fn can_dump(pool: &PgPool) -> bool {
    let server: String =
        sqlx::query_scalar("select current_setting('server_version_num')").fetch_one(pool).await.unwrap();
    let text = said(&ran(client("pg_dump").arg("--version")));
    let client: u32 = text.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok()).unwrap();
    let is_fit = client >= server.parse::<u32>().unwrap() / 10_000;
    if !is_fit {
        eprintln!("passed over: pg_dump {client} does not read the dump of a newer server");
    }
    is_fit
}

struct Source {
    app: TestApp,
    url: String,
    folder: tempfile::TempDir,
    rows: BTreeMap<String, Vec<String>>,
}

impl Source {
    /// Every sample, half of them worked off, and one that waits for its next attempt.
    async fn filled() -> Option<Self> {
        let app = TestApp::spawn().await;
        if !can_dump(&app.owner).await {
            return None;
        }
        app.set_rate("0.9", 6, 10).await;
        let fixtures = fixtures();
        let (first, second) = fixtures.split_at(fixtures.len() / 2);
        for fixture in first {
            app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
        }
        app.run_until_idle().await;
        for fixture in second {
            app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
        }
        app.execute(
            "update webhook_events set next_attempt_at = now() + interval '1 second'
             where id = (select event_id from event_queue limit 1);
             update retention_rules set keep = interval '90 days' where kind = 'rejections'",
        )
        .await;
        let database = app.value("current_database()").await;
        let url = url_of(database.as_str().unwrap());
        let rows = rows(&url).await;
        assert!(rows["calls"].len() > 10 && rows["event_queue"].len() > 10, "{:?}", rows["event_queue"]);
        Some(Self { app, url, folder: tempfile::tempdir().unwrap(), rows })
    }

    fn dump(&self, arguments: &[&str]) -> PathBuf {
        let file = self.folder.path().join("dump");
        let output = ran(client("pg_dump").args(["-d", &self.url, "-f"]).arg(&file).args(arguments));
        assert!(output.status.success(), "{}", said(&output));
        file
    }
}

/// A database in which nothing was migrated.
async fn empty_database() -> (String, PgPool) {
    let (name, pool) = database().await;
    sqlx::raw_sql("drop schema public cascade; create schema public").execute(&pool).await.unwrap();
    (name, pool)
}

/// Everything that was there is there, and what was pending is worked off.
async fn assert_whole(source: &Source, name: &str, pool: PgPool, schema: &str) {
    let url = url_of(name);
    if schema == "public" {
        let restored = rows(&url).await;
        for (table, rows) in &source.rows {
            assert_eq!(restored.get(table), Some(rows), "{table}");
        }
    }
    let program = |arguments: &[&str]| {
        let mut command = Binary::command(&url);
        command.env("SWITCHHOOK__DATABASE__SCHEMA", schema).env("SWITCHHOOK__PHONES__DEFAULT_REGION", "IL");
        ran(command.args(arguments))
    };
    let count = async |what: &str| -> i64 {
        let sql = format!("set search_path = {schema}; select count(*) from {what}");
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap();
        sqlx::Row::get(&row, 0)
    };
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let output = program(&["process"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(count("webhook_events where processed_at is null").await, 0, "{}", said(&output));
    assert_eq!(count("event_queue").await, 0);
    let events = i64::try_from(source.rows["webhook_events"].len()).unwrap();
    assert_eq!(count("webhook_events").await, events);
    let written = count("calls").await + count("messages").await;
    let before = source.rows["calls"].len() + source.rows["messages"].len();
    assert!(written > i64::try_from(before).unwrap(), "{written} calls and messages, {before} before");
    if schema == "public" {
        assert_eq!(invariants::broken(&url).await, [""; 0]);
    }
    pool.close().await;
    drop_database(name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_everything_is_restored_also_under_another_name() {
    let Some(source) = Source::filled().await else { return };
    let file = source.dump(&["-Fc"]);
    for schema in ["public", "hooks"] {
        let (name, pool) = empty_database().await;
        let output = ran(client("pg_restore").args(["--exit-on-error", "-d", &url_of(&name)]).arg(&file));
        assert!(output.status.success(), "{}", said(&output));
        if schema != "public" {
            let renamed = format!("alter schema public rename to {schema}");
            sqlx::raw_sql(AssertSqlSafe(renamed)).execute(&pool).await.unwrap();
            let mut command = Binary::command(&url_of(&name));
            let output = ran(command.env("SWITCHHOOK__DATABASE__SCHEMA", schema).arg("migrate"));
            assert!(output.status.success(), "{}", said(&output));
        }
        assert_whole(&source, &name, pool, schema).await;
    }
    source.app.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_alone_go_into_a_database_that_was_migrated() {
    let Some(source) = Source::filled().await else { return };
    let (name, pool) = empty_database().await;
    db::migrate(&pool).await.unwrap();
    let file = source.dump(&["--data-only", "--exclude-table-data=*._sqlx_migrations"]);
    let output = ran(client("psql").args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &url_of(&name), "-f"]).arg(&file));
    assert!(output.status.success(), "{}", said(&output));
    assert_whole(&source, &name, pool, "public").await;

    // Out of a dump of everything, whose tables come in any order.
    let (name, pool) = empty_database().await;
    db::migrate(&pool).await.unwrap();
    let before = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/ops/before_restore.sql");
    let prepare = || ran(client("psql").args(["-X", "-q", "-d", &url_of(&name), "-f"]).arg(&before));
    let output = prepare();
    assert!(output.status.success(), "{}", said(&output));
    let file = source.dump(&["-Fc"]);
    let output = ran(client("pg_restore").args(["--data-only", "--disable-triggers", "-d", &url_of(&name)]).arg(&file));
    assert_eq!(said(&output).matches("error: ").count(), 1, "{}", said(&output));
    assert!(said(&output).contains("_sqlx_migrations"), "{}", said(&output));
    assert!(!prepare().status.success(), "there is something that no migration has written");
    assert_whole(&source, &name, pool, "public").await;
    source.app.run_until_idle().await;
}
