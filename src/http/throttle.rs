//! A limit for senders that prove nothing. Proven ones are never turned away for load: some platforms do not send
//! again after a 4xx.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use chrono::{DateTime, Utc};

/// Addresses remembered at once; beyond it the oldest minute is forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// Counts requests without proof by address and minute.
#[derive(Debug)]
pub(super) struct Throttle {
    per_minute: u32,
    counts: Mutex<(i64, HashMap<IpAddr, u32>)>,
}

impl Throttle {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, counts: Mutex::new((0, HashMap::new())) }
    }

    /// Counts a request without proof. `Some`: it is one too many, and this many seconds are left of the minute.
    pub(super) fn count(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> Option<u64> {
        let address = address?;
        let (minute, second) = (now.timestamp().div_euclid(60), now.timestamp().rem_euclid(60));
        let mut counts = self.counts.lock().ok()?;
        if counts.0 != minute || counts.1.len() >= MAX_ADDRESSES {
            *counts = (minute, HashMap::new());
        }
        let count = counts.1.entry(address).or_default();
        *count = count.saturating_add(1);
        (*count > self.per_minute).then(|| 60 - second.unsigned_abs())
    }
}
