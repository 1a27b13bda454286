//! What bad input gets: never a panic, never a 500, and no event that disappears.

use serde_json::json;
use switchhook::access::Role;
use switchhook::providers;

use crate::operations::Person;
use crate::support::{Dice, TENANT, TestApp, fixtures};

/// Bodies that are not even JSON, or more than we read: 400, whatever the platform.
fn unreadable() -> Vec<String> {
    vec![
        String::new(),
        "   \n".to_owned(),
        "{".to_owned(),
        "{\"event\": call_ended}".to_owned(),
        "nonsense".to_owned(),
        "[".repeat(10_000) + &"]".repeat(10_000),
        "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000),
        "{\"n\": 1e400}".to_owned(),
        "<xml/>".to_owned(),
    ]
}

/// JSON that makes no sense: stored, and settled with a reason.
fn senseless() -> Vec<String> {
    vec![
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "[1, 2, 3]".to_owned(),
        "\"text\"".to_owned(),
        "42".to_owned(),
        "{\"event\": 7}".to_owned(),
        "{\"event\": \"call_ended\"}".to_owned(),
        "{\"event\": \"call_ended\", \"call\": []}".to_owned(),
        "{\"event\": \"call_ended\", \"call\": {\"call_id\": null}}".to_owned(),
        "{\"state\": \"hangup\"}".to_owned(),
        "{\"status\": \"completed\"}".to_owned(),
        "{\"type\": \"post_call_transcription\"}".to_owned(),
        "{\"type\": \"post_call_transcription\", \"data\": 5}".to_owned(),
        "{\"a\\u0000b\": \"c\\u0000d \\ud800\"}".to_owned(),
        format!("{{\"event\": \"{}\"}}", "x".repeat(100_000)),
        format!("{{\"event\": \"call_ended\", \"call\": {{\"call_id\": \"{}\"}}}}", "y".repeat(100_000)),
        "{\"n\": 123456789012345678901234567890, \"m\": 1.7976931348623157e308}".to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_400_and_kept_as_a_rejection() {
    let app = TestApp::spawn().await;
    let mut sent = 0;
    for provider in providers::ALL {
        app.execute(&format!(
            "update connections set allow_unsigned = true, url_is_secret = false where provider = '{0}';
             delete from connection_secrets where connection_id = '{1}'",
            provider.name(),
            app.connection_id(provider.name())
        ))
        .await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    for provider in providers::ALL {
        for body in unreadable() {
            let request = app
                .client
                .post(format!("{}/webhooks/{}/default", app.base, provider.name()))
                .header("content-type", "application/json")
                .body(body.clone());
            let answer = TestApp::answer(request).await;
            let head: String = body.chars().take(30).collect();
            assert_eq!(answer.status, 400, "{} {head}: {}", provider.name(), answer.text);
            sent += 1;
        }
    }
    app.eventually(&format!("select count(*) = {sent} from rejections where status = 400")).await;
    assert_eq!(app.value("select count(*) from webhook_events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_makes_no_sense_is_stored_and_settled_with_a_reason() {
    let app = TestApp::spawn().await;
    for provider in providers::ALL {
        for body in senseless() {
            app.post(*provider, &body).await.assert_outcome("accepted");
        }
    }
    let report = app.run_until_idle().await;
    assert_eq!(report.claimed, report.processed + report.ignored + report.dead, "{report:?}");
    assert_eq!(app.value("select count(*) from webhook_events where processed_at is null").await, 0);
    assert_eq!(
        app.value("select count(*) from webhook_events where outcome = 'dead' and coalesce(last_error, '') = ''").await,
        0
    );
    assert_eq!(
        app.value("select count(*) from webhook_events where payload::text like '%\u{fffd}%'").await,
        json!(providers::ALL.len())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_type_is_skipped_and_the_event_says_so() {
    let app = TestApp::spawn().await;
    let body = json!({ "event": "call_ended", "call": { "call_id": "c1", "direction": ["inbound"], "from_number": "+15550100001",
        "start_timestamp": "yesterday", "end_timestamp": 253_402_300_799_000_i64, "duration_ms": {"ms": 5}, "call_analysis": "good" } });
    app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    assert_eq!(app.run_until_idle().await.processed, 1);
    let note = app.value("select note from webhook_events").await;
    for field in
        ["call.direction", "call.start_timestamp", "call.end_timestamp", "call.duration_ms", "call.call_analysis"]
    {
        assert!(note.as_str().unwrap().contains(field), "{field} is not in {note}");
    }
    assert_eq!(
        app.value("select row(status, ended_at, from_number)::text from calls").await,
        json!("(ended,,+15550100001)")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_at_the_end_of_the_calendar_breaks_no_page() {
    let app = TestApp::spawn().await;
    app.execute(&format!("update tenants set time_zone = 'Asia/Kolkata' where id = '{TENANT}'")).await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    let wide = Person::of(&app, Role::Admin, None).await;
    let campaign = uuid::Uuid::from_u128(9);
    app.execute(&format!("insert into campaigns (id, tenant_id, name) values ('{campaign}', '{TENANT}', 'Spring')"))
        .await;
    let pages = ["/overview", "/campaigns", "/calls", "/calls.csv", "/unattributed", "/operations/events"];
    let pages = pages.map(str::to_owned).into_iter().chain([format!("/campaigns/{campaign}")]);
    let api = [
        "overview",
        "campaigns/stats",
        "stats",
        "stats/operations",
        "calls",
        "calls/count",
        "leads",
        "messages",
        "events",
    ];
    for path in pages.chain(api.iter().map(|path| format!("/api/v1/{path}"))) {
        for day in ["-262143-01-05", "-262143-01-01", "%2B262142-12-31", "0000-01-01", "-4713-01-01", "9999-12-31"] {
            for name in ["from", "until"] {
                for time in ["", "T00:00:00Z", "T23:59:59.999999999Z"] {
                    let url = format!("{path}?{name}={day}{time}");
                    for person in [&admin, &wide] {
                        let answer = person.get(&app, &url).await;
                        assert!(answer.status < 500, "{url}: {} {}", answer.status, answer.text);
                    }
                }
            }
        }
        let is_page = !path.starts_with("/api");
        if is_page {
            admin.get(&app, &format!("{path}?until=-262143-01-05")).await.assert_status(422);
        }
    }
}

/// Every value of every sample is replaced by every kind of nonsense, one at a time or many: nothing panics, nothing
/// disappears.
#[tokio::test(flavor = "multi_thread")]
async fn samples_with_fields_gone_wrong_never_break_anything() {
    let app = TestApp::spawn().await;
    app.set_rate("999999.999999", 3_600, 3_600).await;
    let mut dice = Dice::new(23);
    let nonsense = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(i64::MIN),
        json!(253_402_300_799_i64),
        json!(""),
        json!("text"),
        json!("\u{0}"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"a": {}}),
        json!("x".repeat(5000)),
        json!("9999-12-31T23:59:59Z"),
        json!("+"),
        json!(0.1),
    ];
    for round in 0..6 {
        for fixture in fixtures() {
            let mut payload = fixture.json();
            let changes = 1 + dice.below(6);
            for _ in 0..changes {
                let pick = dice.below(nonsense.len());
                spoil(&mut payload, &nonsense[pick], &mut dice);
            }
            let mut document = fixture.document();
            document.text = providers::sanitize(payload.to_string());
            let payload = serde_json::from_str(&document.text).unwrap();
            document.external_event_id = format!("{round}:{}", fixture.name);
            document.envelope = fixture.provider.envelope(&payload);
            app.insert(fixture.provider, &document).await;
        }
        let report = app.run_until_idle().await;
        assert_eq!(report.claimed, report.processed + report.ignored + report.dead, "round {round}: {report:?}");
    }
    assert_eq!(app.value("select count(*) from webhook_events where last_error like '%panicked%'").await, 0);
    assert_eq!(
        app.rows("select to_jsonb(last_error) from webhook_events where last_error like 'database error%' group by last_error").await,
        Vec::<serde_json::Value>::new()
    );
}

/// Replaces a value somewhere inside.
fn spoil(value: &mut serde_json::Value, nonsense: &serde_json::Value, dice: &mut Dice) {
    let inner = match value {
        serde_json::Value::Object(object) if !object.is_empty() => {
            let place = dice.below(object.len());
            object.values_mut().nth(place)
        }
        serde_json::Value::Array(list) if !list.is_empty() => {
            let place = dice.below(list.len());
            list.get_mut(place)
        }
        _ => None,
    };
    match inner {
        Some(inner) if (inner.is_object() || inner.is_array()) && dice.below(4) > 0 => spoil(inner, nonsense, dice),
        Some(inner) => *inner = nonsense.clone(),
        None => *value = nonsense.clone(),
    }
}
