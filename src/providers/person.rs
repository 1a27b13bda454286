//! Finding a person's name and e-mail address among what a platform extracted, or was told before the call. Whoever
//! configures the agent names these fields, so this goes by the names that people give them.

use serde_json::Value;

use crate::domain::Weight;
use crate::redact::{Email, PersonName};

/// What the fields for a whole name are called, the surest first.
const NAME_KEYS: &[&str] = &[
    "full_name",
    "customer_name",
    "user_name",
    "caller_name",
    "contact_name",
    "client_name",
    "lead_name",
    "patient_name",
    "guest_name",
    "name",
];
/// What the fields for an e-mail address are called, the surest first.
const EMAIL_KEYS: &[&str] = &[
    "email",
    "email_address",
    "email_id",
    "customer_email",
    "user_email",
    "caller_email",
    "contact_email",
    "client_email",
    "lead_email",
    "mail",
];
/// How models say that nobody told them.
const NOT_A_NAME: &[&str] = &[
    "anonymous",
    "n/a",
    "na",
    "nil",
    "none",
    "not available",
    "not mentioned",
    "not provided",
    "null",
    "undefined",
    "unknown",
];
/// Longer texts are sentences about a name.
const MAX_NAME_CHARS: usize = 60;
/// RFC 5321, section 4.5.3.1.3.
const MAX_EMAIL_BYTES: usize = 254;
/// `{category: {field: {value}}}` is the deepest form there is.
const MAX_DEPTH: usize = 3;

/// What was said in the call.
const SAID: Weight = Weight(2);
/// What was known before the call.
const KNOWN: Weight = Weight(1);

/// A person, as far as they were named, and how sure that is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Person {
    pub(super) name: Option<(Weight, PersonName)>,
    pub(super) email: Option<(Weight, Email)>,
}

/// Looks through what was extracted from a call and, where that names nobody, through what was known before it.
/// Either may be `{field: text}`, `{field: {value: text}}`, `{field: {objective, subjective}}`, or any of these by
/// category.
pub(super) fn find(said: Option<&Value>, known: Option<&Value>) -> Person {
    let (said, known) = (look(SAID, said), look(KNOWN, known));
    Person { name: said.name.or(known.name), email: said.email.or(known.email) }
}

fn look(weight: Weight, fields_of: Option<&Value>) -> Person {
    let mut fields = Vec::new();
    if let Some(Value::Object(object)) = fields_of {
        object.iter().for_each(|(key, value)| leaves(key, value, MAX_DEPTH, &mut fields));
    }
    let named = |wanted: &str, fits: fn(&str) -> bool| {
        fields.iter().find(|(key, text)| key == wanted && fits(text)).map(|(_, text)| *text)
    };
    let whole = NAME_KEYS.iter().find_map(|key| named(key, is_name)).map(str::to_owned);
    let name = whole.or_else(|| {
        let first = named("first_name", is_name)?;
        Some(named("last_name", is_name).map_or_else(|| first.to_owned(), |last| format!("{first} {last}")))
    });
    let email = EMAIL_KEYS.iter().find_map(|key| named(key, is_email));
    Person {
        name: name.map(|name| (weight, PersonName::new(name))),
        email: email.map(|email| (weight, Email::new(email))),
    }
}

fn leaves<'a>(key: &str, value: &'a Value, depth: usize, fields: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => fields.push((normalized(key), text.trim())),
        Value::Object(object) => {
            let leaf = ["value", "objective", "subjective"].iter().find_map(|key| object.get(*key)?.as_str());
            match leaf {
                Some(text) => fields.push((normalized(key), text.trim())),
                None if depth > 0 => object.iter().for_each(|(key, value)| leaves(key, value, depth - 1, fields)),
                None => {}
            }
        }
        _ => {}
    }
}

/// `Customer Name`, `customerName` and `customer-name` are all `customer_name`.
fn normalized(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut after_lower = false;
    for c in key.chars() {
        let parts = !c.is_alphanumeric() || (after_lower && c.is_uppercase());
        if parts && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= MAX_NAME_CHARS
        && text.chars().any(char::is_alphabetic)
        && !text.chars().any(|c| c == '@' || c.is_numeric() || c.is_control())
        && text.split_whitespace().count() <= 5
        && !NOT_A_NAME.contains(&text.to_lowercase().as_str())
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    text.len() <= MAX_EMAIL_BYTES
        && parts.is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_addresses_are_found_in_every_form() {
        let ann = Person {
            name: Some((SAID, PersonName::new("Ann Example"))),
            email: Some((SAID, Email::new("ann@example.com"))),
        };
        for extracted in [
            json!({ "user_name": "Ann Example", "email": "ann@example.com", "rate": "4" }),
            json!({ "Contact": { "Customer Name": { "subjective": "Ann Example", "objective": null },
                                 "E-mail": { "objective": "x" }, "Email Id": { "subjective": " ann@example.com " } } }),
            json!({ "firstName": { "value": "Ann" }, "last_name": { "value": "Example" },
                    "customerEmail": { "value": "ann@example.com" }, "name": { "value": null } }),
        ] {
            assert_eq!(find(Some(&extracted), Some(&json!({ "name": "Bob" }))), ann, "{extracted}");
        }
    }

    #[test]
    fn what_is_no_name_is_left_out() {
        for text in ["", "unknown", "N/A", "caller 7", "a@b", "The customer did not want to give us a name"] {
            let fields = json!({ "name": text, "email": "at example dot com" });
            assert_eq!(find(Some(&fields), None), Person::default(), "{text}");
        }
        assert_eq!(find(Some(&json!(["name"])), None), Person::default());
    }

    #[test]
    fn what_was_known_before_the_call_counts_less() {
        let found = find(Some(&json!({ "name": "unknown" })), Some(&json!({ "customer_name": "Bob" })));
        assert_eq!(found.name, Some((KNOWN, PersonName::new("Bob"))));
    }
}
