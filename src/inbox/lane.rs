//! The lanes of the queue, and the order in which a claim looks at them: live events before replayed ones, the tenants in
//! turn. A lane is shared by a sixteenth of the tenants (the triggers in migrations/0002_inbox.sql choose it by an id), so
//! fairness is one of chance, and costs an index probe a lane.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Lanes of live events, from 0 on; as many of replayed and reconciled ones follow.
const TENANT_LANES: i16 = 16;
/// The lane of events whose handler is a user's own function.
pub(super) const HANDLERS: i16 = 2 * TENANT_LANES;
/// One claim in so many looks at replayed events first, so that they come forward beside any number of live ones.
/// No divisor of the number of lanes, so that each lane has its turn at that too.
const REPLAYS_EVERY: u64 = 9;

/// Which lanes a claim looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// Those of all events.
    Tenants,
    /// That of the events with a handler of the user's own.
    Handlers,
}

/// What one claim looks for: so much at most, in this order. One entry a look at a lane, in all four vectors.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Rows at most, in all.
    pub(super) rows: i64,
    /// Bytes of payload at most, in all; one event is taken in any case.
    pub(super) bytes: i64,
    pub(super) lanes: Vec<i16>,
    pub(super) since: Vec<DateTime<Utc>>,
    pub(super) passed: Vec<i64>,
    pub(super) rows_of_lane: Vec<i64>,
    pub(super) avoided: Vec<Uuid>,
    pub(super) is_blind: bool,
}

impl Look {
    /// The `turn`-th claim of a worker. `floors`: where in a lane to begin. It spares a scan over entries that are gone but
    /// still visible to an old snapshot; it is a hint, and the caller begins at the very start now and then.
    pub fn new(lanes: Lanes, turn: u64, rows: u32, bytes: u64, floors: &HashMap<i16, DateTime<Utc>>) -> Self {
        let rows = i64::from(rows.max(1));
        let mut look = Self { rows, bytes: i64::try_from(bytes).unwrap_or(i64::MAX), ..Self::default() };
        if lanes == Lanes::Handlers {
            look.add(HANDLERS, 0, rows, floors);
            return look;
        }
        // Every lane its share, beginning with another one each time; then whatever there is.
        let first = i16::try_from(turn % u64::from(TENANT_LANES.unsigned_abs())).unwrap_or(0);
        let share = (rows / i64::from(TENANT_LANES)).max(1);
        let kinds = if turn % REPLAYS_EVERY == REPLAYS_EVERY - 1 { [TENANT_LANES, 0] } else { [0, TENANT_LANES] };
        for kind in kinds {
            for (passed, rows) in [(0, share), (share, rows)] {
                for lane in 0..TENANT_LANES {
                    look.add(kind + (first + lane) % TENANT_LANES, passed, rows, floors);
                }
            }
        }
        look
    }

    /// The same, but for these events.
    pub fn but_for(mut self, avoided: impl Iterator<Item = Uuid>) -> Self {
        self.avoided.extend(avoided);
        self
    }

    /// The same, with empty payloads.
    pub fn without_payloads(mut self) -> Self {
        self.is_blind = true;
        self
    }

    /// Whether it looks for one event only.
    pub fn is_single(&self) -> bool {
        self.rows == 1
    }

    fn add(&mut self, lane: i16, passed: i64, rows: i64, floors: &HashMap<i16, DateTime<Utc>>) {
        self.lanes.push(lane);
        self.since.push(floors.get(&lane).copied().unwrap_or(DateTime::UNIX_EPOCH));
        self.passed.push(passed);
        self.rows_of_lane.push(rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes_of_all() -> Vec<i16> {
        (0..HANDLERS).collect()
    }

    #[test]
    fn every_lane_is_looked_at_live_ones_first_and_replayed_ones_at_times() {
        let mut first = Vec::new();
        for turn in 0..144 {
            let look = Look::new(Lanes::Tenants, turn, 500, 1, &HashMap::new());
            let mut lanes = look.lanes.clone();
            lanes.sort_unstable();
            lanes.dedup();
            assert_eq!(lanes, lanes_of_all());
            first.push(look.lanes[0]);
        }
        assert_eq!(first.iter().filter(|lane| **lane >= 16).count(), 16);
        first.sort_unstable();
        first.dedup();
        assert_eq!(first, lanes_of_all(), "they take turns");
    }
}
