//! How many requests a token, a user or an address may make in a minute; counted by this process, in memory.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::address::network;
use crate::redact::Secret;

/// Networks and principals that are remembered at once. Beyond it those that asked least are forgotten: who has many
/// addresses neither shuts the others out nor clears the count of who asks much.
const REMEMBERED_MAX: usize = 20_000;
/// Requests without a valid token from one network in a minute. Tokens cannot be guessed; it spares the database.
const UNKNOWN_PER_MINUTE: u32 = 120;
/// Look-ups of one token or session that was issued and has ended, in a minute, for a network that is over its limit.
const ENDED_PER_MINUTE: u32 = 10;
/// Tokens and sessions that are remembered as good, at most, and for so many seconds at least: those without a check, of
/// an older version, are looked up for a network over its limit while it uses them.
const GOOD_MAX: usize = 10_000;
const GOOD_SECONDS: i64 = 3_600;

/// The counts of this minute.
#[derive(Debug)]
pub struct Limits {
    per_minute: u32,
    principals: Window<Uuid>,
    networks: Window<IpAddr>,
    ended: Window<[u8; 32]>,
    good: Mutex<Good>,
}

/// Digests of tokens and sessions that were good in this hour, and in the one before.
#[derive(Debug, Default)]
struct Good {
    began: i64,
    now: HashSet<[u8; 32]>,
    before: HashSet<[u8; 32]>,
}

/// How often each of them asked in this minute.
#[derive(Debug)]
pub(crate) struct Window<K>(Mutex<(i64, HashMap<K, u32>)>);

impl Limits {
    /// Nothing counted yet.
    pub fn new(per_minute: u32) -> Self {
        let (principals, networks, ended) = (Window::default(), Window::default(), Window::default());
        Self { per_minute, principals, networks, ended, good: Mutex::default() }
    }

    /// Counts a request of a token or user. `Some`: it is one too many, and this many seconds are left of the minute.
    pub fn request(&self, principal_id: Uuid, now: DateTime<Utc>) -> Option<u64> {
        self.principals.count(principal_id, self.per_minute, now)
    }

    /// Asked before the database is. `Some`: this network has named too many tokens or sessions that there are not, and
    /// this one is not looked up; so many seconds are left of the minute. One that was issued always is, unless it was
    /// found to have ended again and again: whoever is behind the same network as a flood stays signed in.
    pub fn is_not_looked_up(
        &self,
        address: Option<IpAddr>,
        given: &Secret,
        is_issued: bool,
        now: DateTime<Utc>,
    ) -> Option<u64> {
        let left = self.networks.peek(network(address?), UNKNOWN_PER_MINUTE, now)?;
        let digest = digest(given);
        if is_issued {
            return self.ended.peek(digest, ENDED_PER_MINUTE, now);
        }
        let is_good = self.good.lock().is_ok_and(|good| good.now.contains(&digest) || good.before.contains(&digest));
        (!is_good).then_some(left)
    }

    /// Remembers a token or session that was good.
    pub fn was_good(&self, given: &Secret, now: DateTime<Utc>) {
        let Ok(mut good) = self.good.lock() else { return };
        if good.now.len() >= GOOD_MAX || now.timestamp() - good.began >= GOOD_SECONDS {
            good.before = std::mem::take(&mut good.now);
            good.began = now.timestamp();
        }
        good.now.insert(digest(given));
    }

    /// Counts a request without a valid token. `ended`: what it names, if that was issued.
    pub fn unknown(&self, address: Option<IpAddr>, ended: Option<&Secret>, now: DateTime<Utc>) -> Option<u64> {
        if let Some(ended) = ended {
            self.ended.count(digest(ended), ENDED_PER_MINUTE, now);
        }
        self.networks.count(network(address?), UNKNOWN_PER_MINUTE, now)
    }
}

impl<K> Default for Window<K> {
    fn default() -> Self {
        Self(Mutex::new((0, HashMap::new())))
    }
}

impl<K: Eq + Hash> Window<K> {
    /// Counts a request of one of them. `Some`: it is one too many, and this many seconds are left of the minute.
    pub(crate) fn count(&self, key: K, most: u32, now: DateTime<Utc>) -> Option<u64> {
        self.add(key, 1, most, now)
    }

