//! Appointments: one place for one person, whoever asks at the same moment, and on nights with a change of the clock.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use switchhook::providers;

use crate::support::TestApp;

const OPEN: &[(&str, &str)] = &[("APPOINTMENTS__HOURS", "mon-sun 09:00-14:00"), ("LIVE__FUNCTION_TIMEOUT", "30s")];

/// Calls a function as Retell does: signed, with an id of its own.
pub async fn call(app: &TestApp, phone: &str, tool_call_id: &str, name: &str, args: Value) -> Value {
    // An id with the number in it would stay when the person is erased.
    let call_id = format!("call-of-{}", phone.chars().rev().take(4).collect::<String>());
    let call = json!({ "call_id": call_id, "direction": "inbound", "from_number": phone,
        "to_number": "+15550100199", "agent_name": "Ada", "tool_call_id": tool_call_id });
    let body = json!({ "name": name, "args": args, "call": call }).to_string();
    let retell = providers::find("retell").unwrap();
    let sent = retell.sign(&body, app.secret(retell).as_ref(), app.clock.now());
    let answer = app.send("/webhooks/retell/default/function", sent).await;
    answer.assert_status(200);
    serde_json::from_str(&answer.text).unwrap()
}

fn is_done(answer: &Value) -> bool {
    assert!(answer["message"].as_str().is_some_and(|said| said.len() > 5), "{answer}");
    answer["success"].as_bool().unwrap()
}

