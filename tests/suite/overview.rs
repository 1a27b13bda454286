//! Calls in numbers: what is kept of them is always what the calls say.

use serde_json::{Value, json};
use switchhook::access::Actor;
use switchhook::access::Role;
use switchhook::redact::Phone;
use switchhook::retention::{self, Person};
use switchhook::store::{follow, tokens};

use crate::support::TestApp;

/// The same numbers, counted from all calls, by hour.
const TRUTH: &str = "
    select jsonb_build_object('at', date_trunc('hour', started_at, 'UTC'), 'calls', count(*),
        'inbound', count(*) filter (where direction = 'inbound'), 'missed', count(*) filter (where is_missed),
        'answered', count(*) filter (where answered_at is not null or disposition = 'answered'),
        'converted', count(*) filter (where converted), 'negative', count(*) filter (where sentiment = 'negative'),
        'talk_ms', coalesce(sum(talk_ms), 0), 'cost', coalesce(sum(cost) filter (where cost_unit is not null), 0))
    from call_items
    where tenant_id = (select id from tenants where slug = 'default') and started_at >= date_bin('15 minutes', now() - interval '3 days', 'epoch')
    group by date_trunc('hour', started_at, 'UTC') order by date_trunc('hour', started_at, 'UTC')";

async fn app() -> TestApp {
    let mut app = TestApp::spawn().await;
    app.allow_broken_rows();
    app.execute(
        "insert into campaigns (id, tenant_id, name)
         select md5(word)::uuid, id, word from tenants, unnest('{autumn,spring}'::text[]) as t (word) where slug = 'default';
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, disposition, initiated_at,
                            answered_at, contact_number, sentiment, talk_ms, cost, cost_unit, campaign_rank)
         select md5(n::text)::uuid, t.id, 'retell', 'c' || n, (array['inbound', 'outbound'])[n % 2 + 1]::call_direction, 'ended',
                case when n % 3 = 0 then 'answered' end::call_disposition, at, case when n % 3 = 0 then at end,
                '+1555010' || lpad((n % 40)::text, 4, '0'), (array['negative', 'positive'])[n % 4]::sentiment, n, n,
                (array['usd_cents', 'credits'])[n % 3], case when n % 5 > 0 then '1:' || md5('spring')::uuid end
         from tenants t, generate_series(1, 400) n, lateral (select now() - n * interval '10 minutes' as at) times
         where t.slug = 'default'",
    )
    .await;
    app
}

async fn get(app: &TestApp, path: &str) -> Value {
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None).await.unwrap().1;
    let answer =
        TestApp::answer(app.client.get(format!("{}/api/v1/{path}", app.base)).bearer_auth(token.expose())).await;
    answer.assert_status(200);
    serde_json::from_str(&answer.text).unwrap()
}

