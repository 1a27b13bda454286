//! `[processor]` of the configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::queue::Backoff;

/// How the inbox is worked off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Processors in this process.
    pub workers: u32,
    /// Events in one transaction at most.
    pub batch_size: u32,
    /// Bytes of payload in one transaction at most; one event is taken in any case.
    pub batch_bytes: u64,
    /// How often the queue is looked at when nobody rings.
    #[serde(with = "crate::duration_text")]
    pub poll_interval: Duration,
    /// The least time between two claims, so that events which come together share a transaction.
    #[serde(with = "crate::duration_text")]
    pub linger: Duration,
    /// How long an async handler or an SQL function may take.
    #[serde(with = "crate::duration_text")]
    pub handler_timeout: Duration,
    /// When a failed event is tried again.
    pub retry: Backoff,
}
