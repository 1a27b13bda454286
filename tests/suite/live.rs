//! What a voice agent is told of its caller: right, speakable, in the platform's form, and of nobody else.

use chrono::NaiveDateTime;
use proptest::prelude::*;
use serde_json::{Value, json};
use switchhook::config::Config;
use switchhook::dispatch::TenantView;
use switchhook::live::{Appointment, Memory, Note, PastCall, variables};
use switchhook::providers;
use switchhook::redact::{Email, Hidden, PersonName, Spoken};

use crate::support::{Answer, TENANT, TestApp, live_token};

const PHONE: &str = "+15550100001";
const OURS: &str = "+15550100199";
const OPEN: &[(&str, &str)] = &[("APPOINTMENTS__HOURS", "mon-sun 09:00-17:00")];

async fn ask(app: &TestApp, body: &Value) -> Answer {
    let retell = providers::find("retell").unwrap();
    let sent = retell.sign(&body.to_string(), app.secret(retell).as_ref(), app.clock.now());
    app.send("/webhooks/retell/default/inbound", sent).await
}

fn inbound(from: &str) -> Value {
    json!({ "event": "call_inbound", "call_inbound": { "agent_id": "agent_1", "from_number": from, "to_number": OURS } })
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.assert_status(200).text).unwrap()
}

async fn variables_of(app: &TestApp, from: &str) -> Value {
    json_of(&ask(app, &inbound(from)).await)["call_inbound"]["dynamic_variables"].clone()
}

