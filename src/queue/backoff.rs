//! How long to wait before the next attempt.

use std::time::Duration;

use serde::Deserialize;

/// Waiting times that double, with a ceiling and jitter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The wait after the first failure.
    #[serde(with = "crate::duration_text")]
    pub first: Duration,
    /// The longest wait.
    #[serde(with = "crate::duration_text")]
    pub longest: Duration,
    /// After this many failures an event is dead.
    pub max_attempts: u32,
}

impl Backoff {
    /// The wait after failure number `attempt` (from 1), or `None` when that was the last one. `chance` is between
    /// 0 and 1: the wait is between half and all of the doubled time, so that those who failed together do not
    /// come back together.
    pub fn wait(&self, attempt: u32, chance: f64) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        Some(doubled.min(self.longest).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_ceiling_and_ends() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(3600), max_attempts: 40 };
        let waits: Vec<u64> =
            [1, 2, 3, 12, 13, 39].iter().filter_map(|n| backoff.wait(*n, 1.0)).map(|w| w.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 2048, 3600, 3600]);
        assert_eq!(backoff.wait(2, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(backoff.wait(40, 1.0), None);
    }
}
