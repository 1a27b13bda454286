//! The wire format: what a message is written as, and how an answer is read.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Class, Error, Kind, Message, Sent, class_of};
use crate::integrations::Answer;
use crate::redact::{Phone, Spoken};

/// The longest text that WhatsApp takes, in characters (Cloud API, "Text messages").
const TEXT_CHARS_MAX: usize = 4096;
/// The longest callback data that comes back whole, in characters (WhatsApp Business Platform changelog).
const CALLBACK_CHARS_MAX: usize = 512;
/// The digits of a number in E.164: ITU-T allows fifteen, and no mobile number has fewer than seven.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// The waits that an answer may ask for. Meta documents none; a proxy's may be nought, which would spin, or for ever.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_hours(1);

/// A sender's id, safe in a path: Meta's are digits.
pub(super) fn sender(phone_number_id: &str) -> Result<&str, Error> {
    let reason = match phone_number_id {
        "" => "no phone_number_id is configured to send from",
        id if !id.bytes().all(|byte| byte.is_ascii_digit()) => "phone_number_id is not a number as Meta gives it",
        id => return Ok(id),
    };
    Err(Error::NotSent { class: Class::Credentials, reason })
}

/// The body of the request.
pub(super) fn body(message: &Message<'_>) -> Result<Value, Error> {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": recipient(&message.to)?,
    });
    match &message.kind {
        Kind::Text(text) => {
            body["type"] = "text".into();
            body["text"] = json!({ "preview_url": false, "body": text_body(text)? });
        }
        Kind::Template { name, language, body_parameters } => {
            body["type"] = "template".into();
            body["template"] = template(name, language, body_parameters)?;
        }
    }
    match message.callback_data.chars().count() {
        0 => {}
        1..=CALLBACK_CHARS_MAX => body["biz_opaque_callback_data"] = message.callback_data.into(),
        _ => return Err(wrong("the callback data is longer than WhatsApp keeps")),
    }
    Ok(body)
}

/// Reads an answer.
pub(super) fn read(answer: &Answer, now: DateTime<Utc>) -> Result<Sent, Error> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_accepted = (200..300).contains(&answer.status);
    let message_id = body["messages"][0]["id"].as_str().filter(|id| is_accepted && !id.is_empty());
    match message_id {
        Some(id) => Ok(Sent { message_id: id.to_owned(), wa_id: wa_id(&body) }),
        None => Err(refusal(answer, &body["error"], now)),
    }
}

fn refusal(answer: &Answer, error: &Value, now: DateTime<Utc>) -> Error {
    let (status, code) = (answer.status, error["code"].as_i64());
    let class = match (code.map(class_of), status) {
        (Some(class), _) if class != Class::Unlisted => class,
        // No code that we know: Meta's own word that it will pass counts, then the statuses that leave no doubt.
        _ if error["is_transient"] == true => Class::Transient,
        (_, 429) => Class::Transient,
        (_, 401 | 403) => Class::Credentials,
        // It may have been accepted behind the machine that answers so, and there is no idempotency key that would
        // make a second try harmless. Meta's table has 5xx among what may be retried; for a message to a customer
        // that takes a code that says it failed.
        (_, 200..300 | 408 | 500..) => return Error::Uncertain { code, status },
        (Some(class), _) => class,
        (None, _) => return Error::NotWhatsApp { status },
    };
    let wait = answer.retry_after(now).map(|wait| wait.clamp(WAIT_MIN, WAIT_MAX));
    Error::Refused { class, code, status, wait }
}

/// Digits without the plus, as Meta's own examples have it.
fn recipient(to: &Phone) -> Result<&str, Error> {
    let digits = to.expose().strip_prefix('+').unwrap_or(to.expose());
    if E164_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err(Error::NotSent { class: Class::Recipient, reason: "the recipient is no number in E.164" })
    }
}

fn text_body(text: &Spoken) -> Result<&str, Error> {
    match text.expose().chars().count() {
        _ if text.expose().trim().is_empty() => Err(wrong("the text is empty")),
        1..=TEXT_CHARS_MAX => Ok(text.expose()),
        _ => Err(wrong("the text is longer than WhatsApp takes")),
    }
}

fn template(name: &str, language: &str, parameters: &[Spoken]) -> Result<Value, Error> {
    if name.is_empty() || language.is_empty() {
        return Err(Error::NotSent { class: Class::Credentials, reason: "no template is configured" });
    }
    let mut template = json!({ "name": name, "language": { "code": language } });
    if !parameters.is_empty() {
        let parameters: Vec<Value> =
            parameters.iter().map(|text| json!({ "type": "text", "text": one_line(text) })).collect();
        template["components"] = json!([{ "type": "body", "parameters": parameters }]);
    }
    Ok(template)
}

/// A parameter with a line break, a tab or more than four spaces is refused with code 100; a name may well have one.
fn one_line(text: &Spoken) -> String {
    text.expose().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn wa_id(body: &Value) -> Option<Phone> {
    let id = body["contacts"][0]["wa_id"].as_str()?;
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Phone::new(format!("+{id}")))
}

fn wrong(reason: &'static str) -> Error {
    Error::NotSent { class: Class::Request, reason }
}
