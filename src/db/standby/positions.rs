//! Where the primary was when: by this a standby's position becomes a time. `now() - pg_last_xact_replay_timestamp()` would
//! grow while nobody writes.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Positions that are kept at most: one a second is half an hour's worth of a standby that has stopped, in 32 kB. Beyond
/// that every second one goes but for the oldest two, which say how far it is behind, and the times between the others become
/// longer.
const KEPT_MAX: usize = 2_048;

/// A position of the primary: bytes of its log.
type Position = i64;

/// What the primary had written, and when; the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions(VecDeque<(DateTime<Utc>, Position)>);

/// How far a standby is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// It has everything that was committed before.
    pub(super) until: DateTime<Utc>,
    /// How old the oldest position is that it does not have.
    pub(super) lag: Duration,
}

impl Positions {
    /// The primary is here. One that is behind where it was has lost something: nothing is known any more.
    pub(super) fn written(&mut self, at: DateTime<Utc>, position: Position) {
        if self.0.back().is_some_and(|(last_at, last)| position < *last || at < *last_at) {
            self.0.clear();
        }
        if self.0.len() >= KEPT_MAX {
            let mut count = 0_usize;
            self.0.retain(|_| {
                count += 1;
                count <= 2 || count.is_multiple_of(2)
            });
        }
        self.0.push_back((at, position));
    }

    /// The standby is here. `None`: it is behind everything that is known.
    pub(super) fn replayed(&mut self, position: Position) -> Option<Progress> {
        let behind = self.0.partition_point(|(_, written)| *written <= position);
        let newest = behind.checked_sub(1)?;
        // What is older says nothing any more.
        self.0.drain(..newest);
        let (until, _) = *self.0.front()?;
        let now = self.0.back()?.0;
        let lag = self.0.get(1).and_then(|(at, _)| (now - *at).to_std().ok()).unwrap_or_default();
        Some(Progress { until, lag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn progress(until: i64, lag_seconds: u64) -> Option<Progress> {
        Some(Progress { until: at(until), lag: Duration::from_secs(lag_seconds) })
    }

    #[test]
    fn the_lag_is_the_age_of_the_oldest_position_that_is_missing() {
        let mut positions = Positions::default();
        assert_eq!(positions.replayed(10), None, "nothing is known yet");
        positions.written(at(0), 100);
        assert_eq!(positions.replayed(99), None, "it may be behind by days");
        assert_eq!(positions.replayed(100), progress(0, 0));
        for second in 1..=5 {
            positions.written(at(second), 100 + second);
        }
        assert_eq!(positions.replayed(102), progress(2, 2));
        assert_eq!(positions.replayed(105), progress(5, 0));
    }

    #[test]
    fn a_standby_of_an_idle_primary_is_not_behind() {
        let mut positions = Positions::default();
        for second in 0..100 {
            positions.written(at(second), 7);
        }
        assert_eq!(positions.replayed(7), progress(99, 0));
    }

    #[test]
    fn a_standby_that_has_stopped_costs_little_and_its_lag_is_known_all_the_same() {
        let mut positions = Positions::default();
        positions.written(at(0), 0);
        assert_eq!(positions.replayed(0), progress(0, 0));
        for second in 1..=10_000 {
            positions.written(at(second), second);
        }
        assert!(positions.0.len() <= KEPT_MAX);
        assert_eq!(positions.replayed(0), progress(0, 9_999));
    }

    #[test]
    fn a_primary_that_has_lost_something_is_another_one() {
        let mut positions = Positions::default();
        positions.written(at(1), 100);
        positions.written(at(2), 90);
        assert_eq!(positions.replayed(89), None);
        assert_eq!(positions.replayed(95), progress(2, 0));
    }
}
