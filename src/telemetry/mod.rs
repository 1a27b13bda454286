//! Logs and metrics. Neither ever holds a phone number, a name, a transcript or a secret: labels are words of ours,
//! and log fields are ids, counts and durations.

mod logging;
mod metrics;

pub use logging::{Format, Settings, init, set_level};
pub use metrics::{BacklogGauges, Metrics, ReadStandbyGauges, SpoolGauges};
