//! How many requests a token, a user or an address may make in a minute; counted by this process, in memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::address::network;

/// Networks and principals that are remembered at once. Beyond it those that asked least are forgotten: who has many
/// addresses neither shuts the others out nor clears the count of who asks much.
const REMEMBERED_MAX: usize = 20_000;
/// Requests without a valid token from one network in a minute. Tokens cannot be guessed; it spares the database.
const UNKNOWN_PER_MINUTE: u32 = 120;

/// The counts of this minute.
#[derive(Debug)]
pub struct Limits {
    per_minute: u32,
    principals: Window<Uuid>,
    networks: Window<IpAddr>,
}

/// How often each of them asked in this minute.
#[derive(Debug)]
pub(crate) struct Window<K>(Mutex<(i64, HashMap<K, u32>)>);

impl Limits {
    /// Nothing counted yet.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, principals: Window::default(), networks: Window::default() }
    }

    /// Counts a request of a token or user. `Some`: it is one too many, and this many seconds are left of the minute.
    pub fn request(&self, principal_id: Uuid, now: DateTime<Utc>) -> Option<u64> {
        self.principals.count(principal_id, self.per_minute, now)
    }

    /// Counts a request without a valid token.
    pub fn unknown(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> Option<u64> {
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
        let (minute, second) = (now.timestamp().div_euclid(60), now.timestamp().rem_euclid(60));
        let left = 60 - second.unsigned_abs();
        let mut counts = self.0.lock().ok()?;
        if counts.0 != minute {
            *counts = (minute, HashMap::new());
        }
        if counts.1.len() >= REMEMBERED_MAX && !counts.1.contains_key(&key) {
            let least = counts.1.values().min().copied().unwrap_or_default();
            counts.1.retain(|_, count| *count > least);
        }
        let count = counts.1.entry(key).or_default();
        *count = count.saturating_add(1);
        (*count > most).then_some(left)
    }
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
    fn a_network_is_one_and_many_of_them_shut_nobody_out() {
        let at = DateTime::from_timestamp(70, 0).unwrap();
        let limits = Limits::new(2);
        let ask = |text: String| limits.unknown(Some(text.parse().unwrap()), at);
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