/// The window that [`TRUTH`] counts, in the words of a query.
async fn window(app: &TestApp) -> String {
    let time = |at: &str| format!("to_char({at}, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
    let from = app.value(&time("now() - interval '3 days'")).await;
    let until = app.value(&time("now() + interval '1 minute'")).await;
    format!("from={}&until={}", from.as_str().unwrap(), until.as_str().unwrap())
}

async fn assert_true(app: &TestApp, what: &str) {
    let seen = get(app, &format!("overview?step=hour&{}", window(app).await)).await;
    assert_eq!(seen["complete"], true, "{what}");
    let steps: Vec<Value> = seen["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let numbers = &step["numbers"];
            let cost: f64 =
                numbers["cost"].as_array().unwrap().iter().map(|cost| cost["amount"].as_f64().unwrap()).sum();
            let field = |name: &str| numbers[name].as_f64().unwrap();
            json!([
                step["at"].as_str().unwrap()[..16],
                field("calls"),
                field("inbound"),
                field("missed"),
                field("answered"),
                field("converted"),
                field("negative"),
                field("talk_ms"),
                cost
            ])
        })
        .collect();
    let truth: Vec<Value> = app
        .rows(TRUTH)
        .await
        .iter()
        .map(|row| {
            let field = |name: &str| row[name].as_f64().unwrap();
            json!([
                row["at"].as_str().unwrap()[..16],
                field("calls"),
                field("inbound"),
                field("missed"),
                field("answered"),
                field("converted"),
                field("negative"),
                field("talk_ms"),
                field("cost")
            ])
        })
        .collect();
    assert!(!truth.is_empty());
    assert_eq!(steps, truth, "{what}");
    // All campaigns together are the whole.
    let campaigns = get(app, &format!("campaigns/stats?{}", window(app).await)).await;
    let sum = |name: &str| {
        campaigns["items"].as_array().unwrap().iter().map(|item| item["numbers"][name].as_i64().unwrap()).sum::<i64>()
    };
    for name in ["calls", "missed", "answered", "converted"] {
        assert_eq!(json!(sum(name)), seen["total"][name], "{what}: {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_calls_the_numbers_are_those_of_the_calls() {
    let app = app().await;
    assert_true(&app, "at first").await;
    let kept = app.value("select count(*) from call_quarters").await;
    assert!(kept.as_i64().unwrap() > 300, "{kept}");
    for change in [
        "update calls set converted_by_hand = true where provider_call_id in ('c3', 'c100', 'c222')",
        "update calls set campaign_id_by_hand = md5('autumn')::uuid where provider_call_id = 'c100'",
        "update calls set sentiment = 'negative' where provider_call_id = 'c101'",
        "update calls set answered_at = initiated_at, talk_ms = 5 where provider_call_id = 'c200'",
        "update calls set initiated_at = initiated_at - interval '7 hours' where provider_call_id in ('c5', 'c150')",
        "update calls set initiated_at = now() where provider_call_id = 'c250'",
        "update calls set cost = 1000, cost_unit = 'ils_agorot' where provider_call_id = 'c300'",
        "insert into calls (id, tenant_id, provider, provider_call_id, initiated_at)
         select uuid_v7(), id, 'retell', 'late', now() - interval '30 hours' from tenants where slug = 'default'",
        "delete from calls where provider_call_id in ('late', 'c7')",
    ] {
        app.execute(change).await;
        assert_true(&app, change).await;
    }
    let person = Person { number: Phone::new("+15550100017"), tenant_id: None };
    retention::forget(&app.pool, &app.keys, &person, Actor::program("test")).await.unwrap();
    assert_true(&app, "after an erasure").await;
    // What is kept may go at any time.
    app.execute("delete from call_quarters").await;
    assert_true(&app, "anew").await;
    let quiet = app.value("select count(*) from call_quarter_changes").await;
    assert_eq!(quiet, json!(0));
    app.execute("update calls set transcript = 'hello', status = status").await;
    app.execute(
        "update calls set status = 'ended', sentiment = 'negative' where started_at > now() - interval '1 hour'",
    )
    .await;
    let marks = app.value("select count(*) from call_quarter_changes").await;
    assert_eq!(marks, json!(0), "neither calls of the last hour nor what is not counted leave a mark");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_not_yet_committed_is_not_lost() {
    let app = app().await;
    assert_true(&app, "at first").await;
    let mut open = app.pool.begin().await.unwrap();
    sqlx::raw_sql("update calls set converted_by_hand = true where provider_call_id = 'c100'")
        .execute(&mut *open)
        .await
        .unwrap();
    // Another change of the same quarter has it added up again meanwhile.
    app.execute("update calls set converted_by_hand = true where started_at = (select started_at from calls where provider_call_id = 'c101')").await;
    assert_true(&app, "while a change is open").await;
    open.commit().await.unwrap();
    assert_true(&app, "once it is committed").await;
}

/// What is added up is read in a transaction of its own: it must not go between the two.
#[tokio::test(flavor = "multi_thread")]
async fn changes_are_forgotten_where_nothing_is_added_up_and_what_is_stays() {
    let app = app().await;
    assert_eq!(app.value("select count(*) > 300 from call_quarter_changes").await, json!(true));
    follow::drain(&app.pool).await.unwrap();
    assert_eq!(app.value("select count(*) from call_quarter_changes").await, json!(0));
    assert_true(&app, "at first").await;
    let kept = app.value("select count(*) from call_quarters").await;
    app.execute("update calls set converted_by_hand = true").await;
    follow::drain(&app.pool).await.unwrap();
    assert_eq!(app.value("select count(*) from call_quarters").await, kept);
    assert_true(&app, "after changes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_the_tenants_and_answers_to_missed_calls_are_measured() {
    let app = app().await;
    app.execute("delete from calls; update tenants set time_zone = 'Asia/Kolkata'").await;
    app.execute(
        "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number)
         select md5(n::text)::uuid, t.id, 'retell', n::text, direction::call_direction, 'ended', at, number
         from tenants t, (values (1, 'inbound', '2026-11-01T18:29:00Z'::timestamptz, '+15550100001'),
                                 (2, 'inbound', '2026-11-01T18:30:00Z', '+15550100002'),
                                 (3, 'outbound', '2026-11-01T18:50:00Z', '+15550100002'),
                                 (4, 'outbound', '2026-11-03T18:50:00Z', '+15550100001')) c (n, direction, at, number)
         where t.slug = 'default';
         insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, contact_number, sent_at)
         select uuid_v7(), id, 'whatsapp', 'm', 'whatsapp', 'outbound', '+15550100001', '2026-11-01T18:39:00Z'
         from tenants where slug = 'default'",
    )
    .await;
    let seen = get(&app, "overview?from=2026-11-01T00:00:00Z&until=2026-11-05T00:00:00Z").await;
    let days: Vec<&str> =
        seen["steps"].as_array().unwrap().iter().map(|step| &step["at"].as_str().unwrap()[..16]).collect();
    assert_eq!(days, ["2026-10-31T18:30", "2026-11-01T18:30", "2026-11-03T18:30"]);
    assert_eq!(seen["responses"], json!({ "missed": 2, "answered": 2, "median_minutes": 15.0 }));
    assert_eq!(seen["total"]["calls"], 4);
    let stats = get(&app, "campaigns/stats?from=2026-11-01T00:00:00Z&until=2026-11-05T00:00:00Z").await;
    let names: Vec<&Value> = stats["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, [&json!("autumn"), &json!("spring"), &json!(null)]);
}

const LATE: u32 = 60;

/// An event of each of the first so many calls, which began five hours ago within one quarter of an hour; said is SQL for what
/// each brings beside that.
async fn late(app: &TestApp, event: &str, calls: u32, said: &str) {
    app.execute(&format!(
        "insert into webhook_events (connection_id, event_type, external_event_id, occurred_at, payload)
         select c.id, '{event}', 'late ' || n || '{event}', now(), jsonb_build_object('event', '{event}', 'call',
             jsonb_build_object('call_id', 'late' || n, 'direction', 'inbound', 'from_number', '+15550100017',
                                'start_timestamp', began + n * 1000) || {said})
         from connections c, generate_series(1, {calls}) n,
              lateral (select extract(epoch from date_bin('15 minutes', now() - interval '5 hours', 'epoch')) * 1000) t (began)
         where c.provider = 'retell'"
    ))
    .await;
    assert_eq!(app.run_until_idle().await.processed, u64::from(calls), "{event}");
}

async fn count(app: &TestApp, rows: &str) -> i64 {
    app.value(&format!("select count(*) from {rows}")).await.as_i64().unwrap()
}

/// What the statement that writes calls leaves beside them, in place of the triggers.
#[tokio::test(flavor = "multi_thread")]
async fn events_leave_a_mark_where_they_change_what_is_counted_and_words_to_parse_where_a_transcript_comes() {
    const WORDS: &str = "call_words join calls on id = call_id where provider_call_id like 'late%'";
    let app = app().await;
    assert_true(&app, "at first").await;
    app.execute("delete from call_words_due").await;
    late(&app, "call_started", LATE / 2, "jsonb_build_object('call_status', 'ongoing')").await;
    assert_eq!(count(&app, "call_words_due").await, 0, "nothing was said");
    assert_true(&app, "while they go on").await;
    late(
        &app,
        "call_ended",
        LATE,
        "jsonb_build_object('call_status', 'ended', 'end_timestamp', began + 90000, 'transcript', 'User: apples ' || n)",
    )
    .await;
    // A batch has up to 500 events, and these are of one quarter.
    let marks = count(&app, "call_quarter_changes").await;
    assert!((1..10).contains(&marks), "{marks}");
    assert_eq!(count(&app, "call_words_due").await, i64::from(LATE));
    follow::drain(&app.pool).await.unwrap();
    assert_eq!(count(&app, WORDS).await, i64::from(LATE));
    assert_true(&app, "after late calls").await;

    late(
        &app,
        "call_analyzed",
        LATE,
        "jsonb_build_object('call_status', 'ended', 'transcript', 'User: no, pears ' || n,
                            'call_analysis', jsonb_build_object('user_sentiment', 'Negative'))",
    )
    .await;
    assert_eq!(count(&app, "calls where sentiment = 'negative' and provider_call_id like 'late%'").await, 60);
    assert_eq!(count(&app, WORDS).await, 0, "what was said and is no more goes at once");
    assert_eq!(count(&app, "call_words_due").await, i64::from(LATE));
    assert_true(&app, "after their analyses").await;
    follow::drain(&app.pool).await.unwrap();

    // What changes nothing leaves nothing.
    app.execute("update webhook_events set processed_at = null where external_event_id like 'late %'").await;
    assert_eq!(app.run_until_idle().await.processed, u64::from(LATE * 2 + LATE / 2));
    assert_eq!(count(&app, "call_quarter_changes").await, 0);
    assert_eq!(count(&app, "call_words_due").await, 0);
    assert_eq!(count(&app, WORDS).await, i64::from(LATE));

    // A change by hand of what events have written.
    app.execute("update calls set sentiment = 'positive', transcript = null where provider_call_id = 'late7'").await;
    assert_true(&app, "after a change by hand").await;
    assert_eq!(count(&app, WORDS).await, i64::from(LATE) - 1);
}
