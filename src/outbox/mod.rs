//! The outbox: `jobs`. What must happen next: put up once for ever, claimed with a lease, settled behind a fence.

mod allowance;
mod claim;
pub mod dead;
pub mod operate;
mod put;
mod settle;

pub use allowance::{Allowance, give_back, take};
pub use claim::{Job, Terms, begin, claim, restore, stay_alive, unsettled};
pub use put::{NewJob, put};
pub use settle::{Delay, Outcome, Settled, postpone, settle};
