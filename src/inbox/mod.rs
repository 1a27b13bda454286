//! The inbox: `webhook_events`. Stored once, claimed under a row lock, settled in the transaction of its effects.

mod accept;
mod backlog;
mod claim;
mod event;
mod settle;

pub use accept::{Accepted, Audio, NewEvent, accept, accept_with_audio};
pub use backlog::{Backlog, backlog};
pub use claim::{Claim, claim};
pub use event::Event;
pub use settle::{Outcome, Postponed, Settled, postpone, settle};
