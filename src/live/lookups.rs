//! How many numbers a source asks about. A source's URL or secret in the wrong hands answers who every number belongs to; so
//! numbers are counted, too many of them are answered as if nobody were known, and what was told of whom is in the access
//! log. Counted in memory, and added to the database behind the answer.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Deserialize;
use sqlx::PgPool;
use uuid::Uuid;

use crate::db;
use crate::redact::Phone;
use crate::store::operator_log::Action;

/// How long a number that was answered about may be asked about again without counting: longer than most calls.
const ANSWERED_FOR: TimeDelta = TimeDelta::minutes(15);
/// How long the database may be silent while the counts are written.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Lines of the access log that wait while the database is away. With more, the newest are lost; there is a warning.
const REVEALED_MAX: usize = 10_000;

/// `[live.lookups]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupSettings {
    /// Different numbers that a source may ask about in a minute.
    pub numbers_per_minute: u32,
    /// Those of them that nobody knew.
    pub new_numbers_per_minute: u32,
}

/// What is answered to a question about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is answered, for the first time in a while.
    First,
    /// It is answered, as a moment ago.
    Again,
    /// It is one too many, and is answered as if nobody knew the number.
    TooMany,
}

/// What every source asks about.
#[derive(Debug)]
pub struct Lookups {
    settings: LookupSettings,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sources: HashMap<Uuid, Source>,
    minutes: BTreeMap<(DateTime<Utc>, Uuid), Counts>,
    revealed: BTreeSet<Revealed>,
}

/// Somebody of whom a source was told something.
type Revealed = (DateTime<Utc>, Uuid, Uuid);

/// What a source has asked in this minute.
#[derive(Debug, Default)]
struct Source {
    minute: DateTime<Utc>,
    asked: u32,
    new: u32,
    /// Nothing is told until fewer than this are asked about in a minute.
    held_above: Option<u32>,
    /// Digests of numbers that were answered about, and when: a caller who was known stays known.
    answered: HashMap<u64, DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    numbers: i64,
    new: i64,
    held_back: i64,
}

impl Lookups {
    /// Nothing asked yet.
    pub fn new(settings: LookupSettings) -> Self {
        Self { settings, hasher: RandomState::new(), state: Mutex::default() }
    }

    /// Counts a question about a number.
    pub(super) fn ask(&self, now: DateTime<Utc>, source_id: Uuid, number: &Phone) -> Asked {
        let (digest, minute) = (self.hasher.hash_one(number), minute_of(now));
        let Ok(mut state) = self.state.lock() else { return Asked::Again };
        let source = state.sources.entry(source_id).or_default();
        source.roll(minute);
        if let Some(at) = source.answered.get_mut(&digest) {
            *at = now;
            return Asked::Again;
        }
        source.asked = source.asked.saturating_add(1);
        if source.asked > self.settings.numbers_per_minute {
            source.held_above.get_or_insert(self.settings.numbers_per_minute);
        }
        let is_held = source.held_above.is_some();
        if !is_held {
            source.answered.insert(digest, now);
        }
        let counts = state.minutes.entry((minute, source_id)).or_default();
        counts.numbers += 1;
        counts.held_back += i64::from(is_held);
        if is_held { Asked::TooMany } else { Asked::First }
    }

    /// Counts that a number was nobody's.
    pub fn was_new(&self, now: DateTime<Utc>, source_id: Uuid) {
        let minute = minute_of(now);
        let Ok(mut state) = self.state.lock() else { return };
        state.minutes.entry((minute, source_id)).or_default().new += 1;
        let source = state.sources.entry(source_id).or_default();
        source.roll(minute);
        source.new = source.new.saturating_add(1);
        if source.new > self.settings.new_numbers_per_minute {
            source.held_above.get_or_insert(self.settings.new_numbers_per_minute);
        }
    }

    /// Keeps that a source was told of this lead: a line an hour.
    pub fn reveal(&self, now: DateTime<Utc>, source_id: Uuid, lead_id: Uuid) {
        let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
        let Ok(mut state) = self.state.lock() else { return };
        if state.revealed.len() < REVEALED_MAX {
            state.revealed.insert((hour, source_id, lead_id));
        } else {
            drop(state);
            tracing::warn!("the access log of live answers is full: the database has been away for long");
        }
    }