async fn booked(app: &TestApp) -> Value {
    app.value("select count(*) from appointments where cancelled_at is null").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_agents_book_ten_slots_and_ten_get_one() {
    let app = Arc::new(TestApp::spawn_with(OPEN, providers::registry()).await);
    let agents = (0..100).map(|agent| {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let (hour, minute) = (9 + agent % 10 / 2, agent % 2 * 30);
            let args = json!({ "date": "2026-11-03", "time": format!("{hour:02}:{minute:02}") });
            call(&app, &format!("+155501{:05}", 1_000 + agent), "t1", "book_appointment", args).await
        })
    });
    let mut done = 0;
    for agent in agents.collect::<Vec<_>>() {
        done += usize::from(is_done(&agent.await.unwrap()));
    }
    assert_eq!((done, booked(&app).await), (10, json!(10)));
    let starts = app.rows("select to_jsonb(starts_at) from appointments where cancelled_at is null").await;
    assert_eq!(starts.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_has_as_many_places_as_there_are_seats() {
    let settings = [OPEN, &[("APPOINTMENTS__CAPACITY", "3")]].concat();
    let app = Arc::new(TestApp::spawn_with(&settings, providers::registry()).await);
    let agents = (0..12).map(|agent| {
        let app = Arc::clone(&app);
        let args = json!({ "date": "2026-11-03", "time": "10:00" });
        tokio::spawn(async move {
            call(&app, &format!("+1555010{:04}", 2_000 + agent), "t1", "book_appointment", args).await
        })
    });
    let mut done = 0;
    for agent in agents.collect::<Vec<_>>() {
        done += usize::from(is_done(&agent.await.unwrap()));
    }
    assert_eq!(done, 3);
    assert_eq!(app.rows("select to_jsonb(seat) from appointments order by seat").await, [json!(0), json!(1), json!(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_keeps_two_from_one_place() {
    let app = TestApp::spawn_with(OPEN, providers::registry()).await;
    is_done(
        &call(&app, "+15550100001", "t1", "book_appointment", json!({ "date": "2026-11-03", "time": "10:00" })).await,
    );
    let copy = |change: &str| {
        format!(
            "insert into appointments (id, tenant_id, calendar, seat, starts_at, ends_at, busy_until, phone)
             select gen_random_uuid(), tenant_id, calendar, seat, starts_at + '{change}', ends_at + '{change}',
                    busy_until + '{change}', '+15550100002' from appointments limit 1"
        )
    };
    for (change, fits) in [("0", false), ("29 minutes", false), ("-29 minutes", false), ("30 minutes", true)] {
        let statement = sqlx::AssertSqlSafe(copy(change));
        assert_eq!(sqlx::raw_sql(statement).execute(&app.pool).await.is_ok(), fits, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_moved_or_called_off_is_free_for_others() {
    let settings = [OPEN, &[("APPOINTMENTS__BUFFER", "15m")]].concat();
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    let at = |time: &str| json!({ "date": "2026-11-03", "time": time });
    let to = |time: &str| json!({ "new_date": "2026-11-03", "new_time": time });
    // 09:00, and, after the half hour and the buffer, 09:45.
    assert!(!is_done(&call(&app, "+15550100001", "t0", "book_appointment", at("09:30")).await));
    assert!(is_done(&call(&app, "+15550100001", "t1", "book_appointment", at("09:00")).await));
    assert!(is_done(&call(&app, "+15550100002", "t1", "book_appointment", at("09:45")).await));
    // Taken: nothing changes, and the sentence says what is free.
    let answer = call(&app, "+15550100001", "t2", "reschedule_appointment", to("09:45")).await;
    assert!(!is_done(&answer) && answer["message"].as_str().unwrap().contains("10:30"), "{answer}");
    assert_eq!(booked(&app).await, 2);
    assert!(is_done(&call(&app, "+15550100001", "t3", "reschedule_appointment", to("10:30")).await));
    assert!(is_done(&call(&app, "+15550100003", "t1", "book_appointment", at("09:00")).await));
    assert!(is_done(&call(&app, "+15550100002", "t2", "cancel_appointment", json!({})).await));
    assert!(!is_done(&call(&app, "+15550100002", "t3", "cancel_appointment", json!({})).await));
    assert!(is_done(&call(&app, "+15550100003", "t2", "reschedule_appointment", to("09:45")).await));
    let rows = app
        .rows("select jsonb_build_array(phone, to_char(starts_at, 'HH24:MI')) from appointments where cancelled_at is null order by phone")
        .await;
    assert_eq!(rows, [json!(["+15550100001", "10:30"]), json!(["+15550100003", "09:45"])]);
    assert_eq!(app.value("select count(*) from appointments where moved_to is not null").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_past_too_soon_or_too_far_is_not_booked() {
    let settings = [OPEN, &[("APPOINTMENTS__HOLIDAYS", "2026-11-05"), ("APPOINTMENTS__HOURS", "mon-fri 09:00-17:00")]];
    let app = TestApp::spawn_with(&settings.concat(), providers::registry()).await;
    // It is Sunday, November 1, 12:00.
    for (number, (date, time, done)) in [
        ("2026-11-01", "13:30", false),
        ("2026-10-30", "10:00", false),
        ("2026-11-02", "08:30", false),
        ("2026-11-02", "16:45", false),
        ("2026-11-02", "17:00", false),
        ("2026-11-05", "10:00", false),
        ("2026-11-16", "10:00", false),
        ("2026-11-02", "16:30", true),
        ("2026-11-13", "09:00", true),
    ]
    .into_iter()
    .enumerate()
    {
        let args = json!({ "date": date, "time": time });
        let answer = call(&app, &format!("+155501001{number:02}"), "t1", "book_appointment", args).await;
        assert_eq!(is_done(&answer), done, "{date} {time}: {answer}");
    }
}

/// Zone, the night, opening, closing; the local times of the slots, half an hour each.
type Night = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const NIGHTS: &[Night] = &[
    // The hour from 02:00 is skipped.
    ("America/New_York", "2026-03-08", "01:00", "04:00", &["01:00", "01:30", "03:00", "03:30"]),
    ("Asia/Jerusalem", "2026-03-27", "01:00", "04:00", &["01:00", "01:30", "03:00", "03:30"]),
    // In London it is the hour from 01:00.
    ("Europe/London", "2026-03-29", "00:00", "03:00", &["00:00", "00:30", "02:00", "02:30"]),
    // Opening at a time that does not exist: when the clock has it.
    ("America/New_York", "2026-03-08", "02:30", "04:00", &["03:30"]),
    // The hour from 01:00 comes twice.
    ("America/New_York", "2026-11-01", "00:30", "02:30", &["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]),
    ("Asia/Jerusalem", "2026-10-25", "00:30", "02:30", &["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]),
    ("Europe/London", "2026-10-25", "00:30", "02:30", &["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]),
    // By day nothing is odd, whichever way the clock has gone; and the day may end at midnight.
    ("America/New_York", "2026-03-08", "09:00", "10:30", &["09:00", "09:30", "10:00"]),
    ("Asia/Jerusalem", "2026-10-25", "09:00", "10:30", &["09:00", "09:30", "10:00"]),
    ("Europe/London", "2026-10-25", "23:00", "24:00", &["23:00", "23:30"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn nights_with_a_change_of_the_clock_have_the_slots_that_there_are() {
    let app = TestApp::spawn().await;
    for (zone, night, opens, closes, slots) in NIGHTS {
        let found = app
            .rows(&format!(
                "select jsonb_build_array(to_char(local_at, 'HH24:MI'), starts_at)
                 from free_slots('{}', '{zone}', '{{1,2,3,4,5,6,7}}', array_fill('{opens}'::time, array[7]),
                     array_fill('{closes}'::time, array[7]), '{{}}', '30 minutes', '30 minutes', 1,
                     '{night}'::timestamp at time zone '{zone}', ('{night}'::date + 1)::timestamp at time zone '{zone}',
                     99, 99)",
                crate::support::TENANT
            ))
            .await;
        let local: Vec<&str> = found.iter().map(|slot| slot[0].as_str().unwrap()).collect();
        assert_eq!(&local, slots, "{zone} {night} {opens}");
        let instants: BTreeSet<&str> = found.iter().map(|slot| slot[1].as_str().unwrap()).collect();
        assert_eq!(instants.len(), slots.len(), "{zone} {night}: every slot is a time of its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_comes_twice_is_booked_twice() {
    let settings = [("APPOINTMENTS__HOURS", "mon-sun 00:30-02:30"), ("OUTREACH__TIME_ZONE", "Europe/London")];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    app.clock.advance(chrono::TimeDelta::days(-8));
    for (phone, done) in [("+15550100001", true), ("+15550100002", true), ("+15550100003", false)] {
        let answer =
            call(&app, phone, "t1", "book_appointment", json!({ "date": "2026-10-25", "time": "01:30" })).await;
        assert_eq!(is_done(&answer), done, "{answer}");
    }
    let rows = app.rows("select to_jsonb(to_char(starts_at, 'HH24:MI')) from appointments order by starts_at").await;
    assert_eq!(rows, [json!("00:30"), json!("01:30")]);
}
