//! What is known of networks: which of them send what proves nothing, and which have verified lately. A network is one
//! IPv4 address or one IPv6 /64.
//!
//! Nobody is known before the whole body is there: a signature is made over all of it. So a network is trusted with
//! memory by what it has done, and a verified sender is never answered 4xx for load: some platforms do not send again
//! after that.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::clock::Clock;
use crate::console::address::network;
use crate::console::limits::Window;

/// Pairs of source and network that are remembered as verified, at most. A platform sends from a handful of networks.
const VERIFIED_MAX: usize = 4_096;
/// How long a verified request counts. Platforms send all day; what is quiet for longer begins as a stranger again.
const VERIFIED_FOR: TimeDelta = TimeDelta::hours(6);
/// Unverified bytes that count as one more request: making a digest of them costs as much.
const BYTES_OF_A_REQUEST: usize = 64 * 1024;
/// Requests of one network over its limit that are looked at at once; the others are asked to come again. A platform
/// behind the same address as a flood gets through by them.
pub(super) const SUSPECTS_AT_ONCE: usize = 8;

/// How far a network is trusted with memory by one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Over its limit of unverified requests, and nothing of it has verified lately.
    Suspect,
    /// Nothing of it has verified lately; or something has, and it is over its limit: it is shared with a flood.
    Stranger,
    /// It has verified lately.
    Known,
}

/// The counts of this process.
#[derive(Debug)]
pub struct Networks {
    per_minute: u32,
    unverified: Window<IpAddr>,
    verified: Mutex<HashMap<(Uuid, IpAddr), DateTime<Utc>>>,
    suspects: Mutex<HashMap<IpAddr, usize>>,
}

/// A request of a network over its limit, while it is looked at.
#[derive(Debug)]
pub(super) struct Suspect<'a> {
    networks: &'a Networks,
    network: IpAddr,
}

/// The bytes of a body, while nothing has verified it. Dropped, they count against a network that has verified nothing
/// lately: also where its client hung up before it was answered.
#[derive(Debug)]
pub(super) struct Unverified {
    networks: Arc<Networks>,
    clock: Clock,
    address: Option<IpAddr>,
    pub(super) bytes: usize,
    /// Its network has verified lately: what it breaks off, or has no room for, does not count against it.
    pub(super) is_known: bool,
    is_settled: bool,
}

impl Unverified {
    /// They were verified, or they are counted with their answer. Returns how many came.
    pub(super) fn settle(&mut self) -> usize {
        self.is_settled = true;
        self.bytes
    }

    /// The rest of the body was not read. Of a network that has verified lately that is a bad line; and where the memory is
    /// ours that there is not, it counts as one request, and not by what was read in vain.
    pub(super) fn broke_off(&mut self, is_ours: bool) {
        match is_ours {
            _ if self.is_known => self.bytes = 0,
            true => self.bytes = self.bytes.min(1),
            false => {}
        }
    }
}

impl Drop for Unverified {
    fn drop(&mut self) {
        if self.bytes > 0 && !self.is_settled && !self.is_known {
            self.networks.count(self.address, self.bytes, self.clock.now());
        }
    }
}

impl Networks {
    /// Nothing is known yet.
    pub(super) fn new(per_minute: u32) -> Self {
        let (verified, suspects) = (Mutex::default(), Mutex::default());
        Self { per_minute, unverified: Window::default(), verified, suspects }
    }

    /// Begins to count a body.
    pub(super) fn unverified(self: &Arc<Self>, address: Option<IpAddr>, clock: &Clock) -> Unverified {
        Unverified {
            networks: Arc::clone(self),
            clock: clock.clone(),
            address,
            bytes: 0,
            is_known: false,
            is_settled: false,
        }
    }

    /// Counts a request that proves nothing, with so many bytes. `Some`: it is one too many, and this many seconds are
    /// left of the minute.
    pub(super) fn count(&self, address: Option<IpAddr>, bytes: usize, now: DateTime<Utc>) -> Option<u64> {
        let weight = u32::try_from(1 + bytes / BYTES_OF_A_REQUEST).unwrap_or(u32::MAX);
        self.unverified.add(network(address?), weight, self.per_minute, now)
    }