    /// Adds what was counted and revealed to the database. What cannot be written is kept for the next time.
    pub async fn flush(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let (minutes, revealed) = match self.state.lock() {
            Ok(mut state) => (std::mem::take(&mut state.minutes), std::mem::take(&mut state.revealed)),
            Err(_) => return Ok(()),
        };
        if minutes.is_empty() && revealed.is_empty() {
            return Ok(());
        }
        let written = db::unless_silent(SILENCE_MAX, write(pool, &minutes, &revealed)).await;
        if let (Err(_), Ok(mut state)) = (&written, self.state.lock()) {
            for (key, counts) in minutes {
                let kept = state.minutes.entry(key).or_default();
                kept.numbers += counts.numbers;
                kept.new += counts.new;
                kept.held_back += counts.held_back;
            }
            state.revealed.extend(revealed);
        }
        written
    }
}

impl Source {
    /// Begins a new minute. A source that asked too much is answered again once it has asked less for a whole minute.
    fn roll(&mut self, minute: DateTime<Utc>) {
        if minute <= self.minute {
            return;
        }
        let asked = if minute - self.minute > TimeDelta::minutes(1) { 0 } else { self.asked };
        self.held_above = self.held_above.filter(|most| asked > *most);
        (self.minute, self.asked, self.new) = (minute, 0, 0);
        self.answered.retain(|_, at| minute - *at < ANSWERED_FOR);
    }
}

fn minute_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now)
}

async fn write(
    pool: &PgPool,
    minutes: &BTreeMap<(DateTime<Utc>, Uuid), Counts>,
    revealed: &BTreeSet<Revealed>,
) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query_file!(
        "sql/live/add_lookups.sql",
        &minutes.keys().map(|(minute, _)| *minute).collect::<Vec<_>>(),
        &minutes.keys().map(|(_, source)| *source).collect::<Vec<_>>(),
        &minutes.values().map(|counts| counts.numbers).collect::<Vec<_>>(),
        &minutes.values().map(|counts| counts.new).collect::<Vec<_>>(),
        &minutes.values().map(|counts| counts.held_back).collect::<Vec<_>>(),
    )
    .execute(&mut *transaction)
    .await?;
    if !revealed.is_empty() {
        sqlx::query_file!(
            "sql/live/log_revealed.sql",
            Action::RevealCaller.as_str(),
            &revealed.iter().map(|(_, source, _)| *source).collect::<Vec<_>>(),
            &revealed.iter().map(|(.., lead)| *lead).collect::<Vec<_>>(),
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000_020 + second)
    }

    fn number(digits: u32) -> Phone {
        Phone::new(format!("+1555010{digits:04}"))
    }

    #[test]
    fn too_many_numbers_are_held_back_until_fewer_are_asked_about() {
        let settings = LookupSettings { numbers_per_minute: 10, new_numbers_per_minute: 10 };
        let (lookups, source) = (Lookups::new(settings), Uuid::from_u128(1));
        let told = |second, numbers: std::ops::Range<u32>| {
            numbers.filter(|digits| lookups.ask(at(second), source, &number(*digits)) != Asked::TooMany).count()
        };
        assert_eq!(told(0, 0..2_000), 10);
        assert_eq!(told(1, 0..10), 10, "who was answered for already stays known");
        assert_eq!(lookups.ask(at(1), Uuid::from_u128(2), &number(1_999)), Asked::First, "another source");
        assert_eq!(told(61, 100..2_000), 0, "it goes on asking");
        assert_eq!(told(121, 100..105), 0, "the minute before was too much");
        assert_eq!(told(181, 100..105), 5);
        assert_eq!(told(600, 200..2_000), 10, "and again");
        assert_eq!(told(1_200, 100..105), 5, "nothing was asked for long");
    }

    #[test]
    fn too_many_unknown_numbers_are_too_many() {
        let settings = LookupSettings { numbers_per_minute: 100, new_numbers_per_minute: 3 };
        let (lookups, source) = (Lookups::new(settings), Uuid::from_u128(1));
        let told = (0..50).filter(|digits| {
            let told = lookups.ask(at(0), source, &number(*digits)) != Asked::TooMany;
            if told {
                lookups.was_new(at(0), source);
            }
            told
        });
        assert_eq!(told.count(), 4);
    }
}
