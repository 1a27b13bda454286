//! When people call: a field for each hour of each day, the darker the more calls. Each leads to its calls.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};

use super::super::params::Params;
use super::super::shell::Shell;
use super::super::show;
use super::buckets::moment;
use super::chart::{float, number};
use super::range::{self, Range};
use crate::store::people::StepNumbers;

/// Days that are shown: of more, the last ones.
const DAYS_MAX: i64 = 14;
const LEFT: f64 = 92.0;
const TOP: f64 = 20.0;
const WIDTH: f64 = 26.0;
const HEIGHT: f64 = 20.0;

/// The fields.
#[derive(Debug)]
pub(in crate::dashboard) struct Heat {
    pub(in crate::dashboard) height: String,
    /// Where a day's name stands, and which.
    pub(in crate::dashboard) days: Vec<(String, String)>,
    /// Where an hour stands, and which.
    pub(in crate::dashboard) hours: Vec<(String, String)>,
    pub(in crate::dashboard) fields: Vec<Field>,
    /// Whether earlier days are left away.
    pub(in crate::dashboard) is_cut: bool,
}

/// An hour of a day.
#[derive(Debug)]
pub(in crate::dashboard) struct Field {
    pub(in crate::dashboard) x: String,
    pub(in crate::dashboard) y: String,
    pub(in crate::dashboard) opacity: String,
    pub(in crate::dashboard) href: String,
    pub(in crate::dashboard) title: String,
}

/// The calls of an hour, or its missed calls, and when it was.
struct Hour {
    count: i64,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// The fields of the last days of a range. `None`: there is nothing to see.
pub(in crate::dashboard) fn heat(shell: &Shell, range: &Range, steps: &[StepNumbers], missed: bool) -> Option<Heat> {
    let first = range.first.max(range.last - TimeDelta::days(DAYS_MAX - 1));
    let hours = hours(shell, first, steps, missed);
    let most = hours.values().map(|hour| hour.count).max().filter(|most| *most > 0)?;
    let days: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= range.last).collect();
    let fields = hours.iter().filter(|(_, hour)| hour.count > 0).map(|((day, clock), hour)| {
        let row = (*day - first).num_days();
        let what = if missed { ("missed call", "missed calls") } else { ("call", "calls") };
        let also: &[(&str, &str)] = if missed { &[("missed", "1")] } else { &[] };
        let time = Params::default().with("from", Some(&moment(hour.from))).with("until", Some(&moment(hour.until)));
        Field {
            x: number(LEFT + WIDTH * f64::from(*clock)),
            y: number(TOP + HEIGHT * float(usize::try_from(row).unwrap_or_default())),
            opacity: format!("{:.2}", 0.2 + 0.8 * ratio(hour.count, most)),
            href: range::calls(shell, time, also),
            title: format!("{}, {clock:02}:00: {}", day.format("%a %-d %b"), show::plural(hour.count, what.0, what.1)),
        }
    });
    Some(Heat {
        height: number(TOP + HEIGHT * float(days.len()) + 4.0),
        days: days
            .iter()
            .enumerate()
            .map(|(row, day)| (number(TOP + HEIGHT * (float(row) + 0.7)), day.format("%a %-d %b").to_string()))
            .collect(),
        hours: (0..24_u32)
            .step_by(3)
            .map(|clock| (number(LEFT + WIDTH * (f64::from(clock) + 0.5)), format!("{clock:02}")))
            .collect(),
        fields: fields.collect(),
        is_cut: first > range.first,
    })
}

/// By day and hour of the tenant's clock: an hour that comes twice in a night is one field.
fn hours(shell: &Shell, first: NaiveDate, steps: &[StepNumbers], missed: bool) -> BTreeMap<(NaiveDate, u32), Hour> {
    let mut hours = BTreeMap::new();
    for step in steps {
        let local = step.at.with_timezone(&shell.zone);
        if local.date_naive() < first {
            continue;
        }
        let until = step.at + TimeDelta::hours(1);
        let hour = hours.entry((local.date_naive(), local.hour())).or_insert(Hour { count: 0, from: step.at, until });
        hour.count += if missed { step.numbers.missed } else { step.numbers.calls };
        hour.until = until;
    }
    hours
}

#[expect(clippy::cast_precision_loss, reason = "a shade does not need the last digit")]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}
