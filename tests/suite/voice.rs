//! Who may do what by voice: the platform's word says whose rows are read and changed, a caller's word says nothing; how
//! much one call may write, and how many numbers a source may ask about.

use std::fmt::Write as _;

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::jobs::Watcher;
use switchhook::providers;

use crate::appointments::call;
use crate::support::{Answer, TENANT, TestApp, live_token};

/// The caller whom everybody else pretends to be.
pub const VICTIM: &str = "+15550100001";
pub const OURS: &str = "+15550100199";
const OPEN: &[(&str, &str)] = &[("APPOINTMENTS__HOURS", "mon-sun 09:00-14:00"), ("LIVE__FUNCTION_TIMEOUT", "30s")];

async fn open() -> TestApp {
    TestApp::spawn_with(OPEN, providers::registry()).await
}

pub async fn open_with(more: &[(&str, &str)]) -> TestApp {
    let settings: Vec<(&str, &str)> = OPEN.iter().chain(more).copied().collect();
    TestApp::spawn_with(&settings, providers::registry()).await
}

/// Posts to a URL of Retell's, signed.
pub async fn retell(app: &TestApp, path: &str, body: &Value) -> Answer {
    let retell = providers::find("retell").unwrap();
    let sent = retell.sign(&body.to_string(), app.secret(retell).as_ref(), app.clock.now());
    app.send(&format!("/webhooks/retell/default{path}"), sent).await
}

/// Posts to Bolna's source with its live token.
pub async fn bolna(app: &TestApp, function: &str, args: &Value) -> Value {
    let url = format!("{}/webhooks/bolna/default/function/{function}", app.base);
    json_of(&TestApp::answer(app.client.post(url).bearer_auth(live_token("bolna")).json(args)).await)
}

pub fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.assert_status(200).text).unwrap()
}

/// A person with a name, a note, a preference and an appointment on Tuesday at ten.
async fn victim(app: &TestApp) {
    for (number, (name, args)) in [
        ("update_customer", json!({ "name": "Zebulon", "email": "zebulon@example.com", "preferences": "purple" })),
        ("save_note", json!({ "note": "the gate code is on file" })),
        ("book_appointment", json!({ "date": "2026-11-03", "time": "10:00", "purpose": "a tooth" })),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = call(app, VICTIM, &format!("v{number}"), name, args).await;
        assert_eq!(answer["success"], true, "{answer}");
    }
}

/// All that is kept of them.
async fn kept(app: &TestApp) -> Vec<Value> {
    app.rows(&format!(
        "select to_jsonb(t) from (
             select jsonb_agg(to_jsonb(l)) from leads l where phone = '{VICTIM}'
             union all select jsonb_agg(to_jsonb(n) order by n.id) from lead_notes n where not unverified
             union all select jsonb_agg(to_jsonb(a) order by a.id) from appointments a where not unverified) t"
    ))
    .await
}