    /// Whether a network is over its limit; as [`Self::count`] says, without counting.
    pub(super) fn is_over(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> Option<u64> {
        self.unverified.peek(network(address?), self.per_minute, now)
    }

    /// Remembers that a request to this source has verified.
    pub(super) fn verified(&self, source_id: Uuid, address: Option<IpAddr>, now: DateTime<Utc>) {
        let (Some(address), Ok(mut verified)) = (address, self.verified.lock()) else { return };
        if verified.len() >= VERIFIED_MAX && !verified.contains_key(&(source_id, network(address))) {
            // Only a verified sender gets here, so this is rare: those that were quiet longest make room.
            let mut times: Vec<_> = verified.values().copied().collect();
            let (_, middle, _) = times.select_nth_unstable(VERIFIED_MAX / 2);
            let middle = *middle;
            verified.retain(|_, at| *at > middle);
        }
        verified.insert((source_id, network(address)), now);
    }

    /// How far a network is trusted by this source.
    pub(super) fn standing(&self, source_id: Uuid, address: Option<IpAddr>, now: DateTime<Utc>) -> Standing {
        let Some(address) = address else { return Standing::Stranger };
        let last = self.verified.lock().ok().and_then(|all| all.get(&(source_id, network(address))).copied());
        let is_known = last.is_some_and(|last| now - last < VERIFIED_FOR);
        match (is_known, self.is_over(Some(address), now).is_some()) {
            (true, false) => Standing::Known,
            (false, true) => Standing::Suspect,
            _ => Standing::Stranger,
        }
    }

    /// Looks at a request of a network over its limit. `None`: too many of them are being looked at.
    pub(super) fn suspect(&self, address: IpAddr) -> Option<Suspect<'_>> {
        let network = network(address);
        let mut suspects = self.suspects.lock().ok()?;
        let count = suspects.entry(network).or_default();
        if *count >= SUSPECTS_AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Suspect { networks: self, network })
    }
}

impl Drop for Suspect<'_> {
    fn drop(&mut self) {
        if let Ok(mut suspects) = self.networks.suspects.lock()
            && let Some(count) = suspects.get_mut(&self.network)
        {
            *count -= 1;
            if *count == 0 {
                suspects.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_known_by_what_verified_and_suspect_by_what_did_not() {
        let at = |minutes: i64| DateTime::from_timestamp(minutes * 60, 0).unwrap();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let from = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let networks = Networks::new(3);
        networks.verified(one, from("2001:db8::1"), at(0));
        assert_eq!(networks.standing(one, from("2001:db8::2"), at(1)), Standing::Known, "the same network");
        assert_eq!(networks.standing(other, from("2001:db8::1"), at(1)), Standing::Stranger, "another source");
        assert_eq!(networks.standing(one, from("2001:db8:0:1::1"), at(1)), Standing::Stranger, "another network");
        assert_eq!(networks.standing(one, from("2001:db8::1"), at(361)), Standing::Stranger, "long ago");
        assert_eq!(networks.count(from("192.0.2.1"), 3 * BYTES_OF_A_REQUEST, at(1)), Some(60), "bytes count as well");
        assert_eq!(networks.standing(one, from("192.0.2.1"), at(1)), Standing::Suspect);
        assert_eq!(networks.standing(one, from("192.0.2.1"), at(2)), Standing::Stranger, "a new minute");
        networks.count(from("2001:db8::3"), 3 * BYTES_OF_A_REQUEST, at(1));
        assert_eq!(networks.standing(one, from("2001:db8::1"), at(1)), Standing::Stranger, "shared with a flood");
    }

    #[test]
    fn bytes_count_unless_something_verified_them() {
        let networks = Arc::new(Networks::new(3));
        let (now, from) = (Clock::system().now(), Some(IpAddr::from([192, 0, 2, 1])));
        let mut verified = networks.unverified(from, &Clock::system());
        verified.bytes = 100 * BYTES_OF_A_REQUEST;
        verified.settle();
        drop(verified);
        drop(networks.unverified(from, &Clock::system()));
        assert_eq!(networks.is_over(from, now), None);
        let mut known = networks.unverified(from, &Clock::system());
        (known.bytes, known.is_known) = (100 * BYTES_OF_A_REQUEST, true);
        drop(known);
        assert_eq!(networks.is_over(from, now), None, "a platform whose upload broke off");
        networks.unverified(from, &Clock::system()).bytes = 3 * BYTES_OF_A_REQUEST;
        assert!(networks.is_over(from, Clock::system().now()).is_some(), "its client hung up");
    }

    #[test]
    fn of_a_network_over_its_limit_some_are_looked_at_and_many_networks_do_not_fill_the_memory() {
        let networks = Networks::new(3);
        let held: Vec<_> = (0..10).map(|_| networks.suspect("192.0.2.1".parse().unwrap())).collect();
        assert_eq!(held.iter().flatten().count(), SUSPECTS_AT_ONCE);
        assert!(networks.suspect("192.0.2.2".parse().unwrap()).is_some(), "another network");
        drop(held);
        assert!(networks.suspect("192.0.2.1".parse().unwrap()).is_some());
        for n in 0..10_000_u32 {
            let at = DateTime::from_timestamp(i64::from(n), 0).unwrap();
            networks.verified(Uuid::from_u128(1), Some(IpAddr::from(n.to_be_bytes())), at);
        }
        assert!(networks.verified.lock().unwrap().len() <= VERIFIED_MAX);
        let last = Some(IpAddr::from(9_999_u32.to_be_bytes()));
        assert_eq!(
            networks.standing(Uuid::from_u128(1), last, DateTime::from_timestamp(10_000, 0).unwrap()),
            Standing::Known
        );
    }
}
