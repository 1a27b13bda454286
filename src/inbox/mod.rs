//! The inbox: `webhook_events`. Stored once, claimed under a row lock, settled in the transaction of its effects.

mod accept;
mod backlog;
mod claim;
mod event;
mod lane;
mod load;
pub mod operate;
pub mod pulse;
pub mod search;
mod settle;
pub mod statistics;

pub use accept::{
    Accepted, Audio, NewEvent, accept, accept_reconciled, accept_recovered, accept_spooled, accept_spooled_with_audio,
    accept_with_audio,
};
pub use backlog::{Backlog, backlog};
pub use claim::{Claim, claim, hand_over};
pub use event::Event;
pub use lane::{Lanes, Look};
pub use load::load;
pub use search::Filter;
pub use settle::{Outcome, Postponed, Settled, postpone, remove_payloads, settle};

/// The provider of results that come back as events: nobody outside can send any.
pub const RESULTS_PROVIDER: &str = "switchhook";
