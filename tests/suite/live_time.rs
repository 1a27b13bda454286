//! The promise of half a second: fallbacks while the database is slow, what took too long, the alert, and plans that read
//! by index only.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Row};
use switchhook::jobs::Watcher;
use switchhook::providers;

use crate::support::{Answer, TENANT, TestApp, url_of};

async fn ask(app: &TestApp, number: usize) -> Answer {
    let retell = providers::find("retell").unwrap();
    let body = json!({ "event": "call_inbound", "call_inbound": { "call_id": format!("c{number}"),
        "from_number": "+15550100001", "to_number": "+15550100199" } });
    let sent = retell.sign(&body.to_string(), app.secret(retell).as_ref(), app.clock.now());
    app.send("/webhooks/retell/default/inbound", sent).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).unwrap().to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_stands_still_the_caller_is_answered_all_the_same() {
    let settings = [
        ("LIVE__FALLBACK__SPECIAL_INSTRUCTIONS", "Somebody calls back."),
        ("LIVE__BUDGET", "200ms"),
        ("LIVE__CALLER_TIMEOUT", "2s"),
    ];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    assert_eq!(header(&ask(&app, 0).await, "switchhook-answer"), "database");
    let mut blocker = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table tenants, webhook_events in access exclusive mode").execute(&mut *blocker).await.unwrap();
    let answers = futures_util::future::join_all((1..=8).map(|number| ask(&app, number))).await;
    for answer in &answers {
        assert_eq!((answer.status, header(answer, "switchhook-answer")), (200, "fallback"));
        assert_eq!(answer.outcome.as_deref(), Some("not stored"));
        let told: Value = serde_json::from_str(&answer.text).unwrap();
        let variables = &told["call_inbound"]["dynamic_variables"];
        assert_eq!(variables["special_instructions"], "Somebody calls back.");
        assert_eq!(variables["greeting_context"], "Hello, how can I help you?");
    }
    blocker.rollback().await.unwrap();
    // The questions are on disk after all, and the next one is answered as before.
    app.eventually("select count(*) = 9 from webhook_events").await;
    assert_eq!(header(&ask(&app, 9).await, "switchhook-answer"), "database");
    app.live.flush().await.unwrap();
    // On a busy machine an answer of the database may be slow, too.
    let counts =
        "select count(*) from live_minutes where endpoint = 'caller' and answers = 10 and fallbacks = 8 and slow >= 8";
    assert_eq!(app.value(counts).await, 1);
    let slow = app.rows("select to_jsonb(s) from slow_answers s where is_fallback limit 1").await.remove(0);
    // Given up by us, or by Postgres at the same moment.
    let waited = slow["steps"]["waited"].as_f64().or(slow["steps"]["failed"].as_f64());
    assert!(slow["took_ms"].as_i64().unwrap() >= 1_900 && waited.unwrap() > 100.0, "{slow}");
    assert!(app.metrics.encode().contains(r#"live_answers_total{endpoint="caller",outcome="fallback"} 8"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_be_done_in_time_says_so_and_is_not_done() {
    let app = TestApp::spawn_with(&[("LIVE__FUNCTION_TIMEOUT", "2s")], providers::registry()).await;
    let mut blocker = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table lead_notes in access exclusive mode").execute(&mut *blocker).await.unwrap();
    let note = json!({ "note": "a" });
    let answer = crate::appointments::call(&app, "+15550100001", "t1", "save_note", note.clone()).await;
    assert_eq!(answer["message"], "That did not work just now. Please try again in a moment.");
    blocker.rollback().await.unwrap();
    app.eventually("select count(*) = 0 from pg_locks where not granted").await;
    assert_eq!(app.value("select count(*) from webhook_events").await, 0, "it may come again");
    let answer = crate::appointments::call(&app, "+15550100001", "t1", "save_note", note).await;
    assert_eq!(answer["success"], true);
    assert_eq!(app.value("select count(*) from lead_notes").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_slow_answer_in_a_hundred_is_told_and_the_end_of_it_too() {
    let app = TestApp::spawn().await;
    let alerts = (app.desk.overlay)(&Value::Null).ok().unwrap().alerts;
    let watcher = Watcher::new(std::sync::Arc::clone(&app.desk), alerts);
    let count = |slow: u32, fallbacks: u32| {
        format!(
            "insert into live_minutes values ('2026-11-01 11:58+00', 'caller', 200, {slow}, {fallbacks})
             on conflict (minute, endpoint) do update set slow = {slow}, fallbacks = {fallbacks}"
        )
    };
    for (slow, fallbacks, told) in [(2, 2, 0), (0, 3, 1)] {
        app.execute(&count(slow, fallbacks)).await;
        watcher.look().await.unwrap();
        let incidents = "select count(*) from incidents where cause = 'slow_live_answers'";
        assert_eq!(app.value(incidents).await, told);
    }
    app.clock.advance(chrono::TimeDelta::minutes(30));
    watcher.look().await.unwrap();
    assert_eq!(app.value("select count(*) from incidents where resolved_at is not null").await, 1);
}

/// A filled database of its own, with the planner's wish to walk through whole tables taken away: a plan that still does
/// has no index to go by.
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_read_by_index() {
    let (name, pool) = crate::support::database().await;
    let mut connection = sqlx::PgConnection::connect(&url_of(&name)).await.unwrap();
    let fill = format!(
        "insert into tenants (id, slug, name) select gen_random_uuid(), 't' || n, 'T' from generate_series(1, 300) n;
         insert into tenants (id, slug, name) values ('{TENANT}', 'default', 'Default');
         insert into connections (id, tenant_id, provider, slug) select gen_random_uuid(), id, 'retell', slug from tenants;
         insert into phone_numbers (number, tenant_id)
         select '+1555' || lpad(n::text, 7, '0'), id from (select id, row_number() over () n from tenants) t;
         insert into agents (provider, provider_agent_id, tenant_id) select 'retell', slug, id from tenants;
         insert into calendars (tenant_id) select id from tenants;
         insert into calls (id, tenant_id, provider, provider_call_id, contact_number, status, ended_at)
         select gen_random_uuid(), '{TENANT}', 'retell', n, '+1555' || lpad((n % 2000)::text, 7, '0'), 'ended',
                now() - n * interval '1 minute'
         from generate_series(1, 20000) n;
         insert into leads (id, tenant_id, phone) select gen_random_uuid(), '{TENANT}', '+1555' || lpad(n::text, 7, '0')
         from generate_series(1, 5000) n;
         insert into lead_analytics (tenant_id, kind, call_id, phone, rank)
         select tenant_id, 'individual', id, contact_number, '2' from calls;
         insert into lead_analytics (tenant_id, kind, phone, rank) select tenant_id, 'complete', phone, '2' from leads;
         insert into lead_notes (id, tenant_id, phone, kind, body, at)
         select gen_random_uuid(), tenant_id, phone, 'note', 'x', now() from leads;
         insert into appointments (id, tenant_id, calendar, seat, starts_at, ends_at, busy_until, phone)
         select gen_random_uuid(), '{TENANT}', c.number, 0, '2026-11-02 00:00+00'::timestamptz + n * interval '30 minutes',
                '2026-11-02 00:20+00'::timestamptz + n * interval '30 minutes',
                '2026-11-02 00:20+00'::timestamptz + n * interval '30 minutes', '+15550000001'
         from generate_series(1, 3000) n, calendars c where c.tenant_id = '{TENANT}';
         insert into live_answers (event_id, tenant_id, connection_id, call_ref, function, wrote, answer, at)
         select gen_random_uuid(), '{TENANT}', '{TENANT}', n, 'f', true, '{{}}', now() from generate_series(1, 3000) n;
         analyze; set enable_seqscan = off; set plan_cache_mode = force_generic_plan;"
    );
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(&mut connection).await.unwrap();
    let slots = "'{1}', '{09:00}', '{17:00}', '{}', 1800, 1800, 1";
    let statements = [
        ("tenant", format!("'{TENANT}', null, '+15550000007', 'retell', 'a'")),
        ("tenant", format!("'{TENANT}', '{TENANT}', '+15550000007', 'retell', 'a'")),
        (
            "person",
            format!(
                "'{TENANT}', '{TENANT}', '+15550000007', 'UTC', now(), {slots}, now(), now() + interval '14 days', 8, 17"
            ),
        ),
        ("appointments_of", format!("'{TENANT}', '+15550000007', now(), 'UTC'")),
        (
            "book",
            format!(
                "gen_random_uuid(), '{TENANT}', '2026-11-02 10:00+00', 1800, 1800, 2, '+15550000007', null, null, null, false"
            ),
        ),
        ("cancel", format!("'{TENANT}', '{TENANT}', now(), null")),
        ("find_answer", format!("'{TENANT}'")),
        ("count_writes", format!("'{TENANT}', now(), '{{{TENANT}}}', '{{c}}', array[now()], '{{any}}', '{{2}}'")),
    ];
    for (statement, arguments) in statements {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/live");
        let text = std::fs::read_to_string(folder.join(format!("{statement}.sql"))).unwrap();
        let prepared = format!("deallocate all; prepare s as {text}");
        sqlx::raw_sql(AssertSqlSafe(prepared)).execute(&mut connection).await.unwrap();
        let explained = format!("explain execute s({arguments})");
        let plan = sqlx::raw_sql(AssertSqlSafe(explained)).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get::<String, _>(0)).collect();
        assert!(plan.iter().any(|line| line.contains("Index")), "{statement}: {}", plan.join("\n"));
        assert!(!plan.iter().any(|line| line.contains("Seq Scan")), "{statement}: {}", plan.join("\n"));
    }
    connection.close().await.unwrap();
    pool.close().await;
    crate::support::drop_database(&name).await;
}
