//! How things are written for people: times in the tenant's zone, durations, words. Templates call these.

use std::fmt::Display;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Years that a day or a time in a field is of: far enough from the ends of the calendar, of chrono and of Postgres, to be
/// reckoned with.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// What stands where nothing is known.
pub(super) const NOTHING: &str = "–";

/// A text, or a dash.
pub(super) fn or_dash<T: Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| NOTHING.to_owned(), T::to_string)
}

/// 14:05
pub(super) fn clock(at: &DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

/// 21 Nov 2026, 14:05:09
pub(super) fn moment(at: &DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%-d %b %Y, %H:%M:%S").to_string()
}

/// A moment, or a dash.
pub(super) fn moment_or_dash(at: &Option<DateTime<Utc>>, zone: Tz) -> String {
    at.as_ref().map_or_else(|| NOTHING.to_owned(), |at| moment(at, zone))
}

/// What `datetime` of a `<time>` takes.
pub(super) fn machine(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The day of a moment, there.
pub(super) fn day(at: &DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// Today, Yesterday, or Friday 20 November 2026.
pub(super) fn day_name(day: NaiveDate, today: NaiveDate) -> String {
    match (today - day).num_days() {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        _ if day.year() == today.year() => day.format("%A %-d %B").to_string(),
        _ => day.format("%A %-d %B %Y").to_string(),
    }
}

/// Seconds, roughly: 40 s, 12 min, 5 h, 3 d.
pub(super) fn seconds(seconds: i64) -> String {
    match seconds {
        ..=89 => format!("{seconds} s"),
        90..=5_399 => format!("{} min", (seconds + 30) / 60),
        5_400..=172_799 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// Milliseconds as 1:05 or 1:02:05.
pub(super) fn length(ms: &Option<i64>) -> String {
    let Some(ms) = ms else { return NOTHING.to_owned() };
    let all = (ms + 500) / 1000;
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A word of the database as people write it: `no_answer` is No answer.
pub(super) fn words(word: &str) -> String {
    let text = word.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The name of a platform as its maker writes it.
pub(super) fn platform(provider: &str) -> &str {
    match provider {
        "dialpad" => "Dialpad",
        "voicenter" => "Voicenter",
        "retell" => "Retell AI",
        "bolna" => "Bolna",
        "elevenlabs" => "ElevenLabs",
        "whatsapp" => "WhatsApp",
        "switchhook" => "Switchhook",
        other => other,
    }
}

/// 12,345
pub(super) fn count(number: &i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let grouped: Vec<&str> = (0..digits.len())
        .rev()
        .step_by(3)
        .map(|end| &digits[end.saturating_sub(2)..=end])
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    format!("{}{}", if *number < 0 { "−" } else { "" }, grouped.join(","))
}

/// One thing, or several: `1 call`, `2 calls`.
pub(super) fn plural(number: i64, one: &str, several: &str) -> String {
    format!("{} {}", count(&number), if number == 1 { one } else { several })
}

/// The moment when a day begins there; where the clocks skip midnight, when it goes on.
pub(super) fn begin(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    zone.from_local_datetime(&midnight)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(midnight + TimeDelta::hours(1))).earliest())
        .map_or_else(|| midnight.and_utc(), |at| at.to_utc())
}

/// A day out of a field.
pub(super) fn read_day(text: &str) -> Option<NaiveDate> {
    text.parse::<NaiveDate>().ok().filter(|day| YEARS.contains(&day.year()))
}

/// A moment out of a field: a day there (as the fields of a form give it), or a time in RFC 3339.
pub(super) fn read_moment(text: &str, zone: Tz, is_end: bool) -> Option<DateTime<Utc>> {
    if let Some(day) = read_day(text) {
        // Until a day is until its end.
        return Some(begin(if is_end { day.succ_opt()? } else { day }, zone));
    }
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    YEARS.contains(&at.year()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_tenant() {
        let zone: Tz = "Asia/Jerusalem".parse().unwrap();
        let at: DateTime<Utc> = "2026-11-20T22:30:00Z".parse().unwrap();
        assert_eq!((clock(&at, zone).as_str(), day(&at, zone).to_string().as_str()), ("00:30", "2026-11-21"));
        let today = day(&at, zone);
        assert_eq!(day_name(today, today), "Today");
        assert_eq!(day_name(today.pred_opt().unwrap(), today), "Yesterday");
        assert_eq!(day_name("2026-11-06".parse().unwrap(), today), "Friday 6 November");
        assert_eq!(read_moment("2026-11-21", zone, false).unwrap().to_string(), "2026-11-20 22:00:00 UTC");
        assert_eq!(read_moment("2026-11-21", zone, true).unwrap().to_string(), "2026-11-21 22:00:00 UTC");
        for text in ["soon", "-262143-01-05", "+262142-12-31", "0000-12-31", "0000-01-01T00:00:00Z"] {
            assert_eq!(read_moment(text, zone, true), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([0, 12, 1_234, 1_234_567].map(|n| count(&n)), ["0", "12", "1,234", "1,234,567"]);
        assert_eq!([Some(65_000), Some(3_725_000), None].map(|ms| length(&ms)), ["1:05", "1:02:05", "–"]);
        assert_eq!([40, 720, 18_000, 259_200].map(seconds), ["40 s", "12 min", "5 h", "3 d"]);
        assert_eq!((words("no_answer"), plural(1, "call", "calls")), ("No answer".to_owned(), "1 call".to_owned()));
    }
}
