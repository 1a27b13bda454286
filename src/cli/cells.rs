//! The cells of tables: times, waits, and what may be absent.

use chrono::{DateTime, SecondsFormat, Utc};

/// A time to the second.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time, or a dash.
pub(super) fn time_or_dash(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(dash, time)
}

/// A text, or a dash.
pub(super) fn text_or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map_or_else(dash, str::to_owned)
}

/// So many seconds, in the two units that matter: `3m 20s`, `1.5s`, `12ms`.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        _ if seconds < 0.9995 => format!("{:.0}ms", seconds.max(0.0) * 1000.0),
        0..60 => format!("{seconds:.1}s"),
        60..3_600 => format!("{}m {}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h {}m", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{}d {}h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// A whole number with its thousands parted.
pub(super) fn count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if n < 0 { format!("-{text}") } else { text }
}

/// `1 event`, `2,000 events`.
pub(super) fn counted(n: i64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

fn dash() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_in_the_units_that_matter() {
        let told: Vec<String> = [0.0, 0.0124, 0.9996, 1.52, 200.0, 7_260.0, 200_000.0].map(seconds).into();
        assert_eq!(told, ["0ms", "12ms", "1.0s", "1.5s", "3m 20s", "2h 1m", "2d 7h"]);
    }

    #[test]
    fn thousands_are_parted() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((counted(1, "event"), counted(0, "event")), ("1 event".to_owned(), "0 events".to_owned()));
    }
}
