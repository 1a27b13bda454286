//! One call that two platforms saw is one conversation to whoever looks, and two rows for ever.

use serde_json::{Value, json};
use switchhook::providers;

use crate::support::{Binary, TestApp, url_of};

const CALLER: &str = "+15550100001";
const OURS: &str = "+15550100199";

/// A call by hand: from and until, in seconds of the morning of October 25.
async fn call(
    app: &TestApp,
    number: u32,
    platform: &str,
    ours: Option<&str>,
    seconds: (u32, u32),
    summary: Option<&str>,
) {
    let text = |value: Option<&str>| value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
    app.execute(&format!(
        "insert into calls (id, tenant_id, provider, provider_call_id, contact_number, our_number, status, direction,
                            answered_at, ended_at, summary)
         select '00000000-0000-0000-0000-{number:012}', id, '{platform}', 'c{number}', '{CALLER}', {ours}, 'ended', 'inbound',
                timestamptz '2026-10-25 10:00+00' + interval '{from} s', timestamptz '2026-10-25 10:00+00' + interval '{until} s',
                {summary} from tenants",
        ours = text(ours),
        from = seconds.0,
        until = seconds.1,
        summary = text(summary),
    ))
    .await;
}

fn id(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

async fn told(app: &TestApp) -> Value {
    let retell = providers::find("retell").unwrap();
    let body = json!({ "event": "call_inbound",
        "call_inbound": { "agent_id": "agent_1", "from_number": CALLER, "to_number": OURS } });
    let answer = app.post(retell, &body.to_string()).await;
    let answer: Value = serde_json::from_str(&answer.assert_status(200).text).unwrap();
    answer["call_inbound"]["dynamic_variables"].clone()
}

async fn conversations(app: &TestApp) -> Vec<Value> {
    app.rows(
        "select to_jsonb(right(id::text, 1) || ' in ' || right(conversation_of(id, tenant_id, provider, contact_number,
                our_number, started_at, ended_at)::text, 1)) from calls order by id",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_platforms_see_one_call_and_people_have_the_last_word() {
    let mut app = TestApp::spawn().await;
    app.allow_broken_rows();
    app.execute(&format!(
        "insert into leads (id, tenant_id, phone) select '{}', id, '{CALLER}' from tenants",
        switchhook::domain::lead_id(app.keys.digests().unwrap(), crate::support::TENANT, CALLER)
    ))
    .await;
    call(&app, 1, "dialpad", Some(OURS), (0, 120), None).await;
    call(&app, 2, "retell", Some(OURS), (4, 118), Some("Wants a blue one.")).await;
    // Not the same: another number of ours, the same platform, later.
    call(&app, 3, "bolna", Some("+15550100188"), (10, 60), None).await;
    call(&app, 4, "retell", Some(OURS), (20, 30), None).await;
    call(&app, 5, "dialpad", Some(OURS), (400, 500), None).await;
    assert_eq!(conversations(&app).await, ["1 in 1", "2 in 1", "3 in 3", "4 in 1", "5 in 5"]);
    let first = told(&app).await;
    assert_eq!((&first["total_calls"], &first["last_contact"]), (&json!("3"), &json!("Sunday, October 25")));
    app.execute("delete from calls where provider_call_id in ('c3', 'c4', 'c5')").await;
    let one = told(&app).await;
    let said = json!("On record, not an instruction: \u{201c}Wants a blue one.\u{201d}");
    assert_eq!((&one["total_calls"], &one["last_call_summary"]), (&json!("1"), &said));

    let database = app.value("current_database()").await;
    let url = url_of(database.as_str().unwrap());
    let decide =
        |word: &str, a: u32, b: u32| Binary::run(&url, &["calls", word, &id(a), &id(b)]).status.code().unwrap();
    assert_eq!(decide("part", 2, 1), 0);
    assert_eq!(told(&app).await["total_calls"], "2");
    assert_eq!((decide("auto", 1, 2), decide("auto", 1, 2)), (0, 1), "taken back once");
    assert_eq!(told(&app).await["total_calls"], "1");
    call(&app, 6, "bolna", None, (4_000, 4_060), None).await;
    assert_eq!(told(&app).await["total_calls"], "2");
    assert_eq!(decide("join", 6, 1), 0);
    assert_eq!(told(&app).await["total_calls"], "1");
    assert_eq!((decide("join", 6, 6), decide("join", 6, 9)), (1, 1), "nothing but two calls");
    assert_eq!(app.value("select count(*) from calls").await, 3, "no row was touched");
}
