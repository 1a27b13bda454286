//! Reading what others wrote: a field of the wrong form is skipped and noted, never fatal.

use std::cell::RefCell;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use crate::redact::{Email, PersonName, Phone, Spoken};

/// Times outside these years are a mistake of the sender, and would sort before or after everything for ever.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;
/// More notes than this say nothing new.
const MAX_NOTES: usize = 20;

/// Fields that were skipped, in words a person understands; no values in them.
#[derive(Debug, Default)]
pub struct Notes(RefCell<Vec<String>>);

impl Notes {
    /// The notes.
    pub fn into_vec(self) -> Vec<String> {
        self.0.into_inner()
    }

    /// Adds a note.
    pub fn add(&self, note: String) {
        let mut notes = self.0.borrow_mut();
        if notes.len() < MAX_NOTES && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// An object of a payload. A missing one reads as an empty one.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    object: Option<&'a Map<String, Value>>,
    path: String,
    notes: &'a Notes,
}

impl<'a> Reader<'a> {
    /// Reads this value; anything but an object reads as an empty one.
    pub fn new(value: &'a Value, notes: &'a Notes) -> Self {
        Self { object: value.as_object(), path: String::new(), notes }
    }

    /// The value itself; null counts as missing.
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.object?.get(key).filter(|value| !value.is_null())
    }

    /// The keys of the object.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.object.into_iter().flat_map(|object| object.keys().map(String::as_str))
    }

    /// A text that is not empty. A number reads as its digits: ids are numbers here and texts there.
    pub fn text(&self, key: &str) -> Option<String> {
        self.read(key, "text", |value| match value {
            Value::String(text) => Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)),
            Value::Number(number) => Ok(Some(number.to_string())),
            _ => Err(()),
        })
    }

    /// A telephone number, as written.
    pub fn phone(&self, key: &str) -> Option<Phone> {
        self.text(key).map(Phone::new)
    }

    /// A person's name.
    pub fn name(&self, key: &str) -> Option<PersonName> {
        self.text(key).map(PersonName::new)
    }

    /// An e-mail address.
    pub fn email(&self, key: &str) -> Option<Email> {
        self.text(key).filter(|text| text.contains('@')).map(Email::new)
    }

    /// What somebody said or wrote.
    pub fn spoken(&self, key: &str) -> Option<Spoken> {
        self.text(key).map(Spoken::new)
    }

    /// A whole number; also from a text of digits, or with a fraction, which is rounded.
    pub fn integer(&self, key: &str) -> Option<i64> {
        let whole = |float: f64| (float.is_finite() && float.abs() < 9.0e15).then_some(float.round() as i64).ok_or(());
        self.read(key, "a whole number", |value| match value {
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Ok(Some(integer)),
                None => number.as_f64().ok_or(()).and_then(whole).map(Some),
            },
            Value::String(text) if text.trim().is_empty() => Ok(None),
            Value::String(text) => text.trim().parse::<f64>().map_err(|_| ()).and_then(whole).map(Some),
            _ => Err(()),
        })
    }

    /// A number; also from a text.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.read(key, "a number", |value| match value {
            Value::Number(number) => number.as_f64().map(Some).ok_or(()),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            Value::String(text) => {
                text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Some).ok_or(())
            }
            _ => Err(()),
        })
    }

    /// Seconds, perhaps with a fraction, as milliseconds. Negative ones are a mistake.
    pub fn seconds_as_ms(&self, key: &str) -> Option<i64> {
        self.number(key)
            .filter(|seconds| (0.0..9.0e9).contains(seconds))
            .map(|seconds| (seconds * 1000.0).round() as i64)
    }

    /// Milliseconds, perhaps with a fraction. Negative ones are a mistake.
    pub fn ms(&self, key: &str) -> Option<i64> {
        self.number(key).filter(|ms| (0.0..9.0e12).contains(ms)).map(|ms| ms.round() as i64)
    }

    /// True or false; also from 0, 1 and their words.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |value| match value {
            Value::Bool(boolean) => Ok(Some(*boolean)),
            Value::Number(number) => Ok(number.as_f64().map(|number| number != 0.0)),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Ok(Some(true)),
                "false" | "0" | "no" => Ok(Some(false)),
                "" => Ok(None),
                _ => Err(()),
            },
            _ => Err(()),
        })
    }

    /// A time: milliseconds since 1970, or ISO 8601.
    pub fn time_ms(&self, key: &str) -> Option<DateTime<Utc>> {
        self.time(key, 1.0)
    }

    /// A time: seconds since 1970, or ISO 8601.
    pub fn time_s(&self, key: &str) -> Option<DateTime<Utc>> {
        self.time(key, 1000.0)
    }

    /// An object inside.
    pub fn object(&self, key: &str) -> Reader<'a> {
        let object = self.read(key, "an object", |value| match value {
            Value::Object(object) => Ok(Some(object)),
            // PHP writes an empty object as an empty list.
            Value::Array(list) if list.is_empty() => Ok(None),
            _ => Err(()),
        });
        Reader { object, path: self.path_of(key), notes: self.notes }
    }

    /// The objects of a list inside; anything else in the list is skipped.
    pub fn list(&self, key: &str) -> Vec<Reader<'a>> {
        let list = self.read(key, "a list", |value| value.as_array().map(Some).ok_or(()));
        list.into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(|object| Reader { object: Some(object), path: self.path_of(key), notes: self.notes })
            .collect()
    }

    /// Notes that a field was skipped.
    pub fn skipped(&self, key: &str, wanted: &str) {
        self.notes.add(format!("skipped {}: not {wanted}", self.path_of(key)));
    }

    fn read<T>(&self, key: &str, wanted: &str, read: impl FnOnce(&'a Value) -> Result<Option<T>, ()>) -> Option<T> {
        read(self.value(key)?).unwrap_or_else(|()| {
            self.skipped(key, wanted);
            None
        })
    }

    fn time(&self, key: &str, unit_ms: f64) -> Option<DateTime<Utc>> {
        self.read(key, "a time between 2000 and 2100", |value| {
            let time = match value {
                Value::Number(number) => number.as_f64().and_then(|number| from_unix(number * unit_ms)),
                Value::String(text) if matches!(text.trim(), "" | "0") => return Ok(None),
                Value::String(text) => from_text(text.trim(), unit_ms),
                _ => None,
            };
            // 0 is how some platforms write "not yet".
            if matches!(value, Value::Number(number) if number.as_f64() == Some(0.0)) {
                return Ok(None);
            }
            time.filter(|time| YEARS.contains(&time.year())).map(Some).ok_or(())
        })
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

fn from_unix(ms: f64) -> Option<DateTime<Utc>> {
    // Through microseconds, so that fractions of a millisecond survive.
    (ms.abs() < 9.0e15).then(|| DateTime::from_timestamp_micros((ms * 1000.0).round() as i64)).flatten()
}

fn from_text(text: &str, unit_ms: f64) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    // Without a zone: UTC is assumed.
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
            return Some(time.and_utc());
        }
    }
    if let Ok(time) = DateTime::parse_from_rfc2822(text) {
        return Some(time.to_utc());
    }
    text.parse::<f64>().ok().and_then(|number| from_unix(number * unit_ms))
}
