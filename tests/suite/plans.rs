//! No list, detail, search or overview reads a big table from end to end: the plan of every statement that people wait
//! for is looked at, over a smaller copy of the big table that `make big` measures.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use switchhook::access::Role;
use switchhook::store::tokens;

use crate::support::{TestApp, database, drop_database, url_of};

const FILL: [&str; 2] =
    [include_str!("../../benches/big_table/fill.sql"), include_str!("../../benches/big_table/events.sql")];
/// Every quarter of an hour of a year is added up, somebody has given calls to campaigns, and words are behind.
const MORE: &str = "
    insert into call_quarters
    select t.id, now() - n * interval '15 minutes', n % 2 = 0, null, null, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0
    from tenants t, generate_series(1, 35000) n where t.slug = 'big';
    insert into call_quarter_changes select id, now() from tenants, generate_series(1, 5000);
    insert into attributions select md5((n % 100)::text)::uuid, id from calls, generate_series(1, 3) n;
    insert into call_words_due select id from calls";
/// Tables that grow with every call, event or person.
const BIG: [&str; 10] = [
    "calls",
    "call_words",
    "call_quarters",
    "leads",
    "lead_analytics",
    "messages",
    "jobs",
    "charges",
    "webhook_events",
    "attributions",
];
/// What the planner is told, and the tables that it must not scan then. A plan for these values, and one for any values,
/// which the driver's statements may come to have. First as it would for tables of this size, if they are cached: the
/// rows to look at are fewer below, as the tables are smaller. Then scans are forbidden: is there an index to go by?
const MODES: &[(&str, &[&str])] = &[
    ("set plan_cache_mode = force_custom_plan; set random_page_cost = 1.1; set enable_seqscan = on", &BIG_HERE),
    ("set plan_cache_mode = force_generic_plan; set random_page_cost = 1.1; set enable_seqscan = on", &BIG_HERE),
    ("set plan_cache_mode = force_custom_plan; set enable_seqscan = off", &BIG),
    ("set plan_cache_mode = force_generic_plan; set enable_seqscan = off", &BIG),
];
/// Those that are big in the smaller copy, too.
const BIG_HERE: [&str; 3] = ["calls", "call_words", "webhook_events"];
/// The tenant of most rows, a call, a lead and an event.
const TENANT: &str = "'00000000-0000-0000-0000-0000000000b1'";
const CALL: &str = "md5('call77')::uuid";
const LEAD: &str = "md5('lead77')::uuid";
const NUMBER: &str = "'+15550100077'";

