//! What Zoho's errors mean. They come as `{code, details, message, status}`, for a whole request or for one record
//! within a 2xx; the code decides, the HTTP status only where there is no code that is known. Statuses other than 401,
//! 429 and 500 are general knowledge of Zoho's page of status codes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::integrations::Answer;
use crate::integrations::crm::{CrmError, Upserted};

/// The day's credits are counted over the last 24 hours, so some come back all the time; Zoho does not say when.
pub(super) const CREDITS_WAIT: Duration = Duration::from_secs(3 * 3600);
/// No code or field of Zoho is longer; what is longer is no code.
const WORD_CHARS_MAX: usize = 50;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    NotAuthorized,
    Limited,
    Busy,
    Rejected,
}

pub(super) const CODES: &[(&str, Class)] = &[
    // The new token is not known either: it is not one of this API's.
    ("INVALID_TOKEN", Class::NotAuthorized),
    ("AUTHENTICATION_FAILURE", Class::NotAuthorized),
    ("OAUTH_SCOPE_MISMATCH", Class::NotAuthorized),
    ("NO_PERMISSION", Class::NotAuthorized),
    ("LIMIT_EXCEEDED", Class::Limited),
    ("TOO_MANY_REQUESTS", Class::Busy),
    ("RECORD_LOCKED", Class::Busy),
    ("INTERNAL_ERROR", Class::Busy),
    ("INVALID_DATA", Class::Rejected),
    ("MANDATORY_NOT_FOUND", Class::Rejected),
    ("INVALID_MODULE", Class::Rejected),
    ("REQUIRED_PARAM_MISSING", Class::Rejected),
    ("DUPLICATE_DATA", Class::Rejected),
    ("RECORD_IN_BLUEPRINT", Class::Rejected),
    ("INVALID_URL_PATTERN", Class::Rejected),
];

/// An answer that is no success. Zoho is not known to say `Retry-After`; where it does, that counts.
pub(super) fn of_answer(answer: &Answer, now: DateTime<Utc>) -> CrmError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match (of_code(answer.status, &body), answer.retry_after(now)) {
        (CrmError::Busy { code } | CrmError::Limited { code, .. }, Some(wait)) => CrmError::Limited { code, wait },
        (error, _) => error,
    }
}

/// One record of the answer to a write.
pub(super) fn of_record(record: &Value) -> Result<Upserted, CrmError> {
    if record["status"] != "success" {
        return Err(of_code(200, record));
    }
    let id = text_or_number(&record["details"]["id"]).ok_or(CrmError::Unreadable { changes: true })?;
    Ok(Upserted { id, created: record["action"] == "insert" })
}

/// Whether Zoho does not know the token, or knows it no longer.
pub(super) fn is_invalid_token(answer: &Answer) -> bool {
    answer.status == 401
        && serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| body["code"] == "INVALID_TOKEN")
}

/// A word of Zoho's, fit for a log: a code or the name of a field has letters, digits and underscores, and starts with
/// a letter, which no number and no address does.
pub(super) fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.len() <= WORD_CHARS_MAX;
    is_word.then(|| text.to_owned())
}

fn of_code(status: u16, body: &Value) -> CrmError {
    let code = word(&body["code"]).unwrap_or_else(|| format!("status {status}"));
    let class = CODES.iter().find(|(known, _)| *known == code).map_or_else(|| by_status(status), |(_, class)| *class);
    match class {
        Class::NotAuthorized => CrmError::NotAuthorized { code },
        Class::Limited => CrmError::Limited { code, wait: CREDITS_WAIT },
        Class::Busy => CrmError::Busy { code },
        Class::Rejected => CrmError::Rejected { code, field: word(&body["details"]["api_name"]) },
    }
}

fn by_status(status: u16) -> Class {
    match status {
        // A redirect is no answer of the API: the URL is wrong.
        300..=399 | 401 | 403 => Class::NotAuthorized,
        // A 5xx may be repeated: questions change nothing, and a write that is repeated finds what it wrote.
        429 | 500.. => Class::Busy,
        _ => Class::Rejected,
    }
}

pub(super) fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
