//! No phone number, name, transcript or secret in a log, a metric or an error message: the whole of both is searched
//! for everything personal that the samples hold.

use std::collections::BTreeSet;

use serde_json::Value;
use switchhook::clock::Clock;
use switchhook::providers;
use switchhook::redact::Secret;

use crate::support::{Binary, database, drop_database, fixtures, url_of};

/// Keys whose texts are personal, in the words of all platforms.
const PERSONAL_KEYS: &[&str] = &[
    "name",
    "first_name",
    "last_name",
    "display_name",
    "email",
    "primary_email",
    "text",
    "text_content",
    "transcript",
    "content",
    "message",
    "call_summary",
    "transcript_summary",
    "summary",
    "recap_summary",
    "transcription_text",
    "customer_name",
    "user_name",
    "callername",
    "callerName",
    "representative_name",
    "answer",
    "lead_name",
    "feedback",
    "address",
    "conversation_summary",
    "from",
    "to",
    "caller_id",
    "body",
    "caption",
    "title",
    "username",
    "user_id",
    "from_user_id",
];
/// Keys that are called ids and hold telephone numbers.
const NUMBERS_AS_IDS: &[&str] = &["wa_id", "recipient_id"];

/// Texts that are personal: long enough not to occur by chance.
fn personal(value: &Value, key: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| personal(value, key, found)),
        Value::Array(list) => list.iter().for_each(|value| personal(value, key, found)),
        Value::String(text) => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let is_number =
                (7..=15).contains(&digits.len()) && text.chars().all(|c| c.is_ascii_digit() || "+-() ".contains(c));
            let is_id = key.contains("id") && !NUMBERS_AS_IDS.contains(&key);
            if is_number && !is_id && !key.contains("time") {
                found.insert(digits[digits.len() - 7..].to_owned());
            }
            // WhatsApp's ids of messages hold the person's number in base64.
            let is_personal = PERSONAL_KEYS.contains(&key) || text.starts_with("wamid.");
            if is_personal && text.chars().count() >= 6 {
                found.insert(text.chars().take(40).collect());
            }
        }
        _ => {}
    }
}

/// Whether a line says the text. Digits count only where they end as a number does: ids, digests and sums of seconds
/// have some in common with any seven.
fn holds(line: &str, text: &str) -> bool {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return line.contains(text);
    }
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].trim_end_matches(|c: char| c.is_ascii_digit());
        let after = line[at + text.len()..].chars().next();
        !before.ends_with(|c: char| c.is_ascii_hexdigit() || c == '.')
            && !after.is_some_and(|c| c.is_ascii_hexdigit() || c == '.')
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_metrics_hold_nothing_personal() {
    let (name, pool) = database().await;
    let settings = [("LOG__LEVEL", "trace"), ("PROCESSOR__POLL_INTERVAL", "50ms"), ("CONSOLE__OPEN_METRICS", "true")];
    let binary = Binary::serve(&url_of(&name), &["--setup"], &settings).await;
    let client = crate::support::client();
    let mut wanted = BTreeSet::new();
    for provider in providers::ALL {
        let (url, known) = (url_of(&name), provider.name());
        let (slug, secret) = match provider.signs() {
            true => ("default".to_owned(), Some(format!("whsec_given_to_{known}"))),
            false => (Binary::new_url_token(&url, known), None),
        };
        match &secret {
            Some(secret) => Binary::give_secret(&url, known, secret),
            None => drop(wanted.insert(slug.clone())),
        }
        wanted.extend(secret.clone());
        let secret = secret.map(Secret::new);
        for fixture in fixtures().iter().filter(|fixture| fixture.provider.name() == provider.name()) {
            personal(&fixture.json(), "", &mut wanted);
            // As it is, unproven, and with its fields in the wrong places, so that every kind of error is met.
            for (body, secret) in [
                (fixture.body.to_owned(), secret.as_ref()),
                (fixture.body.to_owned(), None),
                (fixture.body.replace(':', ":["), secret.as_ref()),
                (fixture.body.replace("_id\"", "_idea\""), secret.as_ref()),
            ] {
                let sent = provider.sign(&body, secret, Clock::system().now());
                let url = format!("{}/webhooks/{}/{slug}", binary.base, provider.name());
                let mut request = client.post(url).header("content-type", sent.content_type).body(sent.body);
                for (name, value) in sent.headers {
                    request = request.header(name, value);
                }
                request.send().await.unwrap();
            }
        }
    }
    wait_until_idle(&pool).await;
    let metrics = client.get(format!("{}/metrics", binary.base)).send().await.unwrap().text().await.unwrap();
    let log = binary.log();
    assert!(log.contains("batch committed") && log.contains("webhook refused") && log.lines().count() > 300);
    assert!(wanted.len() > 100, "{} texts only: has the search gone blind?", wanted.len());
    for text in &wanted {
        for (what, haystack) in [("log", &log), ("metrics", &metrics)] {
            if let Some(line) = haystack.lines().find(|line| holds(line, text)) {
                panic!("the {what} says {text:?}: {line}");
            }
        }
    }
    // The same of what is written down about failures and refusals.
    let errors: Vec<String> = sqlx::query_scalar(
        "select last_error from webhook_events where last_error is not null union all
         select note from webhook_events where note is not null union all select reason from rejections",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(errors.len() > 20);
    for text in &wanted {
        assert!(!errors.iter().any(|error| holds(error, text)), "an error says {text:?}");
    }
    drop(binary);
    pool.close().await;
    drop_database(&name).await;
}

async fn wait_until_idle(pool: &sqlx::PgPool) {
    for _ in 0..400 {
        let pending: i64 =
            sqlx::query_scalar("select count(*) from webhook_events where processed_at is null and last_error is null")
                .fetch_one(pool)
                .await
                .unwrap();
        if pending == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("still pending");
}
