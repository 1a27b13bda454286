//! What the next claim looks for: how much, in which lanes, and from where.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::handlers::CALLS_MAX;
use crate::inbox::{Lanes, Look};

/// A transaction may commit after a younger one was claimed: claims reach this far back behind the last one.
const REACH_BACK: TimeDelta = TimeDelta::seconds(5);
/// How often the whole queue is looked at, from its very beginning.
const FULL_SCAN_INTERVAL: Duration = Duration::from_secs(1);
/// The whole queue is looked at for at most this fraction of the time: an old snapshot makes that slow.
const FULL_SCAN_SHARE: u32 = 10;
/// How long an event whose row somebody holds is left alone.
const STUCK_WAIT: Duration = Duration::from_secs(5);
/// Events with a handler of the user's own in one transaction at most.
const HANDLERS_MAX: u32 = 32;

/// What a claim saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) last_due_at: HashMap<i16, DateTime<Utc>>,
    pub(super) taken: u32,
    pub(super) is_full: bool,
    /// An event that could not even be put off: somebody holds its row.
    pub(super) stuck: Option<Uuid>,
}

/// One worker's claims. Batches begin with a single event, when the program starts and after trouble, and double with each
/// that commits: what breaks a batch, or the program, is soon alone.
#[derive(Debug)]
pub(super) struct Turns {
    lanes: Lanes,
    rows_max: u32,
    bytes: u64,
    rows: u32,
    turn: u64,
    floors: HashMap<i16, DateTime<Utc>>,
    next_full: Instant,
    is_full_scan: bool,
    stuck: HashMap<Uuid, Instant>,
}

impl Turns {
    /// Batches of so much at most. `first`: the rows of the first one.
    pub(super) fn new(lanes: Lanes, first: u32, rows_max: u32, bytes: u64) -> Self {
        let rows_max = if lanes == Lanes::Handlers { rows_max.min(HANDLERS_MAX) } else { rows_max };
        Self {
            lanes,
            rows_max,
            bytes,
            rows: first.min(rows_max),
            // Workers that start together do not begin in the same lane.
            turn: u64::from(rand::random::<u32>()),
            floors: HashMap::new(),
            next_full: Instant::now(),
            is_full_scan: true,
            stuck: HashMap::new(),
        }
    }

    /// The next look, of so many rows at most.
    pub(super) fn next(&mut self, rows_max: u64) -> Look {
        self.turn = self.turn.wrapping_add(1);
        self.is_full_scan = Instant::now() >= self.next_full;
        let everything = HashMap::new();
        let floors = if self.is_full_scan { &everything } else { &self.floors };
        let rows = self.rows.min(u32::try_from(rows_max).unwrap_or(u32::MAX));
        self.stuck.retain(|_, until| *until > Instant::now());
        Look::new(self.lanes, self.turn, rows, self.bytes, floors).but_for(self.stuck.keys().copied())
    }

    /// The same over the whole queue.
    pub(super) fn next_from_the_start(&mut self, rows_max: u64) -> Look {
        self.next_full = Instant::now();
        self.next(rows_max)
    }

    /// A batch was committed, or there was nothing to claim.
    pub(super) fn advance(&mut self, seen: &Seen, took: Duration) {
        if self.is_full_scan {
            self.next_full = Instant::now() + FULL_SCAN_INTERVAL.max(took * FULL_SCAN_SHARE);
        }
        self.stuck.extend(seen.stuck.map(|id| (id, Instant::now() + STUCK_WAIT)));
        for (lane, due_at) in &seen.last_due_at {
            self.floors.insert(*lane, *due_at - REACH_BACK);
        }
        let is_slow = self.lanes == Lanes::Handlers && took >= CALLS_MAX;
        self.rows = match seen.taken {
            0 => self.rows,
            _ if is_slow => self.rows / 2,
            // Cut short by its bytes: what did not fit was locked for nothing.
            taken if seen.is_full && taken < self.rows => taken.saturating_mul(2),
            _ => self.rows.saturating_mul(2),
        };
        self.rows = self.rows.clamp(1, self.rows_max);
    }

    /// A batch was rolled back: single steps from here on.
    pub(super) fn set_back(&mut self) {
        self.rows = 1;
        self.next_full = Instant::now();
    }
}
