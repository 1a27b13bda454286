//! Every command, route and form that changes something leaves a line in the operator log, in the transaction of the
//! change.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use switchhook::access::{Role, Scope};
use switchhook::admin;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::access::{one_of_everything, sample as api_sample, set_up};
use crate::pages_access::sample as page_sample;
use crate::support::{Binary, TENANT, TestApp, database_url, drop_database};

/// What a command does to the database.
enum Does {
    /// It changes nothing that anybody decided.
    Nothing,
    /// It runs the program: what changes then is the program's work, which events, jobs and runs tell of themselves.
    Work,
    /// Lines like these, in turn, with what they leave in the log: the action, or none where a line only prepares.
    Writes(&'static [(&'static str, &'static str)]),
    /// Another test of this name holds it, since it takes a vendor.
    Elsewhere(&'static str),
}
use Does::{Elsewhere, Nothing, Work, Writes};

/// Every command, in an order in which each finds what it needs.
const COMMANDS: &[(&str, Does)] = &[
    ("serve", Work),
    ("migrate", Work),
    ("demo", Work),
    ("torture", Work),
    ("process", Work),
    ("trigger", Work),
    ("stats", Nothing),
    ("tenant add", Writes(&[("tenant add acme --region us", "add_tenant")])),
    ("tenant list", Nothing),
    (
        "tenant set",
        Writes(&[
            ("tenant set acme time_zone Europe/Madrid", "set_setting"),
            ("tenant set acme integrations.openai.api_key hunter2hunter2", "set_setting"),
        ]),
    ),
    ("tenant settings", Nothing),
    ("tenant unset", Writes(&[("tenant unset acme integrations.openai.api_key", "unset_setting")])),
    ("tenant rate", Writes(&[("tenant rate acme --per-minute 0.10 --currency USD --low-credit 5", "set_rate")])),
    ("credit add", Writes(&[("credit add --tenant acme --amount 100 --note invoice-17", "add_credit")])),
    ("credit list", Nothing),
    ("charges list", Nothing),
    ("balance", Nothing),
    ("campaign add", Writes(&[("campaign add spring --tenant acme", "add_campaign")])),
    ("campaign list", Nothing),
    ("number add", Writes(&[("number add +15550100199 --tenant acme --campaign spring", "add_number")])),
    ("number list", Nothing),
    ("number remove", Writes(&[("number remove +15550100199", "remove_number")])),
    ("agent add", Writes(&[("agent add a1 --provider retell --tenant acme", "add_agent")])),
    ("agent list", Nothing),
    ("agent remove", Writes(&[("agent remove a1 --provider retell", "remove_agent")])),
    ("token add", Writes(&[("token add --role viewer --label reports", "add_token")])),
    ("token list", Nothing),
    ("token revoke", Writes(&[("token revoke {token}", "revoke_token")])),
    ("user add", Writes(&[("user add dana --role viewer", "add_user")])),
    ("user list", Nothing),
    ("user password", Writes(&[("user password dana", "set_password")])),
    ("user reset-second-factor", Writes(&[("user reset-second-factor dana", "reset_second_factor")])),
    ("user require-second-factor", Writes(&[("user require-second-factor dana", "require_second_factor")])),
    ("user release-second-factor", Writes(&[("user release-second-factor dana", "require_second_factor")])),
    ("user remove", Writes(&[("user remove dana", "remove_user")])),
    ("events list", Nothing),
    ("events show", Nothing),
    ("events skip", Writes(&[("events skip --id {pending} --reason call+15550100123 --yes", "skip")])),
    ("events replay", Writes(&[("events replay --id {settled} --yes", "replay")])),
    ("dead list", Nothing),
    ("dead show", Nothing),
    ("dead discard", Writes(&[("dead discard --id {dead} --reason call+15550100123 --yes", "discard")])),
    ("dead redrive", Writes(&[("dead redrive --id {dying} --yes", "redrive")])),
    ("jobs list", Nothing),
    ("jobs stats", Nothing),
    ("jobs show", Nothing),
    ("jobs cancel", Writes(&[("jobs cancel --id {job} --reason call+15550100123", "cancel_jobs")])),
    ("jobs retry", Writes(&[("jobs retry --id {job}", "retry_jobs")])),
    ("jobs pause", Writes(&[("jobs pause start_outreach --reason call+15550100123", "pause_jobs")])),
    ("jobs resume", Writes(&[("jobs resume start_outreach", "resume_jobs")])),
    ("jobs run", Work),
    (
        "connection add",
        Writes(&[
            ("connection add --provider retell --slug desk --tenant acme --secret-stdin", "add_connection"),
            ("connection add --provider whatsapp --slug wa --tenant acme --secret-stdin", "add_connection"),
            ("connection add --provider bolna --tenant acme --slug b", "add_connection"),
        ]),
    ),
    ("connection list", Nothing),
    (
        "connection secret",
        Writes(&[("connection secret --provider retell --slug desk --secret-stdin", "rotate_secret")]),
    ),
    (
        "connection url",
        Writes(&[
            ("connection url --provider bolna --slug b", "add_source_token"),
            ("connection url --provider bolna --slug b --live", "add_source_token"),
        ]),
    ),
    ("connection live-off", Writes(&[("connection live-off --provider bolna --slug b", "end_live_tokens")])),
    (
        "connection verify-token",
        Writes(&[("connection verify-token --provider whatsapp --slug wa", "set_verify_token")]),
    ),
    ("connection disable", Writes(&[("connection disable --provider retell --slug desk", "disable_connection")])),
    ("connection enable", Writes(&[("connection enable --provider retell --slug desk", "enable_connection")])),
    ("retention set", Writes(&[("retention set payloads --keep 90d", "set_retention")])),
    ("retention list", Nothing),
    ("retention run", Writes(&[("retention run --pause 0s", "retention")])),
    ("retention unset", Writes(&[("retention unset payloads", "unset_retention")])),
    ("calls join", Writes(&[("calls join {call} {other}", "join_calls")])),
    ("calls part", Writes(&[("calls part {call} {other}", "part_calls")])),
    ("calls auto", Writes(&[("calls auto {call} {other}", "leave_calls")])),
    ("leads do-not-contact", Writes(&[("leads do-not-contact +15550100123 --tenant acme", "do_not_contact")])),
    ("leads forget", Writes(&[("leads forget +15550100123 --yes", "forget")])),
    ("crm status", Nothing),
    ("crm differing", Nothing),
    ("crm pull", Elsewhere("asking_and_telling_the_crm_leaves_a_line")),
    ("crm push", Elsewhere("asking_and_telling_the_crm_leaves_a_line")),
    ("rejections list", Nothing),
    ("rejections show", Nothing),
    ("rejections reverify", Elsewhere("what_a_wrong_secret_refused_is_stored_when_it_is_mended")),
    ("reconcile", Elsewhere("a_run_by_hand_leaves_a_line")),
    ("audit list", Nothing),
    ("verify", Nothing),
    ("secrets new-key", Nothing),
    ("spool status", Nothing),
    ("spool show", Nothing),
    // What it stores is what the program would have stored by itself.
    ("spool drain", Work),
    ("secrets status", Nothing),
    (
        "secrets rotate",
        Elsewhere("a_rotation_that_is_killed_goes_on_where_it_stopped_and_then_nothing_needs_the_old_key"),
    ),
    ("config check", Nothing),
    ("config print", Nothing),
    ("doctor", Nothing),
];

/// Rows that no person changes, or that no line is about: what the program notes for itself.
const OWN_TABLES: &[&str] = &["operator_log", "_sqlx_migrations", "crm_tenants", "event_queue", "secrets"];

/// Tables with rows written since a transaction id, by transactions that wrote no line.
async fn unlogged(pool: &PgPool, since: i64) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind = 'r' and relnamespace = current_schema::regnamespace
         and not relname = any ($1)",
    )
    .bind(OWN_TABLES)
    .fetch_all(pool)
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let sql = format!(
            "select count(*) from {table} t where t.xmin::text::bigint >= {since}
             and t.xmin::text not in (select o.xmin::text from operator_log o)"
        );
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
        if rows > 0 {
            found.push(format!("{rows} of {table}"));
        }
    }
    found
}

