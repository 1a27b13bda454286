//! Of which days a page of numbers is: today, the last 7 or 30, or from one day until another.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::super::fault::Fault;
use super::super::params::Params;
use super::super::shell::Shell;
use super::super::show;
use crate::store::people::{WINDOW_DAYS_MAX, Window};

/// Days of a page that nobody has said any of.
const DAYS: &str = "7";
/// The short ways: what stands in the URL, what it is called, days.
const CHOICES: [(&str, &str, i64); 3] = [("today", "Today", 1), ("7", "7 days", 7), ("30", "30 days", 30)];
/// What says of which days.
const SAID: [&str; 4] = ["from", "until", "range", "said"];

/// Whole days by the tenant's clock.
#[derive(Clone, Debug)]
pub(in crate::dashboard) struct Range {
    pub(in crate::dashboard) first: NaiveDate,
    pub(in crate::dashboard) last: NaiveDate,
    pub(in crate::dashboard) from: DateTime<Utc>,
    pub(in crate::dashboard) until: DateTime<Utc>,
    word: Option<&'static str>,
}

impl Range {
    /// That of a page's URL.
    pub(in crate::dashboard) fn read(shell: &Shell) -> Result<Self, Fault> {
        let params = &shell.params;
        let today = show::day(&shell.now, shell.zone);
        let day = |name: &str| {
            let unfit = || Fault::unfit(format!("{name} is a day, such as 2026-11-20."));
            params.get(name).map(|text| show::read_day(text).ok_or_else(unfit)).transpose()
        };
        let (first, last, word) = match (day("from")?, day("until")?) {
            (None, None) => {
                let asked = params.get("range").unwrap_or(DAYS);
                let choice = CHOICES.iter().find(|(word, ..)| *word == asked);
                let (word, _, days) = choice.ok_or_else(|| Fault::unfit("range is today, 7 or 30."))?;
                (today - TimeDelta::days(days - 1), today, Some(*word))
            }
            (first, last) => {
                let last = last.unwrap_or(today).min(today);
                (first.unwrap_or(last - TimeDelta::days(29)), last, None)
            }
        };
        if first > last {
            return Err(Fault::unfit("The first day must not come after the last, nor after today."));
        }
        let until = last.succ_opt().map_or(shell.now, |next| show::begin(next, shell.zone));
        Ok(Self { first, last, from: show::begin(first, shell.zone), until, word })
    }

    /// For the statements.
    pub(in crate::dashboard) fn window(&self) -> Result<Window, Fault> {
        Window::new(self.from, self.until)
            .ok_or_else(|| Fault::unfit(format!("That is too long: {WINDOW_DAYS_MAX} days at most.")))
    }

    /// How many days.
    pub(in crate::dashboard) fn days(&self) -> i64 {
        (self.last - self.first).num_days() + 1
    }

    /// The short ways: what each is called, where it leads, whether it is this one.
    pub(in crate::dashboard) fn choices(&self, shell: &Shell) -> Vec<(&'static str, String, bool)> {
        let plain = shell.params.without(&SAID);
        let choice = |(word, name, _): (&'static str, &'static str, i64)| {
            (name, format!("{}{}", shell.path, plain.with("range", Some(word)).query()), self.word == Some(word))
        };
        CHOICES.into_iter().map(choice).collect()
    }

    /// What the form of days keeps of the URL.
    pub(in crate::dashboard) fn kept(&self, shell: &Shell) -> Vec<(String, String)> {
        let kept = shell.params.without(&SAID);
        kept.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Another page, of the same days.
    pub(in crate::dashboard) fn link(&self, shell: &Shell, path: &str) -> String {
        let params = match self.word {
            Some(word) => Params::default().with("range", Some(word)),
            None => self.params(),
        };
        shell.to(&format!("{path}{}", params.query()))
    }

    /// The calls of these days.
    pub(in crate::dashboard) fn calls(&self, shell: &Shell, also: &[(&str, &str)]) -> String {
        calls(shell, self.params(), also)
    }

    fn params(&self) -> Params {
        let (first, last) = (self.first.to_string(), self.last.to_string());
        Params::default().with("from", Some(&first)).with("until", Some(&last))
    }
}

/// The list of calls by these parameters.
pub(super) fn calls(shell: &Shell, time: Params, also: &[(&str, &str)]) -> String {
    let params = also.iter().fold(time, |params, (name, value)| params.with(name, Some(value)));
    shell.to(&format!("/calls{}", params.query()))
}