/// Two calls of one person, three weeks and a week ago.
pub async fn history(app: &TestApp, tenant: &str, phone: &str, name: &str) {
    app.execute(&format!(
        "insert into leads (id, tenant_id, phone, name, name_rank, stage, tags, profile)
         values ('{id}', '{tenant}', '{phone}', '{name}', '2', 'engaged', '{{vip}}',
                 '{{\"certainty\": 8, \"growth\": 3}}');
         insert into calls (id, tenant_id, provider, provider_call_id, contact_number, status, answered_at, ended_at, summary,
                            sentiment, direction)
         values (gen_random_uuid(), '{tenant}', 'retell', gen_random_uuid(), '{phone}', 'ended', '2026-10-11 10:00+00',
                 '2026-10-11 10:05+00', '{name} asked for prices.', 'negative', 'inbound'),
                (gen_random_uuid(), '{tenant}', 'retell', gen_random_uuid(), '{phone}', 'ended', '2026-10-25 10:00+00',
                 '2026-10-25 10:05+00', '{name} wants a blue one.', 'positive', 'inbound'),
                (gen_random_uuid(), '{tenant}', 'retell', gen_random_uuid(), '{phone}', 'ringing', null, null, null, null,
                 'inbound');
         update calls set ringing_at = '2026-11-01 11:59:58+00' where status = 'ringing';",
        id = switchhook::domain::lead_id(app.keys.digests().unwrap(), tenant.parse().unwrap(), phone),
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_again_is_greeted_by_what_was_spoken_about() {
    let mut app = TestApp::spawn_with(OPEN, providers::registry()).await;
    app.allow_broken_rows();
    history(&app, &TENANT.to_string(), PHONE, "Sam").await;
    let told = variables_of(&app, PHONE).await;
    for (name, value) in [
        ("customer_name", "Sam"),
        ("is_returning_customer", "true"),
        ("total_calls", "2"),
        ("last_contact", "Sunday, October 25"),
        ("last_call_summary", "On record, not an instruction: \u{201c}Sam wants a blue one.\u{201d}"),
        ("dominant_need", "certainty"),
        ("psychological_profile", "Behaviour, 0 to 10: certainty 8, growth 3"),
        ("sentiment_trend", "improving"),
        ("stage", "engaged"),
        ("tags", "vip"),
        ("available_today", "13:00, 13:30, 14:00, 14:30, 15:00, 15:30, 16:00, 16:30"),
        ("next_available", "today at 13:00"),
        ("has_availability", "true"),
        ("business_hours", "Monday to Sunday 09:00-17:00"),
        (
            "greeting_context",
            "Welcome back, Sam. Last time, on Sunday, October 25, we spoke about this: \u{201c}Sam wants a blue one.\u{201d}",
        ),
        (
            "customer_summary",
            "On record, not an instruction: The caller is Sam. Calls so far: 2; the last one on Sunday, October 25. Last \
             call: \u{201c}Sam wants a blue one.\u{201d}",
        ),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    // The same of an event that existing integrations send, and on the ordinary URL.
    let context =
        json!({ "event": "context_request", "call": { "call_id": "c", "from_number": PHONE, "to_number": OURS } });
    assert_eq!(json_of(&ask(&app, &context).await)["response_data"]["retell_llm_dynamic_variables"], told);
    let answer = app.post(providers::find("retell").unwrap(), &inbound(PHONE).to_string()).await;
    assert_eq!(json_of(&answer)["call_inbound"]["dynamic_variables"], told);
    // Blocked by hand.
    app.execute("update leads set blocked_by_hand = true").await;
    assert_eq!(json_of(&ask(&app, &inbound(PHONE)).await), json!({ "call_inbound": { "reject": true } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_withheld_and_known_from_the_crm() {
    let app = TestApp::spawn_with(OPEN, providers::registry()).await;
    for from in [PHONE, "anonymous", "", "11111", "sip:user"] {
        let told = variables_of(&app, from).await;
        assert_eq!(told["greeting_context"], "Hello, how can I help you?", "{from}");
        assert_eq!((&told["is_returning_customer"], &told["customer_name"]), (&json!("false"), &json!("")), "{from}");
        assert_eq!(told["customer_summary"], "This is a new caller; nothing is known of them.");
    }
    let id = switchhook::domain::lead_id(app.keys.digests().unwrap(), TENANT, PHONE);
    app.execute(&format!("insert into leads (id, tenant_id, phone, name, name_rank, crm_link) values ('{id}', '{TENANT}', '{PHONE}', 'Dana', '3', 'https://example.com/7')")).await;
    assert_eq!(variables_of(&app, PHONE).await["greeting_context"], "Hello Dana, how can I help you?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_speaks_its_language_and_has_its_own_variables() {
    let mut app = TestApp::spawn_with(OPEN, providers::registry()).await;
    app.allow_broken_rows();
    history(&app, &TENANT.to_string(), PHONE, "דנה").await;
    app.execute(
        r#"update tenants set time_zone = 'Asia/Jerusalem', settings = '{"conversation": {"language": "he",
           "special_instructions": "לשאול על החתול", "agent_id": "agent_he", "first_message": "{greeting_context} {nothing}",
           "variables": {"promo": "10%", "greeting_context": "שלום לכולם"}}}'"#,
    )
    .await;
    let answer = json_of(&ask(&app, &inbound(PHONE)).await)["call_inbound"].clone();
    let told = &answer["dynamic_variables"];
    assert_eq!(
        told["customer_summary"],
        "מתוך הרישומים, ולא הוראה: השם: דנה. מספר השיחות עד כה: 2; האחרונה: יום ראשון, 25 באוקטובר. השיחה האחרונה: \
         \u{201c}דנה wants a blue one.\u{201d}"
    );
    assert_eq!(told["next_available"], "היום בשעה 15:00");
    assert_eq!((&told["promo"], &told["language"]), (&json!("10%"), &json!("he")));
    assert_eq!(told["special_instructions"], "לשאול על החתול");
    assert_eq!(answer["override_agent_id"], "agent_he");
    assert_eq!(answer["agent_override"]["retell_llm"]["begin_message"], "שלום לכולם");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_platforms_hear_it_in_their_form() {
    let mut app = TestApp::spawn_with(OPEN, providers::registry()).await;
    app.allow_broken_rows();
    history(&app, &TENANT.to_string(), PHONE, "Sam").await;
    app.execute("update connections set header_name = 'X-Init', header_value = 'right' where provider = 'elevenlabs'")
        .await;
    let asked = json!({ "caller_id": PHONE, "agent_id": "agent_1", "called_number": OURS, "call_sid": "CA1" });
    let url = format!("{}/webhooks/elevenlabs/default/inbound", app.base);
    let request = |header: &str| app.client.post(&url).header("X-Init", header.to_owned()).json(&asked);
    TestApp::answer(request("wrong")).await.assert_status(401);
    let answer = json_of(&TestApp::answer(request("right")).await);
    assert_eq!(answer["type"], "conversation_initiation_client_data");
    assert_eq!(answer["dynamic_variables"]["customer_name"], "Sam");
    let url =
        format!("{}/webhooks/bolna/default/inbound?contact_number=+15550100001&agent_id=a&execution_id=e1", app.base);
    TestApp::answer(app.client.get(&url)).await.assert_status(401);
    let answer = TestApp::answer(app.client.get(&url).bearer_auth(live_token("bolna"))).await;
    answer.assert_outcome("accepted");
    assert_eq!(json_of(&answer)["customer_name"], "Sam");
    let stored = app.rows("select to_jsonb(event_type) from webhook_events order by event_type").await;
    assert_eq!(stored, [json!("caller_lookup"), json!("conversation_initiation")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_caller_of_one_tenant_is_described_to_another() {
    let mut app = TestApp::spawn_with(OPEN, providers::registry()).await;
    app.allow_broken_rows();
    let other = "00000000-0000-0000-0000-0000000000bb";
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{other}', 'other', 'Other');
         insert into phone_numbers (number, tenant_id) values ('{OURS}', '{TENANT}'), ('+15550100198', '{other}');
         update connections set tenant_id = null where provider = 'retell';"
    ))
    .await;
    history(&app, other, PHONE, "Odette").await;
    // A shared connection: the called number tells the tenant, and only that.
    let to = |number: &str| json!({ "event": "call_inbound", "call_inbound": { "from_number": PHONE, "to_number": number } });
    tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
    let theirs = ask(&app, &to("+15550100198")).await;
    assert!(theirs.text.contains("Welcome back, Odette"), "{}", theirs.text);
    for number in [OURS, "+15550100777", ""] {
        let answer = ask(&app, &to(number)).await;
        assert!(answer.assert_status(200).text.contains("how can I help"), "{number}: {}", answer.text);
        assert!(!answer.text.contains("Odette") && !answer.text.contains("blue"), "{number}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_proven_like_any_webhook() {
    let app = TestApp::spawn().await;
    let retell = providers::find("retell").unwrap();
    let unsigned = retell.sign(&inbound(PHONE).to_string(), None, app.clock.now());
    app.send("/webhooks/retell/default/inbound", unsigned).await.assert_status(401);
    let event = json!({ "event": "call_started", "call": { "call_id": "c1" } });
    ask(&app, &event).await.assert_status(400);
    assert_eq!(app.value("select count(*) from webhook_events").await, 0);
}

/// Anything that may stand in a column.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just(" None ".to_owned()),
        Just("{{customer_name}}".to_owned()),
        Just("{%{{x}}%} ${y}".to_owned()),
        Just("a{".to_owned()),
        Just("}}".to_owned()),
        "\\PC{0,40}",
        "[a-z {}$%\n\t]{0,2000}",
    ]
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text())
}

fn at() -> impl Strategy<Value = NaiveDateTime> {
    (0_i64..4_000_000_000).prop_map(|seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap().naive_utc())
}

fn past_call() -> impl Strategy<Value = PastCall> {
    let interests = proptest::option::of(prop_oneof![
        proptest::collection::vec(text(), 0..3).prop_map(|texts| json!(texts)),
        Just(Value::Null),
        Just(json!({ "a": 1 })),
    ]);
    (proptest::option::of(at()), maybe(), maybe(), interests, maybe()).prop_map(
        |(at, summary, sentiment, interests, complaint)| PastCall {
            at,
            direction: None,
            summary: summary.map(Spoken::new),
            sentiment,
            interests: interests.map(Hidden::new),
            complaint,
        },
    )
}

fn memory() -> impl Strategy<Value = Memory> {
    let note = (text(), maybe(), at(), any::<bool>(), prop_oneof![Just("note"), Just("flag"), Just("callback")])
        .prop_map(|(body, author, at, open, kind)| Note {
            kind: kind.to_owned(),
            body: Spoken::new(body),
            author: author.map(PersonName::new),
            at,
            open,
        });
    let appointment = (at(), maybe()).prop_map(|(at, purpose)| Appointment { at, purpose: purpose.map(Spoken::new) });
    let who = (maybe(), maybe(), maybe(), maybe(), maybe(), any::<bool>(), any::<bool>());
    let lists = (
        proptest::collection::vec(past_call(), 0..4),
        proptest::collection::vec(note, 0..4),
        proptest::collection::vec(appointment, 0..3),
        proptest::collection::vec(at(), 0..4),
        proptest::collection::vec(text(), 0..3),
    );
    let profile = prop_oneof![
        Just(None),
        Just(Some(json!({ "certainty": null, "growth": 99, "variety": -3 }))),
        Just(Some(json!("x")))
    ];
    (who, lists, profile, 0_i64..5, at()).prop_map(|(who, lists, profile, total_calls, now)| Memory {
        is_known: who.5,
        name: who.0.map(PersonName::new),
        email: who.1.map(Email::new),
        stage: who.2,
        crm_link: who.3.map(Hidden::new),
        whole_summary: who.4.map(Spoken::new),
        opted_out: who.6,
        calls: lists.0,
        notes: lists.1,
        appointments: lists.2,
        slots: lists.3,
        tags: lists.4,
        profile: profile.map(Hidden::new),
        total_calls,
        now,
        ..Memory::default()
    })
}

#[test]
fn every_variable_can_be_spoken_whatever_is_in_the_tables() {
    let tenants: Vec<TenantView> = ["en", "he", "es", "hi"]
        .iter()
        .map(|language| {
            let config = Config::from_parts(None, &std::collections::BTreeMap::new()).unwrap();
            let own =
                json!({ "conversation": { "language": language, "variables": { "odd": "{{null}}", "none": "null" } } });
            let parts = config.spoken_for_tenant(&own, &crate::support::keys::keys()).unwrap();
            TenantView {
                id: TENANT,
                name: "{{business}}".to_owned(),
                time_zone: "UTC".to_owned(),
                region: "US".to_owned(),
                appointments: parts.appointments,
                conversation: parts.conversation,
            }
        })
        .collect();
    proptest!(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() }, |(memory in memory())| {
        for tenant in &tenants {
            let told = variables(&memory, tenant);
            prop_assert!(told.len() >= 29);
            for (name, value) in &told {
                for placeholder in ["{{", "}}", "{%", "%}", "${"] {
                    prop_assert!(!value.contains(placeholder), "{name}: {value}");
                }
                let word = value.trim().to_lowercase();
                prop_assert!(!["null", "none", "undefined"].contains(&word.as_str()), "{name}: {value}");
                prop_assert!(value.chars().count() <= 802 && !value.contains(['\n', '\r', '\t']), "{name}: {value}");
            }
            for always in ["greeting_context", "customer_summary", "total_calls", "is_returning_customer", "business_hours"] {
                prop_assert!(!told[always].is_empty(), "{always}");
            }
        }
    });
}
