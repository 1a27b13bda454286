//! From rows to columns: Postgres takes a batch as one array a column.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::Ranked;
use crate::redact::Phone;

/// One column of a batch.
pub(super) fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The rank of a group, for its column.
pub(super) fn rank<T>(group: &Option<Ranked<T>>) -> Option<&str> {
    group.as_ref().map(|group| group.rank.as_str())
}

/// The time of a group, for its column.
pub(super) fn at<T>(group: &Option<Ranked<T>>) -> Option<DateTime<Utc>> {
    group.as_ref().and_then(|group| group.at)
}

/// A value of a group, for its column.
pub(super) fn of<'g, T, V>(group: &'g Option<Ranked<T>>, value: impl Fn(&'g T) -> V) -> Option<V> {
    group.as_ref().map(|group| value(&group.value))
}

/// A number, for its column.
pub(super) fn number(phone: &Option<Phone>) -> Option<&str> {
    phone.as_ref().map(Phone::expose)
}

/// A value as JSON text, for a jsonb column.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
