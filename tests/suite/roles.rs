//! The roles of `sql/ops/roles.sql`: the program works as the runtime role and can do no more than it needs, the reader
//! sees no secret, and nothing in the schema is without a decision.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use switchhook::access::{Actor, Role};
use switchhook::redact::Phone;
use switchhook::retention::{self, Action, Kind, Options, Person};
use switchhook::store::tokens;

use crate::support::roles::{READER, RUNTIME, make_roles, pool_as, run_roles_file, url_as};
use crate::support::{Binary, TestApp, database, drop_database, fixtures, url_of};

/// What a role is told that may not.
const NO_RIGHT: &str = "42501";
/// Words in the names of columns that hold secrets, or what nobody reads for a report.
const SECRET_WORDS: [&str; 16] = [
    "secret",
    "token",
    "password",
    "digest",
    "payload",
    "settings",
    "csrf",
    "header",
    "verify",
    "slug_",
    "audio",
    "sealed",
    "recovery",
    "totp",
    "preview",
    "recording_url",
];

/// The SQLSTATE that a statement fails with.
async fn refused(pool: &PgPool, statement: &str) -> Option<String> {
    let error = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.err()?;
    error.as_database_error().and_then(|error| error.code()).map(std::borrow::Cow::into_owned)
}

/// Every statement of the program: the files under `sql/`, without those for operators.
fn statements() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut found = Vec::new();
    for room in std::fs::read_dir(root).unwrap().map(|room| room.unwrap().path()).filter(|room| !room.ends_with("ops"))
    {
        for file in std::fs::read_dir(room).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|ending| ending == "sql") {
                let text = std::fs::read_to_string(&file).unwrap();
                found.push((file, text));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_of_the_program_may_be_run_by_the_runtime_role() {
    let app = TestApp::spawn_as_runtime().await;
    let statements = statements();
    assert!(statements.len() > 150, "{}", statements.len());
    let mut connection = app.pool.acquire().await.unwrap();
    // Postgres looks at rights when a plan is about to run, so explaining it is enough.
    sqlx::raw_sql("set plan_cache_mode = force_generic_plan").execute(&mut *connection).await.unwrap();
    let mut failed = Vec::new();
    for (file, text) in statements {
        let nulls = (1..).take_while(|number| text.contains(&format!("${number}"))).map(|_| "null").collect::<Vec<_>>();
        let nulls = if nulls.is_empty() { String::new() } else { format!("({})", nulls.join(", ")) };
        let text = text.trim_end().trim_end_matches(';');
        let explained = format!("prepare s as {text}\n; explain execute s{nulls}; deallocate s");
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(explained)).execute(&mut *connection).await {
            failed.push(format!("{}: {error}", file.display()));
            sqlx::raw_sql("deallocate all").execute(&mut *connection).await.unwrap();
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_decided_on_and_every_decision_is_about_a_table() {
    let app = TestApp::spawn_as_runtime().await;
    let file = include_str!("../../sql/ops/roles.sql");
    let list = file.split("insert into roles_decided values").nth(1).unwrap().split(";\n").next().unwrap();
    let list = list.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    let mut decided = 0;
    for entry in list.split("\n    ('").skip(1) {
        let words: Vec<&str> = entry.split('\'').collect();
        let (table, columns) = (words[0], words[4..].join(" "));
        let there = app.value(&format!("to_regclass('{table}') is not null")).await;
        assert_eq!(there, json!(true), "roles.sql decides on {table}, which there is not");
        for column in columns.split([' ', '\n', ',', '(', ')']).filter(|word| word.len() > 1 && !word.starts_with('-'))
        {
            if column == "null" {
                continue;
            }
            let there = format!(
                "exists (select from pg_attribute where attrelid = '{table}'::regclass and attname = '{column}' and not attisdropped)"
            );
            assert_eq!(
                app.value(&there).await,
                json!(true),
                "roles.sql decides on {table}.{column}, which there is not"
            );
        }
        decided += 1;
    }
    // Making the roles says nothing of undecided tables (`make_roles`); so all are in the list.
    let tables =
        "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')";
    assert_eq!(app.value(tables).await, json!(decided));
    // A new table without a decision is told of; the program has it, and the reader has not.
    app.execute("create table tomorrow (id uuid primary key)").await;
    let database = app.value("current_database()").await;
    let output = run_roles_file(&url_of(database.as_str().unwrap()), &[]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("table tomorrow is not decided on"), "{said}");
    let rights = format!(
        "array[has_table_privilege('{RUNTIME}', 'tomorrow', 'delete'), has_table_privilege('{READER}', 'tomorrow', 'select')]"
    );
    assert_eq!(app.value(&rights).await, json!([true, false]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_does_all_its_work_as_the_runtime_role() {
    let app = TestApp::spawn_as_runtime().await;
    assert_eq!(
        sqlx::query_scalar::<_, String>("select current_user::text").fetch_one(&app.pool).await.unwrap(),
        RUNTIME
    );
    app.set_rate("1", 1, 0).await;
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    app.run_everything().await;
    assert_eq!(app.value("select count(*) from webhook_events where processed_at is null").await, 0);
    assert!(app.value("select count(*) from jobs where settled_at is not null").await.as_i64().unwrap() > 0);
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Admin, "t", None).await.unwrap().1;
    for path in
        ["/overview", "/calls", "/leads", "/campaigns", "/operations", "/setup", "/api/v1/calls", "/api/v1/leads"]
    {
        let answer = TestApp::answer(app.client.get(format!("{}{path}", app.base)).bearer_auth(token.expose())).await;
        answer.assert_status(200);
    }
    // Erasing, and what goes by rule.
    let number = app.value("select min(phone) from leads").await.as_str().unwrap().to_owned();
    let person = Person { number: Phone::new(&number), tenant_id: None };
    let report = retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap();
    assert!(report.rows() > 0 && report.left.is_empty());
    assert_eq!(app.value(&format!("select count(*) from leads where phone = '{number}'")).await, 0);
    app.execute(
        "update webhook_events set received_at = now() - interval '9 days'; update calls set created_at = now() - interval '9 days';
         update recordings set created_at = now() - interval '9 days'; update messages set created_at = now() - interval '9 days';
         update lead_analytics set created_at = now() - interval '9 days'",
    )
    .await;
    for kind in Kind::ALL {
        retention::set(&app.pool, None, *kind, Some(Duration::from_secs(5 * 86_400)), Action::Delete).await.unwrap();
    }
    let gone = retention::run_once(&app.pool, &Options { pause: Duration::ZERO, ..Options::default() }).await.unwrap();
    assert!(gone.rules.iter().map(|rule| rule.rows).sum::<u64>() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_role_cannot_rewrite_the_log_nor_change_what_there_is() {
    let app = TestApp::spawn_as_runtime().await;
    app.execute("insert into operator_log (actor, action, row_count) values ('psql', 'note', 1)").await;
    for statement in [
        "update operator_log set actor = 'nobody'",
        "delete from operator_log",
        "truncate operator_log",
        "select id from operator_log for update",
        "insert into operator_log (actor, action, row_count) values ('x', 'x', 1) on conflict (id) do update set actor = 'y'",
        "delete from webhook_events",
        "delete from calls",
        "delete from credits",
        "update tenant_rates set rate_per_minute = 0",
        "truncate calls",
        "truncate sign_in_attempts",
        "update _sqlx_migrations set success = true",
        "create table mine (id int)",
        "create function mine() returns int language sql as 'select 1'",
        "alter table calls add column mine int",
        "drop table calls",
        "alter function operator_log_forget set search_path = public",
        "create index on calls (id)",
        "create trigger mine before insert on operator_log for each row execute function crm_touch()",
        "set role switchhook_owner",
    ] {
        assert_eq!(refused(&app.pool, statement).await.as_deref(), Some(NO_RIGHT), "{statement}");
    }
    // It adds lines, as every change does.
    let added = "insert into operator_log (actor, action, row_count) values ('cli', 'note', 1)";
    assert_eq!(refused(&app.pool, added).await, None);
    assert_eq!(app.value("select count(*) from operator_log").await, 2);
    // Functions that act as their owner name whom they serve, and where they look.
    let loose = app
        .rows(
            "select to_jsonb(proname::text) from pg_proc
             where pronamespace = 'public'::regnamespace and prosecdef
               and (not coalesce(array_to_string(proconfig, ' '), '') ~ 'search_path=public, pg_temp( |$)'
                    or has_function_privilege('public', oid, 'execute'))",
        )
        .await;
    assert!(loose.is_empty(), "{loose:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_reads_reports_and_no_secret() {
    let app = TestApp::spawn_as_runtime().await;
    for fixture in fixtures() {
        app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
    }
    app.run_until_idle().await;
    let database = app.value("current_database()").await.as_str().unwrap().to_owned();
    let url = url_of(&database);
    let reader = pool_as(READER, &url).await;
    for statement in [
        "select count(*) from lead_facts",
        "select count(id) from missed_calls",
        "select id, status, talk_ms, contact_number from call_items",
        "select id, event_type, last_error is null from webhook_events".replace(", last_error is null", "").as_str(),
        "select count(id) from dead_letters",
        "select * from balances",
        "select slug, name from tenants",
        "select phone, score from lead_analytics",
        "select count(*) from outreaches",
    ] {
        assert_eq!(refused(&reader, statement).await, None, "{statement}");
    }
    for statement in [
        "select payload from webhook_events",
        "select * from tenants",
        "select settings from tenants",
        "select secret from connection_secrets",
        "select * from api_tokens",
        "select * from users",
        "select * from sessions",
        "select * from secrets",
        "select * from oauth_tokens",
        "select * from idempotency_keys",
        "select * from forgotten",
        "select * from operator_log",
        "select transcript from calls",
        "select recording_url from call_items",
        "select audio from recordings",
        "select body from messages",
        "select operator_log_forget('{}', '{}', null)",
        "insert into campaigns (tenant_id, name) select id, 'x' from tenants",
        "update leads set stage = 'won'",
        "delete from outreaches",
        "create table mine (id int)",
    ] {
        assert_eq!(refused(&reader, statement).await.as_deref(), Some(NO_RIGHT), "{statement}");
    }
    // Of every column that the reader may see, none sounds like a secret.
    let seen = app
        .rows(&format!(
            "select to_jsonb(c.relname || '.' || a.attname) from pg_class c join pg_attribute a on a.attrelid = c.oid
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'p', 'm') and a.attnum > 0
               and not a.attisdropped and has_column_privilege('{READER}', c.oid, a.attnum, 'select')"
        ))
        .await;
    assert!(seen.len() > 150, "{}", seen.len());
    for column in seen.iter().map(|column| column.as_str().unwrap()) {
        let name = column.split('.').nth(1).unwrap();
        let is_secret = SECRET_WORDS.iter().any(|word| name.contains(word));
        assert!(!is_secret || name == "payload_removed_at" || name == "url_is_secret", "the reader sees {column}");
    }
    // What people said is there for whoever asked for it, and goes again.
    assert!(run_roles_file(&url, &["words=1"]).await.status.success());
    assert_eq!(refused(&reader, "select transcript from calls union all select body from messages").await, None);
    make_roles(&url).await;
    assert_eq!(refused(&reader, "select transcript from calls").await.as_deref(), Some(NO_RIGHT));
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_made_before_or_after_the_tables_in_any_schema_and_any_number_of_times() {
    let (name, pool) = database().await;
    let url = url_of(&name);
    let execute = async |pool: &PgPool, statement: &str| {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.unwrap();
    };
    execute(&pool, "drop schema public cascade; create schema public").await;
    // Names with a blank and a capital: whatever is a name is quoted.
    let roles = ["My Owner", "my_runtime", "my_reader"];
    let variables = ["schema=My Hooks", "owner=My Owner", "runtime=my_runtime", "reader=my_reader"];
    let output = run_roles_file(&url, &variables).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("run `switchhook migrate` as My Owner"), "{said}");
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap();
    for role in roles {
        execute(&pool, &format!("alter role \"{role}\" password '{password}'")).await;
    }
    let (owner_url, runtime_url) = (url_as("My%20Owner", &url), url_as("my_runtime", &url));
    let run = |url: &str, arguments: &[&str]| {
        let mut command = Binary::command(url);
        command.env("SWITCHHOOK__DATABASE__SCHEMA", "My Hooks").args(arguments).output().unwrap()
    };
    // The runtime role makes no tables; the owner does.
    let migrated = run(&runtime_url, &["migrate"]);
    assert!(!migrated.status.success());
    let migrated = run(&owner_url, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    assert!(!run(&runtime_url, &["events", "list"]).status.success(), "nothing is granted before the second time");
    let rights = "select jsonb_agg(jsonb_build_array(c.relname, c.relowner::regrole, c.relacl::text, a.acls) order by c.relname)
        from pg_class c cross join lateral (select jsonb_agg(attacl::text order by attnum) as acls from pg_attribute where attrelid = c.oid) a
        where c.relnamespace = '\"My Hooks\"'::regnamespace";
    let mut before = None;
    for _ in 0..2 {
        let output = run_roles_file(&url, &variables).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{said}");
        let found: serde_json::Value = sqlx::query_scalar(AssertSqlSafe(rights)).fetch_one(&pool).await.unwrap();
        assert!(before.replace(found.clone()).is_none_or(|before| before == found), "a second time changes nothing");
    }
    // Now the program serves, sets up and takes in, with the tables where no default would look for them.
    let binary = Binary::serve(&runtime_url, &["--setup"], &[("DATABASE__SCHEMA", "My Hooks")]).await;
    let answer = crate::support::client().get(format!("{}/healthz", binary.base)).send().await.unwrap();
    assert!(answer.status().is_success());
    drop(binary);
    let tenants: i64 = sqlx::query_scalar("select count(*) from \"My Hooks\".tenants").fetch_one(&pool).await.unwrap();
    assert_eq!(tenants, 1);
    // A later migration of the owner's is the program's at once.
    let owner = pool_as("My%20Owner", &url).await;
    execute(&owner, "create table later (id uuid primary key)").await;
    let may: bool = sqlx::query_scalar("select has_table_privilege('my_runtime', '\"My Hooks\".later', 'insert')")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(may);
    owner.close().await;
    pool.close().await;
    drop_database(&name).await;
}
