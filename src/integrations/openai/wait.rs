//! How long the API asks to wait: `retry-after-ms`, then `retry-after`, then the reset of the limit that is used up.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Class;
use crate::integrations::Answer;

/// Waiting spends no attempt, so a wait of nought would spin.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// A limit per day may be reset tomorrow. Until then it is looked at now and then, for somebody may raise it.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// The wait that an answer asks for, within reason.
pub(super) fn wait(answer: &Answer, class: Class, now: DateTime<Utc>) -> Option<Duration> {
    let reset = || if class == Class::Limited { reset(answer) } else { None };
    let wait = in_ms(answer).or_else(|| answer.retry_after(now)).or_else(reset)?;
    Some(wait.clamp(WAIT_MIN, WAIT_MAX))
}

fn in_ms(answer: &Answer) -> Option<Duration> {
    let ms: f64 = header(answer, "retry-after-ms")?.parse().ok()?;
    Duration::try_from_secs_f64(ms / 1000.0).ok()
}

/// The later reset of the limits that are used up. One of which something is left did not cause the refusal.
fn reset(answer: &Answer) -> Option<Duration> {
    let of = |limit: &str| {
        let is_left = header(answer, &format!("x-ratelimit-remaining-{limit}")).is_some_and(|left| left != "0");
        let reset = header(answer, &format!("x-ratelimit-reset-{limit}")).filter(|_| !is_left);
        reset.and_then(duration)
    };
    of("requests").max(of("tokens"))
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok().map(str::trim)
}

/// A duration as Go writes it: `12ms`, `1.84s`, `6m0s`.
fn duration(text: &str) -> Option<Duration> {
    let (mut seconds, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let unit_seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit_seconds;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        for (text, ms) in [("12ms", 12), ("1s", 1000), ("1.84s", 1840), ("6m0s", 360_000), ("1h2m3.5s", 3_723_500)] {
            assert_eq!(duration(text).map(|duration| duration.as_millis()), Some(ms), "{text}");
        }
        assert_eq!(duration("250µs"), Some(Duration::from_micros(250)));
        for text in ["", "s", "12", "1d", "1.2.3s", "-1s", "1e400s", "ms12"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
