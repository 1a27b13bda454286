//! Durations in configuration: `"500ms"`, `"2m"`, `"1h 30m"`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// Reads a duration from its text, for `#[serde(with = "crate::duration_text")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(EXPECTED))
}

/// Lists of them, for `#[serde(with = "crate::duration_text::list")]`.
pub mod list {
    use super::{Deserialize, Deserializer, Duration, EXPECTED, Error, parse};

    /// Reads a list of durations from their texts.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| parse(text).ok_or_else(|| D::Error::custom(EXPECTED))).collect()
    }
}

const EXPECTED: &str = "not a duration: write a number and a unit, such as 500ms, 2m or 1h";

fn parse(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}
