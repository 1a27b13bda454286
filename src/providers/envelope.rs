//! From bytes to an event: the JSON text that is stored, and what names it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Refusal, crypto};

/// Ids longer than this are kept as their digest: the unique index holds no long keys.
const MAX_SUBJECT_BYTES: usize = 200;
/// Event types longer than this are cut.
const MAX_TYPE_BYTES: usize = 100;

/// What kind of event a payload is, about what, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// In the platform's words where it has one.
    pub event_type: String,
    /// The call, conversation or message that it is about.
    pub subject: Option<String>,
    /// The platform's own event id, where it has one.
    pub event_id: Option<String>,
    /// When it happened, where the platform says so.
    pub occurred_at: Option<DateTime<Utc>>,
}

impl Envelope {
    /// An event of this type about this.
    pub fn new(event_type: impl Into<String>, subject: Option<String>, occurred_at: Option<DateTime<Utc>>) -> Self {
        let mut event_type = event_type.into();
        let end = (0..=MAX_TYPE_BYTES.min(event_type.len())).rev().find(|end| event_type.is_char_boundary(*end));
        event_type.truncate(end.unwrap_or(0));
        Self { event_type, subject, event_id: None, occurred_at }
    }

    /// An event that is not understood: stored, and dead with that reason.
    pub fn unrecognized() -> Self {
        Self::new("unrecognized", None, None)
    }
}

/// A delivery that has been read: what will be stored.
#[derive(Clone, Debug)]
pub struct Document {
    /// The JSON text, without what Postgres cannot hold.
    pub text: String,
    /// The same as a tree.
    pub payload: Value,
    /// What names it.
    pub envelope: Envelope,
    /// What makes it one: the platform's event id, else `subject : type : digest of the text`.
    pub external_event_id: String,
}

impl Document {
    /// Reads a proven delivery.
    pub fn read(provider: &dyn super::Provider, delivery: &super::Delivery<'_>) -> Result<Self, Refusal> {
        Self::of(provider, provider.read(delivery)?)
    }

    /// Reads a text that is JSON.
    pub fn of(provider: &dyn super::Provider, text: String) -> Result<Self, Refusal> {
        let text = sanitize(text);
        let payload: Value = serde_json::from_str(&text).map_err(|error| syntax(&error))?;
        let envelope = provider.envelope(&payload);
        let external_event_id = external_event_id(&envelope, &text);
        Ok(Self { text, payload, envelope, external_event_id })
    }
}

/// What makes an event one: the platform's event id, else `subject : type : digest of the text`.
pub fn external_event_id(envelope: &Envelope, text: &str) -> String {
    match &envelope.event_id {
        Some(id) => short(id),
        None => format!(
            "{}:{}:{}",
            envelope.subject.as_deref().map_or_else(|| "-".to_owned(), short),
            envelope.event_type,
            &crypto::sha256_hex(text.as_bytes())[..24],
        ),
    }
}

/// The text of a JSON body.
pub(super) fn json_text(body: &[u8]) -> Result<String, Refusal> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::Unreadable("the body is empty".to_owned()));
    }
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Refusal::Unreadable(format!("not UTF-8 at byte {}", error.valid_up_to()))),
    }
}

/// Replaces what JSON may say and Postgres cannot hold, `\u0000` and surrogates without their other half, by U+FFFD.
/// The event is kept all the same.
pub fn sanitize(text: String) -> String {
    let bytes = text.as_bytes();
    if !text.contains("\\u") {
        return text;
    }
    let unit = |at: usize| {
        bytes
            .get(at..at + 6)
            .filter(|six| six.starts_with(b"\\u"))
            .and_then(|six| std::str::from_utf8(&six[2..]).ok())
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
    };
    let mut out = String::with_capacity(text.len());
    let (mut at, mut kept) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let (bad, step) = match unit(at) {
            None => (false, 2),
            Some(0) => (true, 6),
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => (false, 12),
            Some(0xd800..=0xdfff) => (true, 6),
            Some(_) => (false, 6),
        };
        if bad {
            out.push_str(&text[kept..at]);
            out.push_str("\\ufffd");
            kept = at + step;
        }
        at += step;
    }
    out.push_str(&text[kept..]);
    out
}

fn short(id: &str) -> String {
    if id.len() <= MAX_SUBJECT_BYTES { id.to_owned() } else { crypto::sha256_hex(id.as_bytes()) }
}

fn syntax(error: &serde_json::Error) -> Refusal {
    // serde's own message may quote the value; the place is enough to find it.
    let what = if error.to_string().starts_with("recursion limit") {
        "nested deeper than 128"
    } else if error.is_eof() {
        "the JSON ends too early"
    } else if error.to_string().starts_with("number out of range") {
        "a number is out of range"
    } else {
        "not JSON"
    };
    Refusal::Unreadable(format!("{what} (line {}, column {})", error.line(), error.column()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_postgres_cannot_hold_is_replaced() {
        for (given, kept) in [
            (r#"{"a":"x\u0000y"}"#, r#"{"a":"x\ufffdy"}"#),
            (r#"{"a":"x\\u0000y"}"#, r#"{"a":"x\\u0000y"}"#),
            (r#"{"a":"\ud83d\udc4d"}"#, r#"{"a":"\ud83d\udc4d"}"#),
            (r#"{"a":"\ud83d!"}"#, r#"{"a":"\ufffd!"}"#),
            (r#"{"a":"\udc4d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\u00e9"}"#, r#"{"a":"\u00e9"}"#),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(sanitize(given.to_owned()), kept);
        }
    }
}