/// How many rows each table has: what was deleted has no transaction to look at.
async fn row_counts(pool: &PgPool) -> Vec<(String, i64)> {
    let sql = "select relname::text, (xpath('/row/n/text()', query_to_xml(
                   format('select count(*) as n from %I', relname), false, true, '')))[1]::text::bigint
               from pg_class where relkind = 'r' and relnamespace = current_schema::regnamespace
                 and not relname = any ($1) order by relname";
    sqlx::query_as(sql).bind([OWN_TABLES, NOTED].concat()).fetch_all(pool).await.unwrap()
}

async fn next_transaction(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetch_one(pool).await.unwrap()
}

/// The actions of lines since a transaction id, by whom.
async fn logged(pool: &PgPool, since: i64) -> Vec<(String, String)> {
    sqlx::query_as(
        "select distinct actor, action from operator_log where xmin::text::bigint >= $1 order by actor, action",
    )
    .bind(since)
    .fetch_all(pool)
    .await
    .unwrap()
}

/// What the commands are done to.
async fn fill(pool: &PgPool) {
    let event = |id: u128, outcome: &str, settled: &str| {
        format!(
            "insert into webhook_events (id, connection_id, tenant_id, provider, event_type, external_event_id, payload,
                                         received_at, processed_at, outcome, last_error)
             select '{}', c.id, c.tenant_id, 'retell', 'call_ended', 'e{id}', '{{}}', now() - interval '200 days',
                    {settled}, {outcome}, 'it failed' from connections c where c.slug = 'audit';",
            Uuid::from_u128(id)
        )
    };
    let sql = [
        "insert into connections (tenant_id, provider, slug, allow_unsigned)
         select id, 'retell', 'audit', true from tenants;"
            .to_owned(),
        event(1, "null", "null"),
        event(2, "'processed'", "now()"),
        event(3, "'dead'", "now()"),
        event(4, "'dead'", "now()"),
        format!(
            "insert into jobs (id, tenant_id, kind, key, due_at)
             select '{}', id, 'start_outreach', 'k', now() + interval '1 hour' from tenants;
             insert into calls (id, tenant_id, provider, provider_call_id, contact_number)
             select u.id, t.id, 'retell', u.id::text, '+15550100123'
             from tenants t, unnest(array['{}', '{}']::uuid[]) as u (id);",
            Uuid::from_u128(5),
            Uuid::from_u128(6),
            Uuid::from_u128(7),
        ),
    ];
    for statement in sql {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await.unwrap();
    }
}

