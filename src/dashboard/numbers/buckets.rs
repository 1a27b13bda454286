//! Time in steps that a picture can show: hours, days or weeks by the tenant's clock, those without calls too.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;

use super::super::params::Params;
use super::super::shell::Shell;
use super::super::show;
use super::range::{self, Range};
use super::words::minutes;
use crate::store::people::{Numbers, Responses, StepNumbers};

/// So few days are shown by the hour.
const DAYS_BY_HOUR: i64 = 2;
/// More days than this are shown by the week: thinner bars are not seen.
const DAYS_BY_DAY: i64 = 93;

/// A step.
#[derive(Clone, Debug)]
pub(in crate::dashboard) struct Bucket {
    pub(in crate::dashboard) from: DateTime<Utc>,
    pub(in crate::dashboard) until: DateTime<Utc>,
    /// What it is called: Fri 20 Nov, 14:00.
    pub(in crate::dashboard) name: String,
    /// What stands below it.
    pub(in crate::dashboard) tick: String,
    /// The days that it is; `None`: less than one.
    days: Option<(NaiveDate, NaiveDate)>,
    pub(in crate::dashboard) numbers: Numbers,
    /// How soon its missed callers were answered, where a page asks for that.
    pub(in crate::dashboard) responses: Option<Responses>,
}

impl Bucket {
    /// When half of the answers to its missed calls had come; a dash, if none has.
    pub(in crate::dashboard) fn response(&self) -> String {
        let median = self.responses.as_ref().and_then(|responses| responses.median_minutes);
        median.map_or_else(|| show::NOTHING.to_owned(), minutes)
    }

    /// Its calls.
    pub(in crate::dashboard) fn calls(&self, shell: &Shell, also: &[(&str, &str)]) -> String {
        let (from, until) = match self.days {
            Some((first, last)) => (first.to_string(), last.to_string()),
            None => (moment(self.from), moment(self.until)),
        };
        range::calls(shell, Params::default().with("from", Some(&from)).with("until", Some(&until)), also)
    }
}

/// The steps of a range, with the numbers of each.
pub(in crate::dashboard) fn fill(range: &Range, zone: Tz, steps: &[StepNumbers]) -> Vec<Bucket> {
    let mut buckets = match range.days() {
        days if days <= DAYS_BY_HOUR => hours(range, zone),
        days if days <= DAYS_BY_DAY => spans(range, zone, 1),
        _ => spans(range, zone, 7),
    };
    for step in steps {
        let after = buckets.partition_point(|bucket| bucket.from <= step.at);
        if let Some(bucket) = buckets.get_mut(after.saturating_sub(1)) {
            bucket.numbers.add(&step.numbers);
        }
    }
    buckets
}

pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn hours(range: &Range, zone: Tz) -> Vec<Bucket> {
    let hours = (range.until - range.from).num_hours();
    (0..hours)
        .map(|hour| {
            let from = range.from + TimeDelta::hours(hour);
            let local = from.with_timezone(&zone);
            Bucket {
                from,
                until: from + TimeDelta::hours(1),
                name: local.format("%a %-d %b, %H:%M").to_string(),
                tick: local.format("%H:%M").to_string(),
                days: None,
                numbers: Numbers::default(),
                responses: None,
            }
        })
        .collect()
}

fn spans(range: &Range, zone: Tz, length: i64) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    let mut first = range.first;
    while first <= range.last {
        // Weeks begin on Mondays; the first and the last may be parts of one.
        let gone = if length == 7 { i64::from(first.weekday().num_days_from_monday()) } else { 0 };
        let last = (first + TimeDelta::days(length - 1 - gone)).min(range.last);
        let next = last + TimeDelta::days(1);
        let name = if first == last {
            first.format("%a %-d %b %Y").to_string()
        } else {
            format!("{} to {}", first.format("%-d %b"), last.format("%-d %b %Y"))
        };
        buckets.push(Bucket {
            from: show::begin(first, zone),
            until: show::begin(next, zone),
            name,
            tick: first.format("%-d %b").to_string(),
            days: Some((first, last)),
            numbers: Numbers::default(),
            responses: None,
        });
        first = next;
    }
    buckets
}
