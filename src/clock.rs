//! The time, handed in: nothing else in the house asks the system for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Where the time comes from: the system, or a test.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    frozen_micros: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still at `at` until it is advanced.
    pub fn frozen(at: DateTime<Utc>) -> Self {
        Self { frozen_micros: Some(Arc::new(AtomicI64::new(at.timestamp_micros()))) }
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.frozen_micros {
            None => Utc::now(),
            Some(micros) => {
                DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH)
            }
        }
    }

    /// Whether it stands still.
    pub fn is_frozen(&self) -> bool {
        self.frozen_micros.is_some()
    }

    /// Moves a frozen clock on; the system's clock is left alone.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(micros) = &self.frozen_micros {
            micros.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
        }
    }
}