/// Every statement under sql/people, and the lists of events, jobs, charges and incidents, with what stands for their
/// parameters; `@` is the tenant. Several lines: several cases. A new file without an entry fails.
const STATEMENTS: &[(&str, &[&str])] = &[
    ("people/add_call_note", &["{call}, @, 'x', 'user x'"]),
    ("people/analytics_of_calls", &["array[{call}], @, null", "array[{call}], @, {number}"]),
    ("people/appointments_of_number", &["@, {number}, 100"]),
    ("people/attribute_calls", &["array[{call}], @, null, gen_random_uuid(), now()"]),
    ("people/call_exists", &["{call}, @"]),
    ("people/bookings_of_number", &["@, {number}, 100, null, null", "@, {number}, 100, now(), {call}"]),
    ("people/call_names", &["array[{call}], @"]),
    ("people/campaign_exists", &["md5('campaign1')::uuid, @"]),
    ("people/campaign_names", &["@"]),
    ("people/campaign_stats", &["@, now() - interval '30 days', now()"]),
    ("people/changes_of_lead", &["{lead}::text, 100, null, null", "{lead}::text, 100, now(), {call}"]),
    ("people/drop_changed_quarters", &["@, 1000"]),
    ("people/edit_call", &["{call}, @, true, true, false, null, true, null"]),
    ("people/edit_lead", &["{lead}, @, true, 'x', false, null, false, null, false, null, false, null"]),
    ("people/edits_of_call", &["{call}, {call}::text, @"]),
    ("people/events_of_call", &["@, 'retell', 'call_x', uuid_v7(), uuid_v7(), 400, 100"]),
    ("people/fill_quarters", &["@, now() - interval '2 days', now(), 100"]),
    ("people/find_call", &["{call}, @", "{call}, null"]),
    (
        "people/find_calls",
        &[
            "@, array[{number}], 'call_x', null, now(), 400, false",
            "@, array[{number}], null, null, null, 400, false",
            "@, array[{number}], null, null, null, 400, true",
        ],
    ),
    ("people/find_lead", &["{lead}, @", "{lead}, null"]),
    ("people/find_people", &["@, '770001055', null, 101", "@, null, '''dana'':*', 101"]),
    ("people/find_spoken", &["@, 'refund', 41", "@, 'thursday', 41", "@, 'nobody said this', 41"]),
    ("people/jobs_of_calls", &["array[{call}::text], @"]),
    ("people/last_call_looked_at", &["@, null, 100", "@, {call}, 100"]),
    ("people/last_lead_looked_at", &["@, {lead}, 400"]),
    (
        "people/last_looked_at",
        &["@, null, null, null, null, 400", "@, now(), {call}, now() - interval '9 days', now(), 400"],
    ),
    ("people/last_looked_at_oldest", &["@, null, null, null, null, 400", "@, now(), {call}, null, now(), 400"]),
    ("people/last_message_looked_at", &["@, now(), {call}, 400"]),
    ("people/list_analytics", &["@, null, null, 51", "@, {call}, 'individual', 51"]),
    (
        "people/list_leads",
        &[
            "@, null, null, null, null, null, 51, 400, null",
            "@, {lead}, array[{number}], 'won', 'vip', false, 51, 400, null",
            "@, {lead}, null, null, null, null, 51, 400, '''dana'':*'",
        ],
    ),
    ("people/list_leads_recent", &["@, null, null, null, null, 51, 100", "@, {call}, 'won', 'vip', true, 51, 100"]),
    (
        "people/list_messages",
        &["@, null, null, null, null, null, 51, 400", "@, now(), {call}, 'sms', null, null, 51, 400"],
    ),
    ("people/lock_quarters", &["@"]),
    ("people/match_calls", CALLS),
    ("people/match_calls_oldest", CALLS),
    ("people/messages_of_number", &["@, {number}, 100, null, null", "@, {number}, 100, now(), {call}"]),
    ("people/notes_of_call", &["{call}, @"]),
    ("people/notes_of_number", &["@, {number}, 100, null, null", "@, {number}, 100, now(), {call}"]),
    ("people/number_of_lead", &["{lead}, @"]),
    ("people/overview", &["@, now() - interval '2 days', now(), 'day', 'UTC', null"]),
    ("people/recent_attributions", &["@, 20, 5"]),
    ("people/recordings_of_call", &["{call}"]),
    ("people/repeated_numbers", &["@, 400, 3"]),
    ("people/responses", &["@, now() - interval '2 days', now(), 200, 10, 86400"]),
    (
        "people/responses_by_step",
        &[
            "@, array[now() - interval '2 days', now() - interval '1 day'], array[now() - interval '1 day', now()], 200, 10, \
           86400",
        ],
    ),
    ("people/rule_of_number", &["@, {number}, md5('campaign1')::uuid"]),
    ("people/show_calls", &["array[{call}], @"]),
    ("people/sound", &["gen_random_uuid(), {call}, @, 1, 100"]),
    ("people/stats", &["@, now() - interval '1 hour'"]),
    ("people/tenant", &["'default', null", "'default', @"]),
    ("people/tenants", &["null, 100", "@, 1"]),
    ("people/undo_attribution", &["gen_random_uuid(), @, 400"]),
    (
        "inbox/list_events",
        &[
            "null, null, @, null, null, '{}', null, null, 51, 400, null, null",
            "null, null, @, null, null, '{}', 'ignored', uuid_v7(), 51, 400, null, null",
            "null, null, @, null, null, '{}', 'ignored', uuid_v7(), 51, 400, {call}, 'x'",
            "null, null, @, null, null, array[uuid_v7()], null, null, 1, null, null, null",
        ],
    ),
    ("inbox/load", &["array[uuid_v7()]"]),
    ("inbox/last_event_looked_at", &["uuid_v7(), 400"]),
    (
        "inbox/list_dead",
        &[
            "null, null, @, null, null, '{}', null, 51, null, null",
            "null, null, @, null, null, '{}', null, 51, null, 'x'",
        ],
    ),
    (
        "inbox/dead_by_cause",
        &[
            "null, null, @, null, null, '{}', null, null, 400",
            "null, null, @, null, null, '{}', null, null, null",
            "null, null, null, null, null, '{}', null, null, 400",
        ],
    ),
    ("inbox/pulse", &["null, 60, 60, 400", "@, 1800, 48, 400"]),
    ("inbox/pulse_by_sender", &["null, 3600, 400", "@, 3600, 400"]),
    ("inbox/standing", &["null, 1000, 400", "@, 1000, 400"]),
    ("inbox/count_dead", &["null, null, @, null, null, '{}', null, null"]),
    ("inbox/redrive", &["null, null, @, null, null, '{}', uuid_v7(), uuid_v7(), 400, null, 'x'"]),
    ("inbox/replay", &["null, null, @, null, null, '{}', null, uuid_v7(), uuid_v7(), 400, null, null"]),
    ("inbox/find_event", &["uuid_v7()"]),
    ("inbox/find_payload", &["uuid_v7()"]),
    ("outbox/find_payload", &["uuid_v7()"]),
    ("inbox/backlog", &[""]),
    ("outbox/count_dead", &["null, null, @", "'analyze_call', 'x', @"]),
    ("outbox/dead_by_cause", &["null, 400", "@, 400"]),
    ("outbox/list_dead", &["null, null, @, null, 51", "'analyze_call', 'x', @, uuid_v7(), 51"]),
    (
        "outbox/next_dead",
        &["null, null, @, uuid_v7(), uuid_v7(), 100", "'analyze_call', 'x', @, uuid_v7(), uuid_v7(), 400"],
    ),
    ("store/list_rejections", &["@, null, null, 51"]),
    ("store/rejection_reasons", &["@, 400"]),
    ("outbox/page", &["null, null, @, null, null, 51", "'analyze_call', 'dead', null, null, uuid_v7(), 51"]),
    ("store/words_are_due", &[""]),
    ("store/parse_words", &["500"]),
    ("store/tenant_with_unread_changes", &[""]),
    ("store/forget_unread_changes", &["@, 1000"]),
    ("store/page_charges", &["@, null, null, null, null, 51"]),
    ("store/list_incidents", &["@, false, null, null, 51"]),
];
/// Nothing in particular, with everything, some calls, and words.
const CALLS: &[&str] = &[
    "@, null, null, null, null, null, null, null, null, null, null, null, null, null, null, 51, 400, null, null, null, null, \
     null, null",
    "@, now(), {call}, now() - interval '9 days', now(), 'retell', 'inbound', 'ended', 'busy', true, 'Agent 1', {call}, \
     true, true, false, 51, 400, null, null, null, null, true, 'negative'",
    "@, now(), {call}, null, null, null, null, null, null, null, null, null, null, null, null, 51, 400, array[{call}], \
     null, null, null, null, null",
    "@, null, null, null, null, null, null, null, null, null, null, null, null, null, null, 51, 1000, null, 'refund', \
     '''refund'':*', 'refund', null, null",
    "@, null, null, null, null, null, null, null, null, null, null, null, null, null, null, 51, 400, null, null, null, \
     null, false, 'none'",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_wait_for_reads_a_big_table_from_end_to_end() {
    let (name, pool) = database().await;
    let mut connection = PgConnection::connect(&url_of(&name)).await.unwrap();
    let settings =
        "set big.calls = 20000; set big.leads = 5000; set big.first = 50000; set big.last = 1; set jit = off";
    for statements in [settings, FILL[0], FILL[1], MORE, "analyze"] {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    }
    let named: BTreeSet<String> =
        STATEMENTS.iter().filter_map(|(name, _)| name.strip_prefix("people/")).map(str::to_owned).collect();
    let once: BTreeSet<&str> = STATEMENTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(once.len(), STATEMENTS.len(), "each statement once, with all its cases");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let files = std::fs::read_dir(folder.join("people")).unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(named, files, "every file under sql/people, and no other");
    let mut wrong = Vec::new();
    for (statement, cases) in STATEMENTS {
        let text = std::fs::read_to_string(folder.join(format!("{statement}.sql"))).unwrap();
        for case in *cases {
            for (settings, tables) in MODES {
                // Prepared anew: a plan for any values is kept, whatever the planner is told later.
                let prepare = format!("deallocate all; {settings}; prepare s as {text}");
                sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await.unwrap();
                let plan = plan(&mut connection, case).await;
                if let Some(line) = plan.iter().find(|line| reads_all(line, tables)) {
                    wrong.push(format!("{statement} ({case}), {settings}: {}\n{}", line.trim(), plan.join("\n")));
                }
            }
        }
    }
    connection.close().await.unwrap();
    pool.close().await;
    drop_database(&name).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

async fn plan(connection: &mut PgConnection, case: &str) -> Vec<String> {
    let filled = case.replace('@', TENANT).replace("{call}", CALL).replace("{lead}", LEAD).replace("{number}", NUMBER);
    let execute = if filled.is_empty() { "execute s".to_owned() } else { format!("execute s({filled})") };
    let rows = sqlx::raw_sql(AssertSqlSafe(format!("explain {execute}"))).fetch_all(connection).await;
    let rows = rows.unwrap_or_else(|error| panic!("{case}: {error}"));
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// Whether a line of a plan is a scan of one of these tables.
fn reads_all(line: &str, tables: &[&str]) -> bool {
    let Some((_, scanned)) = line.split_once("Seq Scan on ") else { return false };
    tables.contains(&scanned.split(' ').next().unwrap_or_default())
}

/// Somebody holds the table: the page does not wait for longer than a person would, and says what one can do.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_ends_with_words_that_one_understands() {
    let app = TestApp::spawn_with(&[("CONSOLE__STATEMENT_TIMEOUT", "200ms")], switchhook::providers::registry()).await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Agent, "t", None).await.unwrap().1;
    let mut holder = app.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table calls in access exclusive mode").execute(&mut *holder).await.unwrap();
    for path in ["calls", "calls?search=refund", "calls/count", "stats", "leads?order=recent"] {
        let request = app.client.get(format!("{}/api/v1/{path}", app.base)).bearer_auth(token.expose());
        // The lock is held until all are answered.
        let answer = TestApp::answer(request).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.text);
        assert!(answer.text.contains("took too long: narrow it down"), "{path}: {}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    holder.rollback().await.unwrap();
    let request = app.client.get(format!("{}/api/v1/calls", app.base)).bearer_auth(token.expose());
    TestApp::answer(request).await.assert_status(200);
}