    /// Whether one of them has asked as often as it may: the next one would be too many. Nothing is counted.
    pub(crate) fn peek(&self, key: K, most: u32, now: DateTime<Utc>) -> Option<u64> {
        let (minute, left) = minute_of(now);
        let counts = self.0.lock().ok()?;
        let count = counts.1.get(&key).copied().filter(|_| counts.0 == minute)?;
        (count >= most).then_some(left)
    }

    /// Counts a request of this weight.
    pub(crate) fn add(&self, key: K, weight: u32, most: u32, now: DateTime<Utc>) -> Option<u64> {
        let (minute, left) = minute_of(now);
        let mut counts = self.0.lock().ok()?;
        if counts.0 != minute {
            *counts = (minute, HashMap::new());
        }
        if counts.1.len() >= REMEMBERED_MAX && !counts.1.contains_key(&key) {
            let least = counts.1.values().min().copied().unwrap_or_default();
            counts.1.retain(|_, count| *count > least);
        }
        let count = counts.1.entry(key).or_default();
        *count = count.saturating_add(weight);
        (*count > most).then_some(left)
    }
}

/// The minute, and how many seconds are left of it.
fn minute_of(now: DateTime<Utc>) -> (i64, u64) {
    let (minute, second) = (now.timestamp().div_euclid(60), now.timestamp().rem_euclid(60));
    (minute, 60 - second.unsigned_abs())
}

fn digest(given: &Secret) -> [u8; 32] {
    Sha256::digest(given.expose().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_minute_of_their_own_and_many_clear_nobodys_count() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let limits = Limits::new(2);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!([one, one, one, other].map(|id| limits.request(id, at(70))), [None, None, Some(50), None]);
        assert_eq!([one, one].map(|id| limits.request(id, at(120))), [None, None], "a new minute");
        for n in 0..30_000_u128 {
            limits.request(Uuid::from_u128(1000 + n), at(121));
        }
        assert_eq!(limits.request(one, at(123)), Some(57));
    }

    #[test]
    fn what_was_issued_is_looked_up_for_a_network_over_its_limit_unless_it_has_ended() {
        let at = DateTime::from_timestamp(70, 0).unwrap();
        let limits = Limits::new(2);
        let address = Some("192.0.2.1".parse().unwrap());
        let (issued, other) = (Secret::new("issued"), Secret::new("made up"));
        let refused = |given: &Secret, is_issued| limits.is_not_looked_up(address, given, is_issued, at).is_some();
        assert!(!refused(&other, false), "not over its limit");
        for _ in 0..UNKNOWN_PER_MINUTE {
            limits.unknown(address, None, at);
        }
        assert!(refused(&other, false) && !refused(&issued, true));
        limits.was_good(&other, at);
        assert!(!refused(&other, false), "good lately");
        for _ in 0..ENDED_PER_MINUTE {
            assert!(!refused(&issued, true));
            limits.unknown(address, Some(&issued), at);
        }
        assert!(refused(&issued, true) && !refused(&Secret::new("another"), true));
    }

    #[test]
    fn a_network_is_one_and_many_of_them_shut_nobody_out() {
        let at = DateTime::from_timestamp(70, 0).unwrap();
        let limits = Limits::new(2);
        let ask = |text: String| limits.unknown(Some(text.parse().unwrap()), None, at);
        for n in 0..UNKNOWN_PER_MINUTE {
            assert_eq!(ask(format!("2001:db8::{n:x}")), None);
        }
        assert_eq!(ask("2001:db8::ffff:1".to_owned()), Some(50), "the same network");
        assert_eq!(ask("2001:db8:0:1::1".to_owned()), None, "the next one");
        for n in 0..30_000 {
            assert_eq!(ask(format!("2001:db8:1:{n:x}::1")), None);
        }
        assert_eq!(ask("192.0.2.1".to_owned()), None, "somebody else");
        assert_eq!(ask("2001:db8::2".to_owned()), Some(50), "who asked much is remembered");
    }
}
