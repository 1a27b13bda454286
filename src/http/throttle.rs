//! A limit for networks that send what proves nothing. Proven ones are never turned away for load: some platforms do not
//! send again after a 4xx.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::console::address::network;
use crate::console::limits::Window;

/// Counts requests without proof by network and minute.
#[derive(Debug)]
pub(super) struct Throttle {
    per_minute: u32,
    networks: Window<IpAddr>,
}

impl Throttle {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, networks: Window::default() }
    }

    /// Counts a request without proof. `Some`: it is one too many, and this many seconds are left of the minute.
    pub(super) fn count(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> Option<u64> {
        self.networks.count(network(address?), self.per_minute, now)
    }
}