/// Runs a command with a password or a secret on standard input.
fn run(url: &str, line: &str) -> String {
    let command = Binary::command(url)
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = command.unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse battery staple").ok();
    let output = child.wait_with_output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{line}: {text}");
    text
}

#[test]
fn every_command_says_here_what_it_leaves_in_the_log() {
    let named: BTreeSet<&str> = COMMANDS.iter().map(|(command, _)| *command).collect();
    let commands = switchhook::cli::commands();
    let missing: Vec<&String> = commands.iter().filter(|command| !named.contains(command.as_str())).collect();
    assert!(missing.is_empty(), "say what they do to the database: {missing:?}");
    let commands: BTreeSet<&str> = commands.iter().map(String::as_str).collect();
    let tests = [include_str!("audit.rs"), include_str!("reconcile.rs"), include_str!("secrets.rs")];
    let tests = [tests.concat(), include_str!("kept_requests.rs").to_owned()].concat();
    for (command, does) in COMMANDS {
        if let Elsewhere(test) = does {
            assert!(tests.contains(&format!("async fn {test}(")), "{command}: there is no test {test}");
        }
    }
    assert_eq!(named.difference(&commands).collect::<Vec<_>>(), Vec::<&&str>::new(), "there is no such command");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_changes_something_leaves_a_line_in_its_transaction() {
    let (name, url) = database_url().await;
    let pool = PgPool::connect(&url).await.unwrap();
    let mut is_filled = false;
    for (command, does) in COMMANDS {
        let Writes(lines) = does else { continue };
        for (line, action) in *lines {
            if !is_filled && *command != "tenant add" {
                fill(&pool).await;
                is_filled = true;
            }
            let token: Option<Uuid> =
                sqlx::query_scalar("select id from api_tokens limit 1").fetch_optional(&pool).await.unwrap();
            let ids =
                [("pending", 1), ("settled", 2), ("dead", 3), ("dying", 4), ("job", 5), ("call", 6), ("other", 7)];
            let line = ids.iter().fold((*line).to_owned(), |line, (name, id)| {
                line.replace(&format!("{{{name}}}"), &Uuid::from_u128(*id).to_string())
            });
            let line = line.replace("{token}", &token.unwrap_or_default().to_string());
            let since = next_transaction(&pool).await;
            run(&url, &line);
            let found = logged(&pool, since).await;
            assert!(found.contains(&("cli".to_owned(), (*action).to_owned())), "{line}: {found:?}");
            assert_eq!(unlogged(&pool, since).await, Vec::<String>::new(), "{line}");
        }
    }
    // Whose it was, by whom, and nothing that nobody may read there.
    let sql = "select action || ' ' || details from operator_log
               where operation_id is null and (address is not null or not details ? 'os_user')";
    assert_eq!(sqlx::query_scalar::<_, String>(sql).fetch_all(&pool).await.unwrap(), Vec::<String>::new());
    let sql = "select bool_and(tenant_id = (select id from tenants)) from operator_log where action in
               ('add_tenant', 'set_setting', 'unset_setting', 'set_rate', 'add_credit', 'add_campaign', 'add_number',
                'remove_number', 'add_agent', 'remove_agent', 'do_not_contact')";
    assert!(sqlx::query_scalar::<_, bool>(sql).fetch_one(&pool).await.unwrap());
    let sql = "select coalesce(string_agg(t, ' '), '') from (
                   select details::text as t from operator_log
                   union all select note from webhook_events where note is not null
                   union all select note from jobs where note is not null
                   union all select reason from job_pauses) x";
    let kept: String = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    for secret in ["hunter2", "5550100123", "5550100199", "battery"] {
        assert!(!kept.contains(secret), "{secret}: {kept}");
    }
    pool.close().await;
    drop_database(&name).await;
}

