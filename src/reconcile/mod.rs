//! Reconciliation: asks the platforms what calls there were, and stores those that never came, or came in part, as events
//! that meet the same handlers.
//!
//! - **What is missing** is judged by the rows: each listed call goes through its platform's own handler, and what that says
//!   is compared with `calls` (`missing.rs`). An event row that was lost although the call is whole is no loss.
//! - **Once.** The key of such an event is `call id : type : digest of the record : reconciled`: asked again, the same record
//!   is a duplicate, a changed one a new event that merges, and a webhook that comes late is stored as what it is.
//! - **A late webhook changes nothing**, for the event's time is when the platform was asked: what was so then counts over
//!   what was reported before, and under what is reported later. (It may add what the list does not have.)
//! - **Nothing is held** while the platform is asked: no transaction, and instead of a lock a lease that ends by itself.

mod connections;
mod history;
mod judge;
mod lease;
mod missing;
mod run;
mod schedule;

pub use connections::{Candidate, candidates, unambiguous};
pub use history::{RunRow, runs};
pub use missing::Missing;
pub use run::{Failure, Options, Reconciler, Report};
pub use schedule::Schedule;

use std::time::Duration;

use serde::Deserialize;

/// `[reconcile]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How often; zero: never.
    #[serde(with = "crate::duration_text")]
    pub every: Duration,
    /// How far back the calls began that are looked at.
    #[serde(with = "crate::duration_text")]
    pub lookback: Duration,
    /// Calls that ended later than this long ago are left to their webhooks.
    #[serde(with = "crate::duration_text")]
    pub grace: Duration,
}
