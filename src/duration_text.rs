//! Durations in configuration: `"500ms"`, `"2m"`, `"1h 30m"`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// Reads a duration from its text, for `#[serde(with = "crate::duration_text")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| D::Error::custom("not a duration: write a number and a unit, such as 500ms, 2m or 1h"))
}