/// Routes and forms that change nothing which anybody decided.
const HARMLESS: &[&str] = &["/api/v1/session", "/sign-in", "/sign-in/code", "/sign-in/second-factor", "/sign-out"];
/// What the pages and the API note for themselves as somebody uses them.
const NOTED: &[&str] =
    &["api_tokens", "sessions", "idempotency_keys", "sign_in_attempts", "rejections", "kept_requests", "users"];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_and_form_that_changes_something_leaves_a_line_in_its_transaction() {
    let app = one_of_everything().await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Admin, "test", None).await.unwrap().1;
    let client = crate::support::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut silent = Vec::new();
    let mut turn = 5_000;
    let api = switchhook::api::ROUTES.iter().map(|route| (route, true));
    let routes = api.chain(switchhook::dashboard::ROUTES.iter().map(|route| (route, false)));
    for (route, is_api) in routes.filter(|(route, _)| route.method != "GET" && !HARMLESS.contains(&route.path)) {
        turn += 1;
        set_up(&app).await;
        let (since, before) = (next_transaction(&app.pool).await, row_counts(&app.pool).await);
        let request = if is_api {
            let (path, body) = api_sample(&app, route, turn);
            let body = body.map(|body| without_dry_run(body, route.path));
            let request = client.request(route.method.as_str().parse().unwrap(), format!("{}/api/v1/{path}", app.base));
            request.json(&body)
        } else {
            let (path, form) = page_sample(route);
            client.post(format!("{}{path}", app.base)).form(&form)
        };
        let answer = TestApp::answer(request.bearer_auth(token.expose())).await;
        let unlogged = unlogged(&app.pool, since).await;
        let unlogged: Vec<_> =
            unlogged.into_iter().filter(|found| !NOTED.iter().any(|table| found.ends_with(table))).collect();
        assert_eq!(unlogged, Vec::<String>::new(), "{} {}: {}", route.method, route.path, answer.text);
        let is_changed = row_counts(&app.pool).await != before;
        if is_changed && logged(&app.pool, since).await.is_empty() {
            silent.push(format!("{} {}: {}", route.method, route.path, answer.status));
        }
    }
    assert_eq!(silent, Vec::<String>::new(), "done, and nothing says so");
    let sql = "select count(*) from operator_log where actor like 'token %' and address is distinct from '127.0.0.1'";
    assert_eq!(app.value(sql).await, 0);
    // The token sees all tenants; what it changed of one is that tenant's to read.
    let sql =
        "select coalesce(jsonb_agg(distinct action), '[]') from operator_log where tenant_id is null and action in
               ('edit_call', 'note_call', 'edit_lead', 'add_number', 'assign_number', 'remove_number', 'rule_of_number',
                'add_agent', 'assign_agent', 'remove_agent', 'add_campaign', 'remove_campaign', 'add_connection',
                'rotate_secret', 'disable_connection', 'enable_connection', 'test_event')";
    assert_eq!(app.value(sql).await, json!([]));
}

/// Bulk operations are done, not counted.
fn without_dry_run(mut body: Value, path: &str) -> Value {
    if !path.contains("/dead/")
        && let Some(body) = body.as_object_mut()
    {
        body.remove("dry_run");
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_and_telling_the_crm_leaves_a_line() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        "insert into leads (id, tenant_id, phone) values ('{}', '{TENANT}', '+15550100123')",
        Uuid::from_u128(9)
    ))
    .await;
    let scope = Scope::cli("dana").within(TENANT).unwrap();
    let since = next_transaction(&app.pool).await;
    admin::crm::pull(&app.desk, &scope, true).await.unwrap();
    admin::crm::push(&app.pool, &scope, None).await.unwrap();
    assert_eq!(unlogged(&app.pool, since).await, Vec::<String>::new());
    let log =
        app.rows("select jsonb_build_array(action, tenant_id, details->'os_user') from operator_log order by at").await;
    assert_eq!(log, [json!(["pull_from_crm", TENANT, "dana"]), json!(["push_to_crm", TENANT, "dana"])]);
}
