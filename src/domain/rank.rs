//! Groups of facts that win or lose together.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// How much a report is worth beside another of the same kind. A larger one wins whatever the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(pub u8);

impl Weight {
    /// A report that a later one will complete.
    pub const PARTIAL: Self = Self(1);
    /// The ordinary case.
    pub const WHOLE: Self = Self(2);
    /// The platform's last word.
    pub const FINAL: Self = Self(3);
    /// What people keep in the tenant's CRM.
    pub const CRM: Self = Self(4);
    /// Ours, made from the whole of it.
    pub const OURS: Self = Self(8);
}

/// A group of facts with its rank. The larger rank wins, whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked<T> {
    /// One hexadecimal digit of weight, twelve of milliseconds since 1970, sixteen of the value's digest: text, so
    /// that Rust and SQL (collation "C") order it alike.
    pub rank: String,
    /// When the platform says this was so, in milliseconds: what the rank does not hold, the row must not either, else
    /// of two reports of one millisecond the first to come would stay.
    pub at: Option<DateTime<Utc>>,
    /// The facts.
    pub value: T,
}

impl<T: Serialize> Ranked<T> {
    /// Ranks a value. Equal values at the same time have equal ranks; different ones are ordered by their digest,
    /// which is arbitrary and the same everywhere.
    pub fn new(weight: Weight, at: Option<DateTime<Utc>>, value: T) -> Self {
        let at = comparable(at);
        let bytes = serde_json::to_vec(&value).unwrap_or_default();
        let digest = Sha256::digest(&bytes);
        let tail = digest.iter().take(8).fold(0_u64, |tail, byte| tail << 8 | u64::from(*byte));
        Self { rank: rank(weight, at, tail), at, value }
    }
}

/// The latest time that a rank can hold, in milliseconds since 1970.
const MILLIS_MAX: i64 = 0xffff_ffff_ffff;

impl Ranked<bool> {
    /// Ranks a yes or no of which the latest counts; of two at the same time, the yes.
    pub fn latest(at: Option<DateTime<Utc>>, value: bool) -> Self {
        let at = comparable(at);
        Self { rank: rank(Weight::WHOLE, at, u64::from(value)), at, value }
    }
}

impl<T> Ranked<T> {
    /// The one of two groups that wins.
    pub fn fold(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.rank > a.rank { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// The time as a rank holds it: whole milliseconds from 1970 on. What was earlier is as good as unknown.
fn comparable(at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let millis = at?.timestamp_millis().min(MILLIS_MAX);
    (millis > 0).then(|| DateTime::from_timestamp_millis(millis)).flatten()
}

fn rank(weight: Weight, at: Option<DateTime<Utc>>, tail: u64) -> String {
    let millis = at.map_or(0, |at| at.timestamp_millis());
    format!("{:x}{millis:012x}{tail:016x}", weight.0.min(15))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(millis)
    }

    #[test]
    fn weight_beats_time_and_time_beats_the_digest() {
        let old_final = Ranked::new(Weight::FINAL, at(1), "a");
        let new_partial = Ranked::new(Weight::PARTIAL, at(9_000), "b");
        let newer_partial = Ranked::new(Weight::PARTIAL, at(9_001), "a");
        assert!(old_final.rank > newer_partial.rank && newer_partial.rank > new_partial.rank);
    }

    #[test]
    fn the_latest_yes_or_no_counts_and_a_tie_is_a_yes() {
        let said = |millis, value| Ranked::latest(at(millis), value).rank;
        assert!(said(2, false) > said(1, true) && said(1, true) > said(1, false));
        assert!(said(1, false) > Ranked::latest(None, true).rank);
    }

    #[test]
    fn equal_ranks_have_equal_times_so_that_either_may_stay() {
        let micros = |micros| Ranked::new(Weight::WHOLE, DateTime::from_timestamp_micros(micros), "a");
        assert_eq!(micros(1_788_254_100_000_001), micros(1_788_254_100_000_999));
        assert_eq!(Ranked::latest(DateTime::from_timestamp_micros(-1), true), Ranked::latest(None, true));
        assert_eq!(Ranked::new(Weight::WHOLE, at(0), 1), Ranked::new(Weight::WHOLE, at(-5_000), 1));
        let far = |millis| Ranked::new(Weight::WHOLE, at(MILLIS_MAX + millis), 1);
        assert_eq!(far(1), far(2));
    }

    #[test]
    fn an_unknown_time_sorts_first() {
        assert!(Ranked::new(Weight::WHOLE, None, 1).rank < Ranked::new(Weight::WHOLE, at(1), 1).rank);
    }
}
