//! `[spool]` of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::Holds;

/// Where webhooks are kept while Postgres cannot take them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The directory. Empty: beside the data of a private Postgres, else nowhere.
    pub dir: PathBuf,
    /// Bytes on disk at most; then webhooks get 503.
    pub bytes_max: u64,
    /// How long something may be held until nothing more is taken: what lasts so long is no outage, and somebody must look.
    #[serde(with = "crate::duration_text")]
    pub age_max: Duration,
}

impl Settings {
    /// Whether so many bytes more are too many, or what is held is too old.
    pub(super) fn is_full(&self, holds: &Holds, more: u64, now: DateTime<Utc>) -> bool {
        let age_max = TimeDelta::from_std(self.age_max).unwrap_or(TimeDelta::MAX);
        holds.bytes + holds.set_aside_bytes + more > self.bytes_max
            || holds.oldest_at.is_some_and(|oldest_at| now - oldest_at > age_max)
    }
}
