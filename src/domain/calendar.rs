//! When a tenant can be visited: opening hours by weekday, slots, holidays. Pure: time zones are Postgres's.

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Deserializer, de::Error};

/// Monday to Sunday, as they are written in the configuration.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `[appointments]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppointmentSettings {
    /// When the tenant is open: `mon-fri 09:00-17:00`. Empty: there are no appointments.
    pub hours: Vec<Opening>,
    /// How long an appointment takes.
    #[serde(with = "crate::duration_text")]
    pub slot: Duration,
    /// What is left free after each.
    #[serde(with = "crate::duration_text")]
    pub buffer: Duration,
    /// Days without appointments.
    pub holidays: Vec<NaiveDate>,
    /// Appointments at one time.
    pub capacity: u16,
    /// The shortest time between booking and appointment.
    #[serde(with = "crate::duration_text")]
    pub notice: Duration,
    /// How far ahead one can book, in days.
    pub horizon_days: u16,
}

/// Weekdays, and when they begin and end by the wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The first day, 0 for Monday.
    pub first: u8,
    /// The last day; before the first it goes over the weekend.
    pub last: u8,
    /// Opens.
    pub opens: NaiveTime,
    /// Closes; `None`: at midnight, when the day ends.
    pub closes: Option<NaiveTime>,
}

impl Opening {
    /// Reads `mon-fri 09:00-17:00` or `sat 10:00-24:00`.
    pub fn read(text: &str) -> Option<Self> {
        let (days, times) = text.trim().split_once(' ')?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let day = |name: &str| {
            let name = name.trim().to_ascii_lowercase();
            let place = WEEKDAYS.iter().position(|weekday| *weekday == name)?;
            u8::try_from(place).ok()
        };
        let (opens, closes) = times.trim().split_once('-')?;
        let opens = NaiveTime::parse_from_str(opens.trim(), "%H:%M").ok()?;
        let closes = match closes.trim() {
            "24:00" => None,
            closes => Some(NaiveTime::parse_from_str(closes, "%H:%M").ok().filter(|closes| *closes > opens)?),
        };
        Some(Self { first: day(first)?, last: day(last)?, opens, closes })
    }

    /// The days it is about, 1 for Monday to 7 for Sunday, as Postgres counts them.
    pub fn iso_days(&self) -> impl Iterator<Item = i32> + use<> {
        let (first, count) = (self.first, (self.last + 7 - self.first) % 7 + 1);
        (0..count).map(move |day| i32::from((first + day) % 7) + 1)
    }

    /// When it closes, as Postgres reads a time of day.
    pub fn closes_text(&self) -> String {
        self.closes.map_or_else(|| "24:00".to_owned(), |closes| closes.format("%H:%M").to_string())
    }
}

impl<'de> Deserialize<'de> for Opening {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| {
            D::Error::custom("not opening hours: write days and times, such as mon-fri 09:00-17:00 or sat 10:00-13:00")
        })
    }
}

/// Opening hours as the statements take them: one place in each list for each weekday and opening.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the parameters of sql/live/*.sql say what each is")]
pub struct Openings {
    pub weekdays: Vec<i32>,
    pub opens: Vec<String>,
    pub closes: Vec<String>,
}

impl AppointmentSettings {
    /// The opening hours by weekday.
    pub fn openings(&self) -> Openings {
        let mut openings = Openings::default();
        for opening in &self.hours {
            for weekday in opening.iso_days() {
                openings.weekdays.push(weekday);
                openings.opens.push(opening.opens.format("%H:%M").to_string());
                openings.closes.push(opening.closes_text());
            }
        }
        openings
    }

    /// From the beginning of a slot to that of the next.
    pub fn step(&self) -> Duration {
        self.slot + self.buffer
    }

    /// What is wrong with it, by key.
    pub fn mistake(&self) -> Option<(&'static str, &'static str)> {
        const SHORTEST: Duration = Duration::from_secs(5 * 60);
        const LONGEST: Duration = Duration::from_secs(24 * 3600);
        if !(SHORTEST..=LONGEST).contains(&self.slot) {
            return Some(("appointments.slot", "between 5m and 24h"));
        }
        if self.buffer > LONGEST {
            return Some(("appointments.buffer", "24h at most"));
        }
        if !(1..=1000).contains(&self.capacity) {
            return Some(("appointments.capacity", "between 1 and 1000"));
        }
        if !(1..=366).contains(&self.horizon_days) {
            return Some(("appointments.horizon_days", "between 1 and 366"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_by_weekday() {
        let days = |text: &str| Opening::read(text).map(|opening| opening.iso_days().collect::<Vec<_>>());
        assert_eq!(days("mon-fri 09:00-17:00"), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(days("SUN-thu 9:00-17:00"), Some(vec![7, 1, 2, 3, 4]));
        assert_eq!(days(" sat  10:00 - 24:00 "), Some(vec![6]));
        for wrong in ["", "mon", "mon 9-17", "mon 17:00-09:00", "monday 09:00-17:00", "mon 09:00-25:00"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
        assert_eq!(Opening::read("sat 10:00-24:00").unwrap().closes_text(), "24:00");
    }
}