/// Every function, with arguments that would do it if the caller were the victim.
fn functions() -> Vec<(&'static str, Value)> {
    vec![
        ("lookup_customer", json!({})),
        ("check_availability", json!({ "date": "2026-11-03" })),
        ("book_appointment", json!({ "date": "2026-11-03", "time": "10:30", "name": "Mallory" })),
        ("reschedule_appointment", json!({ "new_date": "2026-11-03", "new_time": "12:00" })),
        ("cancel_appointment", json!({})),
        ("save_note", json!({ "note": "is a thief" })),
        ("update_customer", json!({ "name": "Mallory", "email": "m@example.com" })),
        ("flag_for_review", json!({ "reason": "is a thief" })),
        ("request_callback", json!({ "reason": "about the gate" })),
        ("opt_out", json!({})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_a_caller_says_creates_at_most_and_reads_and_changes_nothing() {
    for who in ["withheld", "says so", "on a keypad", "arguments alone", "a call in the arguments", "elevenlabs"] {
        let app = open().await;
        app.execute(
            "update connections set header_name = 'X-Tool', header_value = 'right' where provider = 'elevenlabs'",
        )
        .await;
        victim(&app).await;
        let before = kept(&app).await;
        let mut heard = String::new();
        let is_unnamed = ["arguments alone", "a call in the arguments"].contains(&who);
        for (name, mut args) in functions() {
            let around = |from: &str| json!({ "call_id": format!("m-{name}"), "from_number": from, "to_number": OURS });
            let mut claim = |key: &str| args[key] = json!(VICTIM);
            let answer = match who {
                "withheld" => {
                    retell(&app, "/function", &json!({ "name": name, "args": args, "call": around("anonymous") })).await
                }
                "says so" | "on a keypad" => {
                    claim("phone");
                    let from = if who == "says so" { "Restricted" } else { "+266696687" };
                    retell(&app, "/function", &json!({ "name": name, "args": args, "call": around(from) })).await
                }
                // Retell passes on what the model writes, whatever it is called.
                "arguments alone" => {
                    ["from_number", "caller_id", "system__caller_id", "call_id"].into_iter().for_each(&mut claim);
                    retell(&app, &format!("/function/{name}"), &args).await
                }
                "a call in the arguments" => {
                    let body = json!({ "name": "lookup_customer", "args": args, "call": around(VICTIM) });
                    retell(&app, &format!("/function/{name}"), &body).await
                }
                // Not the name of the platform's own variable.
                _ => {
                    claim("caller_id");
                    let url = format!("{}/webhooks/elevenlabs/default/function/{name}", app.base);
                    TestApp::answer(app.client.post(url).header("X-Tool", "right").json(&args)).await
                }
            };
            // Retell's signature covers no name in the URL, so arguments alone run nothing.
            if is_unnamed {
                answer.assert_status(401);
                continue;
            }
            let answer = json_of(&answer);
            let creates = ["book_appointment", "request_callback"].contains(&name) && who != "withheld";
            let is_done = name == "check_availability" || creates;
            assert_eq!(answer["success"], is_done, "{who}, {name}: {answer}");
            let message = answer["message"].as_str().unwrap();
            if who == "withheld" && ["book_appointment", "request_callback"].contains(&name) {
                assert!(message.contains("Which number can I note this under?"), "{message}");
            } else if !is_done {
                assert!(message.contains("I can have somebody call you back"), "{who}, {name}: {message}");
            }
            let _ = writeln!(heard, "{answer}");
        }
        for secret in ["Zebulon", "zebulon", "gate code", "purple", "tooth"] {
            assert!(!heard.contains(secret), "{who} heard {secret}: {heard}");
        }
        assert_eq!(kept(&app).await, before, "{who}");
        let made = if who == "withheld" || is_unnamed { 0 } else { 1 };
        for table in ["appointments", "lead_notes"] {
            let unverified = format!("select count(*) from {table} where unverified and phone = '{VICTIM}'");
            assert_eq!(app.value(&unverified).await, made, "{who}: {table}");
        }
        // The owner finds what was booked in their name, and it is theirs to call off.
        let found = call(&app, VICTIM, "v9", "lookup_customer", json!({})).await;
        assert_eq!((&found["customer_name"], &found["opted_out"]), (&json!("Zebulon"), &json!("false")), "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_word_reads_and_changes() {
    let app = open().await;
    app.execute("update connections set header_name = 'X-Tool', header_value = 'right' where provider = 'elevenlabs'")
        .await;
    victim(&app).await;
    let args = json!({ "system__caller_id": VICTIM, "system__conversation_id": "conv_1", "phone": "+15550100009" });
    let url = format!("{}/webhooks/elevenlabs/default/function/lookup_customer", app.base);
    let answer = TestApp::answer(app.client.post(url).header("X-Tool", "right").json(&args)).await;
    assert_eq!(json_of(&answer)["customer_name"], "Zebulon");
    let args = json!({ "from_number": VICTIM, "execution_id": "e1" });
    assert_eq!(bolna(&app, "lookup_customer", &args).await["customer_name"], "Zebulon");
    assert_eq!(bolna(&app, "cancel_appointment", &args).await["success"], true);
    assert_eq!(app.value("select count(*) from appointments where cancelled_at is null").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_the_arguments_is_no_question() {
    let app = open().await;
    victim(&app).await;
    for body in [
        json!({ "event": "call_inbound", "call_inbound": { "from_number": VICTIM, "to_number": OURS } }),
        json!({ "event": "context_request", "call": { "call_id": "c", "from_number": VICTIM, "to_number": OURS } }),
    ] {
        for path in ["/function/lookup_customer", "/function/check_availability", "/function"] {
            let answer = retell(&app, path, &body).await;
            // The signature covers no name in the URL.
            assert!(!answer.assert_status(401).text.contains("Zebulon"), "{path}: {}", answer.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_call_nobody_hears_what_another_was_answered() {
    let app = open().await;
    victim(&app).await;
    let cancelled = bolna(&app, "cancel_appointment", &json!({ "from_number": VICTIM })).await;
    assert_eq!(cancelled["success"], true, "{cancelled}");
    let other = bolna(&app, "cancel_appointment", &json!({ "from_number": "+15550100002" })).await;
    assert_eq!(
        (&other["success"], &other["message"]),
        (&json!(false), &json!("I find no appointment under your number."))
    );
    // A retry is one all the same.
    assert_eq!(bolna(&app, "cancel_appointment", &json!({ "from_number": VICTIM })).await, cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sql_function_is_told_which_number_is_vouched_for() {
    let app = open_with(&[("FUNCTIONS__WHO", "who")]).await;
    app.execute(
        "create function who(request jsonb) returns jsonb language sql as $$
             select jsonb_build_object('message', 'x', 'vouched', request -> 'phone', 'claimed', request -> 'claimed_phone') $$",
    )
    .await;
    let said = json!({ "phone": "+15550100009" });
    let answer = call(&app, VICTIM, "t1", "who", said.clone()).await;
    assert_eq!((&answer["vouched"], &answer["claimed"]), (&json!(VICTIM), &Value::Null));
    let answer = call(&app, "anonymous", "t2", "who", said).await;
    assert_eq!((&answer["vouched"], &answer["claimed"]), (&Value::Null, &json!("+15550100009")));
}

pub async fn count(app: &TestApp, rows: &str) -> i64 {
    app.value(&format!("select count(*) from {rows}")).await.as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_writes_so_much_and_no_more() {
    let app = open().await;
    for n in 0..6 {
        let time = format!("{:02}:00", 9 + n % 5);
        let book = json!({ "date": "2026-11-03", "time": time });
        call(&app, VICTIM, &format!("b{n}"), "book_appointment", book).await;
        call(&app, VICTIM, &format!("c{n}"), "request_callback", json!({ "reason": n.to_string() })).await;
        call(&app, VICTIM, &format!("f{n}"), "flag_for_review", json!({ "reason": n.to_string() })).await;
    }
    for n in 0..30 {
        call(&app, VICTIM, &format!("n{n}"), "save_note", json!({ "note": n.to_string() })).await;
    }
    let notes = |kind: &str| format!("lead_notes where kind = '{kind}'");
    assert_eq!(count(&app, "appointments").await, 2);
    assert_eq!((count(&app, &notes("callback")).await, count(&app, &notes("flag")).await), (2, 2));
    assert_eq!(count(&app, &notes("note")).await, 10);
    let last = call(&app, VICTIM, "n99", "save_note", json!({ "note": "one more" })).await;
    let sentence = "That is all that I can do in one call. A colleague will gladly help you with the rest.";
    assert_eq!(last, json!({ "success": false, "message": sentence }));
    // What was refused, and what was there already, counts for nothing; another call begins anew.
    assert_eq!(app.value("select max(writes) from live_writes where writing = 'any'").await, 16);
    let other =
        call(&app, "+15550100002", "t1", "book_appointment", json!({ "date": "2026-11-03", "time": "13:00" })).await;
    assert_eq!(other["success"], true, "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_call_side_by_side_do_not_exceed_it() {
    let app = std::sync::Arc::new(open().await);
    let many = (0..10).map(|n| {
        let app = std::sync::Arc::clone(&app);
        async move {
            let time = format!("{:02}:{:02}", 9 + n / 2, 30 * (n % 2));
            call(&app, VICTIM, &format!("b{n}"), "book_appointment", json!({ "date": "2026-11-03", "time": time }))
                .await
        }
    });
    let answers = futures_util::future::join_all(many).await;
    assert_eq!(answers.iter().filter(|answer| answer["success"] == true).count(), 2, "{answers:?}");
    assert_eq!(count(&app, "appointments").await, 2);
}

/// Asks on behalf of a number that nobody vouches for, in a call of its own.
pub async fn claims(app: &TestApp, call_id: &str, number: &str, name: &str, mut args: Value) -> Value {
    args["phone"] = json!(number);
    let around = json!({ "call_id": call_id, "from_number": "anonymous", "to_number": OURS });
    json_of(&retell(app, "/function", &json!({ "name": name, "args": args, "call": around })).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_number_is_good_for_one_booking_a_call_and_few_a_day() {
    let app = open_with(&[
        ("LIVE__WRITES__UNVERIFIED_BOOKINGS_PER_DAY", "3"),
        ("LIVE__WRITES__UNVERIFIED_CALLBACKS_PER_DAY", "2"),
    ])
    .await;
    let book = |hour: u32| json!({ "date": "2026-11-03", "time": format!("{hour:02}:00") });
    assert_eq!(claims(&app, "c1", "+15550100011", "book_appointment", book(9)).await["success"], true);
    assert_eq!(claims(&app, "c1", "+15550100012", "book_appointment", book(10)).await["success"], false, "one a call");
    for (call_id, hour, is_done) in [("c2", 10, true), ("c3", 11, true), ("c4", 12, false), ("c5", 13, false)] {
        let answer = claims(&app, call_id, "+15550100013", "book_appointment", book(hour)).await;
        assert_eq!(answer["success"], is_done, "{call_id}: {answer}");
    }
    for (call_id, is_done) in [("c6", true), ("c7", true), ("c8", false)] {
        let answer = claims(&app, call_id, "+15550100014", "request_callback", json!({ "reason": "x" })).await;
        assert_eq!(answer["success"], is_done, "{call_id}: {answer}");
    }
    // Callers whom the platform vouches for are not kept out by them, and their number is not used up.
    assert_eq!(call(&app, "+15550100013", "t1", "book_appointment", book(12)).await["success"], true);
    app.clock.advance(TimeDelta::days(1));
    assert_eq!(claims(&app, "c9", "+15550100015", "book_appointment", book(13)).await["success"], true, "the next day");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_name_no_call_share_the_tightest_limit() {
    let app = open_with(&[("LIVE__WRITES__WITHOUT_CALL_PER_HOUR", "3")]).await;
    let note = |n: u32| json!({ "note": n.to_string(), "from_number": format!("+155501000{n:02}") });
    for n in 0..6 {
        assert_eq!(bolna(&app, "save_note", &note(n)).await["success"], n < 3, "{n}");
    }
    // A model's word for the call is no call.
    let mut args = json!({ "note": "x", "call_id": "made-up", "from_number": VICTIM });
    assert_eq!(bolna(&app, "save_note", &args).await["success"], false);
    args["execution_id"] = json!("e1");
    assert_eq!(bolna(&app, "save_note", &args).await["success"], true);
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(bolna(&app, "save_note", &note(7)).await["success"], true);
}

/// Asks Bolna's URL who calls.
async fn who_calls(app: &TestApp, number: &str) -> Value {
    let url = format!("{}/webhooks/bolna/default/inbound?contact_number={number}&execution_id=x{number}", app.base);
    json_of(&TestApp::answer(app.client.get(url).bearer_auth(live_token("bolna"))).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_in_the_wrong_hands_tells_of_few_and_not_unnoticed() {
    let app = open_with(&[("LIVE__LOOKUPS__NUMBERS_PER_MINUTE", "20")]).await;
    let number = |n: u32| format!("+1555010{n:04}");
    let leads: Vec<String> = (0..100)
        .map(|n| {
            let id = switchhook::domain::lead_id(&crate::support::keys::digest_key(), TENANT, &number(n));
            format!("('{id}', '{TENANT}', '{}', 'Zebulon', '2')", number(n))
        })
        .collect();
    app.execute(&format!("insert into leads (id, tenant_id, phone, name, name_rank) values {}", leads.join(","))).await;
    let mut told = 0;
    for n in 0..100 {
        told += u32::from(who_calls(&app, &number(n)).await["customer_name"] == "Zebulon");
    }
    assert_eq!(told, 20);
    // Functions are no way around it.
    let answer = bolna(&app, "lookup_customer", &json!({ "from_number": number(99), "execution_id": "e" })).await;
    assert_eq!(answer["success"], false, "{answer}");
    // A caller who was on the line before stays known.
    assert_eq!(who_calls(&app, &number(0)).await["customer_name"], "Zebulon");
    app.live.flush().await.unwrap();
    let revealed = "operator_log where action = 'reveal_caller'";
    assert_eq!(count(&app, revealed).await, 20, "everybody of whom something was told is in the access log");
    let line = app
        .rows(
            &format!("select to_jsonb(o) from {revealed} o limit 1")
                .replace(" o limit", " limit")
                .replace("to_jsonb(o)", "to_jsonb(operator_log)"),
        )
        .await
        .remove(0);
    assert_eq!((&line["actor"], &line["tenant_id"]), (&json!("live"), &json!(TENANT)));
    assert_eq!(line["details"]["connection_id"], json!(app.connection_id("bolna")));
    who_calls(&app, &number(1)).await;
    app.live.flush().await.unwrap();
    assert_eq!(count(&app, revealed).await, 20, "once an hour");
    let admin = crate::operations::Person::of(&app, switchhook::access::Role::Admin, Some(TENANT)).await;
    let page = admin.get(&app, "/setup/audit?action=reveal_caller").await;
    // A heading and a row each.
    assert_eq!(page.assert_status(200).text.matches("<tr>").count(), 21, "{}", page.text);
    assert!(page.text.contains("Reveal caller</td>") && !page.text.contains("+1555010"), "{}", page.text);
    // People are told of it, without a number and without the URL.
    let config = switchhook::config::Config::from_parts(None, &std::collections::BTreeMap::new()).unwrap();
    Watcher::new(app.desk.clone(), config.alerts).look().await.unwrap();
    let incident = app.rows("select to_jsonb(i) from incidents i where cause = 'live_lookups'").await.remove(0);
    let summary = incident["summary"].as_str().unwrap();
    assert!(summary.starts_with("bolna asked about 101 numbers in a minute") && !summary.contains("555"), "{summary}");
    // Until it asks less.
    app.clock.advance(TimeDelta::minutes(2));
    assert_eq!(who_calls(&app, &number(50)).await["customer_name"], "Zebulon");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_nobody_knows_raise_the_alarm_sooner() {
    let app = open_with(&[("LIVE__LOOKUPS__NEW_NUMBERS_PER_MINUTE", "5")]).await;
    victim(&app).await;
    for n in 100..120 {
        assert_eq!(who_calls(&app, &format!("+15550102{n}")).await["is_returning_customer"], "false");
    }
    assert_eq!(who_calls(&app, VICTIM).await["customer_name"], "", "as if nobody knew them");
    app.live.flush().await.unwrap();
    let row = app.rows("select to_jsonb(m) from live_lookups m where held_back > 0").await.remove(0);
    assert_eq!((&row["numbers"], &row["new_numbers"], &row["held_back"]), (&json!(21), &json!(6), &json!(15)));
}
