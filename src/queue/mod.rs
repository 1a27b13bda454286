//! The vocabulary that the two queues share: what a failure means, how long to wait, how to wake a sleeper.

mod backoff;
mod failure;

pub use backoff::Backoff;
pub use failure::Failure;
/// A wake-up is a hint: polling is the truth.
pub use tokio::sync::Notify as WakeUp;
