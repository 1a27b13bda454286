//! Reads an answer. `output` holds items of many kinds in any order and number: the text is that of the messages that
//! are final, never that of the first item.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::wait::wait;
use super::{Class, Error, Response, Usage, class_of};
use crate::integrations::Answer;
use crate::redact::Hidden;

/// The longest word of theirs (code, status, reason) that goes into an error's text.
const WORD_BYTES_MAX: usize = 100;

/// What is in an answer, whatever its status.
pub(super) fn response(answer: &Answer, now: DateTime<Utc>) -> Result<Response, Error> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if !(200..300).contains(&answer.status) {
        return Err(refused(answer, &body["error"], None, now));
    }
    let usage = usage(&body["usage"]);
    match body["status"].as_str() {
        Some("completed") => completed(&body, usage),
        Some("incomplete") => Err(Error::Incomplete { reason: word(&body["incomplete_details"]["reason"]), usage }),
        Some("failed") => Err(refused(answer, &body["error"], usage, now)),
        Some("cancelled") => Err(Error::Cancelled),
        Some("queued" | "in_progress") => Err(Error::Unfinished { status: word(&body["status"]) }),
        _ => Err(Error::Unreadable { usage }),
    }
}

fn completed(body: &Value, usage: Option<Usage>) -> Result<Response, Error> {
    let mut text = String::new();
    let items = body["output"].as_array().map_or(&[][..], Vec::as_slice);
    for part in items.iter().filter(|item| is_final_message(item)).flat_map(|item| item["content"].as_array()).flatten()
    {
        match part["type"].as_str() {
            Some("refusal") => return Err(Error::Refusal { usage }),
            Some("output_text") => text.push_str(part["text"].as_str().unwrap_or_default()),
            _ => {}
        }
    }
    let mut output: Value = serde_json::from_str(&text).unwrap_or_default();
    replace_nul(&mut output);
    if !output.is_object() {
        return Err(Error::Unreadable { usage });
    }
    Ok(Response { output: Hidden::new(output), model: word(&body["model"]), usage, response_id: word(&body["id"]) })
}

/// JSON may hold U+0000 and no text of Postgres can: U+FFFD stands in its place, as at the door.
fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nul),
        Value::Object(fields) => fields.values_mut().for_each(replace_nul),
        _ => {}
    }
}

/// A phase other than `final_answer`, such as `commentary`, is what the model says while it works.
fn is_final_message(item: &Value) -> bool {
    item["type"] == "message" && (item["phase"].is_null() || item["phase"] == "final_answer")
}

fn refused(answer: &Answer, error: &Value, usage: Option<Usage>, now: DateTime<Utc>) -> Error {
    let status = answer.status;
    let class =
        class_of(status, error["code"].as_str().unwrap_or_default(), error["type"].as_str().unwrap_or_default());
    // The header that OpenAI's own clients obey, where it speaks about trying again at all.
    let class = match (answer.headers.get("x-should-retry").map(|value| value.as_bytes()), class) {
        (Some(b"true"), Class::Request) => Class::Overloaded,
        (Some(b"false"), Class::Limited | Class::Overloaded) => Class::Request,
        _ => class,
    };
    Error::Refused { class, status, code: word(&error["code"]), wait: wait(answer, class, now), usage }
}

/// `None` where the API says nothing: that is not nought.
fn usage(usage: &Value) -> Option<Usage> {
    Some(Usage {
        input_tokens: usage["input_tokens"].as_u64()?,
        cached_tokens: usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default(),
        output_tokens: usage["output_tokens"].as_u64()?,
    })
}

/// A word of theirs, if it is one: anything longer could be words of somebody else.
fn word(value: &Value) -> String {
    let is_word = |text: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
    };
    value.as_str().filter(is_word).unwrap_or("none").to_owned()
}
