//! What is spoken, by language: sentences with places to be filled in, dates, times, lists. Deterministic: no model is
//! asked while somebody waits.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use serde::Deserialize;

use crate::domain::{Language, Opening};

/// One language.
#[derive(Debug, Deserialize)]
pub struct Words {
    months: Vec<String>,
    weekdays: Vec<String>,
    #[serde(flatten)]
    texts: BTreeMap<String, String>,
}

static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("english.toml")));
static HEBREW: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("hebrew.toml")));
static SPANISH: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("spanish.toml")));
static HINDI: LazyLock<Words> = LazyLock::new(|| Words::read(include_str!("hindi.toml")));

/// The words of a language.
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Hebrew => &HEBREW,
        Language::Spanish => &SPANISH,
        Language::Hindi => &HINDI,
    }
}

impl Words {
    fn read(text: &str) -> Self {
        // A test reads every one of them.
        toml::from_str(text).unwrap_or(Self { months: Vec::new(), weekdays: Vec::new(), texts: BTreeMap::new() })
    }

    /// A sentence with its places filled in.
    pub fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        fill(self.texts.get(key).map_or("", String::as_str), |name| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
        })
    }

    /// What an argument is called; one of your own by its name.
    pub fn argument(&self, name: &str) -> String {
        self.texts.get(&format!("argument_{name}")).cloned().unwrap_or_else(|| name.replace('_', " "))
    }

    /// A day as it is said on another: today, tomorrow, with its weekday, or, further away, with its year.
    pub fn date(&self, day: NaiveDate, today: NaiveDate) -> String {
        match (day - today).num_days() {
            0 => return self.say("today", &[]),
            1 => return self.say("tomorrow", &[]),
            _ => {}
        }
        let name = |names: &[String], place: u32| names.get(place as usize).cloned().unwrap_or_default();
        // A weekday says nothing about a day that is months away.
        let key = if day.year() == today.year() { "date" } else { "date_of_year" };
        self.say(
            key,
            &[
                ("weekday", &name(&self.weekdays, day.weekday().num_days_from_monday())),
                ("month", &name(&self.months, day.month0())),
                ("day", &day.day().to_string()),
                ("year", &day.year().to_string()),
            ],
        )
    }

    /// A day and a time.
    pub fn at(&self, at: NaiveDateTime, today: NaiveDate) -> String {
        self.say("at", &[("date", &self.date(at.date(), today)), ("time", &time(at))])
    }

    /// Times of one day.
    pub fn times(&self, all: impl IntoIterator<Item = NaiveDateTime>) -> String {
        self.list(&all.into_iter().map(time).collect::<Vec<_>>())
    }

    /// Several things, the last one after an "and".
    pub fn list(&self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => format!("{}{}{last}", first.join(", "), self.say_raw("list_end")),
        }
    }

    /// Opening hours.
    pub fn hours(&self, hours: &[Opening]) -> String {
        if hours.is_empty() {
            return self.say("closed", &[]);
        }
        let day = |place: u8| self.weekdays.get(usize::from(place)).cloned().unwrap_or_default();
        let one = |opening: &Opening| {
            let days = match opening.first == opening.last {
                true => day(opening.first),
                false => self.say("days", &[("first", &day(opening.first)), ("last", &day(opening.last))]),
            };
            format!("{days} {}-{}", opening.opens.format("%H:%M"), opening.closes_text())
        };
        hours.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn say_raw(&self, key: &str) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }
}

/// A time of day as it is said.
pub fn time(at: NaiveDateTime) -> String {
    at.format("%H:%M").to_string()
}

/// Puts values in place of `{name}`; what has none leaves nothing behind. A value's own braces are not looked at.
pub fn fill<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = "";
            break;
        };
        text.push_str(value(name).unwrap_or_default());
        rest = after;
    }
    text.push_str(rest);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_the_same_keys_and_places() {
        let places = |text: &str| {
            let mut places: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect();
            places.sort();
            places
        };
        for language in Language::ALL {
            let (ours, english) = (words(language), words(Language::English));
            assert_eq!((ours.months.len(), ours.weekdays.len()), (12, 7));
            assert_eq!(ours.texts.keys().collect::<Vec<_>>(), english.texts.keys().collect::<Vec<_>>());
            for (key, text) in &ours.texts {
                if !key.starts_with("date") {
                    assert_eq!(places(text), places(&english.texts[key]), "{language:?} {key}");
                }
                assert!(!text.is_empty());
            }
        }
    }

    #[test]
    fn days_are_said_from_where_one_stands() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        let day = |days| today + chrono::TimeDelta::days(days);
        let english = words(Language::English);
        assert_eq!(english.date(today, today), "today");
        assert_eq!(english.date(day(1), today), "tomorrow");
        assert_eq!(english.date(day(2), today), "Tuesday, November 3");
        assert_eq!(english.date(day(-400), today), "September 27, 2025");
        assert_eq!(words(Language::Spanish).date(day(2), today), "martes 3 de noviembre");
        assert_eq!(words(Language::Hebrew).date(day(2), today), "יום שלישי, 3 בנובמבר");
        assert_eq!(words(Language::Hindi).date(day(2), today), "मंगलवार, 3 नवंबर");
        assert_eq!(english.list(&["a".to_owned(), "b".to_owned(), "c".to_owned()]), "a, b and c");
        let hours = [Opening::read("mon-fri 09:00-17:00").unwrap(), Opening::read("sat 10:00-24:00").unwrap()];
        assert_eq!(english.hours(&hours), "Monday to Friday 09:00-17:00, Saturday 10:00-24:00");
    }

    #[test]
    fn what_has_no_value_leaves_nothing_behind() {
        let fill = |text: &str| super::fill(text, |name| (name == "name").then_some("{x}"));
        assert_eq!(fill("Hello {name}{nobody}."), "Hello {x}.");
        assert_eq!(fill("Hello {name"), "Hello");
    }
}
