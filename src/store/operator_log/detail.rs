//! What a line may hold beside its columns, by type: the log is read by more people, and kept for longer, than anything
//! that is said of a person.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::access::Role;
use crate::redact::{Phone, scrub};

/// A text in the log is a sentence; what is longer is cut.
pub const TEXT_CHARS_MAX: usize = 500;

/// A value that may stand in the operator log. There is no such thing for a `String`: say what kind of text it is.
/// Nothing that holds a secret, a name or an address of a person has one, and a telephone number stands there as a mask.
pub trait Detail {
    /// The value as it stands in the log.
    fn into_value(self) -> Value;
}

/// What somebody wrote: without what looks like a number or an address, and cut.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

/// How something is called in a table, in the configuration or at a platform: a slug, a key, the platform's id of an
/// agent. Never what somebody wrote in a field for sentences.
#[derive(Clone, Copy, Debug)]
pub struct Id<'a>(pub &'a str);

/// The name that a user signs in with. A user that was removed cannot be looked up by id.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a>(pub &'a str);

/// A filter or the like: its texts are scrubbed, except ids and times.
#[derive(Clone, Debug)]
pub struct Described(pub Value);

impl Detail for Text<'_> {
    fn into_value(self) -> Value {
        let cut: String = self.0.chars().take(TEXT_CHARS_MAX).collect();
        scrub(&cut).into()
    }
}

impl Detail for Id<'_> {
    fn into_value(self) -> Value {
        self.0.chars().take(TEXT_CHARS_MAX).collect::<String>().into()
    }
}

impl Detail for Login<'_> {
    fn into_value(self) -> Value {
        Id(self.0).into_value()
    }
}

impl Detail for Described {
    fn into_value(self) -> Value {
        match self.0 {
            Value::String(text) => {
                let is_plain = text.parse::<Uuid>().is_ok() || text.parse::<DateTime<Utc>>().is_ok();
                if is_plain { text.into() } else { Text(&text).into_value() }
            }
            Value::Array(values) => values.into_iter().map(|value| Self(value).into_value()).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name, Self(value).into_value())).collect::<Value>()
            }
            value => value,
        }
    }
}

impl Detail for &Phone {
    fn into_value(self) -> Value {
        self.to_string().into()
    }
}

impl Detail for Uuid {
    fn into_value(self) -> Value {
        self.to_string().into()
    }
}

impl Detail for DateTime<Utc> {
    fn into_value(self) -> Value {
        self.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
    }
}

impl Detail for Role {
    fn into_value(self) -> Value {
        self.as_str().into()
    }
}

/// A word of the program's own.
impl Detail for &'static str {
    fn into_value(self) -> Value {
        self.into()
    }
}

impl<T: Detail> Detail for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, Detail::into_value)
    }
}

impl<T: Detail> Detail for Vec<T> {
    fn into_value(self) -> Value {
        self.into_iter().map(Detail::into_value).collect()
    }
}

impl<T: Detail + Copy> Detail for &[T] {
    fn into_value(self) -> Value {
        self.iter().copied().map(Detail::into_value).collect()
    }
}

/// Plain values, which say nothing of anybody.
macro_rules! plain {
    ($($kind:ty),*) => {
        $(impl Detail for $kind {
            fn into_value(self) -> Value {
                self.into()
            }
        })*
    };
}
plain!(bool, i32, i64, u16, u32, u64, usize);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_addresses_never_stand_in_a_detail() {
        assert_eq!(Text("call +15550100123 back").into_value(), json!("call *** back"));
        assert_eq!((&Phone::new("+15550100123")).into_value(), json!("***0123"));
        let id = Uuid::from_u128(7);
        let filter = json!({ "id": id, "at": "2026-01-02T03:04:05Z", "rows": 3, "texts": ["ask a@example.com"] });
        let shown = Described(filter).into_value();
        assert_eq!(shown, json!({ "id": id, "at": "2026-01-02T03:04:05Z", "rows": 3, "texts": ["ask ***"] }));
        assert_eq!(Text(&"é".repeat(501)).into_value(), json!("é".repeat(500)));
    }
}
