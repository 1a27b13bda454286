//! The vendors that we call: one file or folder each, with its client and an error that knows its verdict. Nothing in
//! here knows our tables.

pub mod crm;
pub mod email;
pub mod openai;
pub mod platforms;
pub mod slack;
mod transport;
pub mod twilio;
pub mod whatsapp;
pub mod zoho;

#[cfg(test)]
#[path = "../../tests/suite/support/vendors/mod.rs"]
mod stubs;

pub use transport::{Answer, Transport, TransportError};

use std::time::Duration;

/// What a failed request means for the job that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was not done; later it may be.
    Retry,
    /// It was not done; the vendor asks to wait this long.
    Wait(Duration),
    /// It was not done, and never will be: the request or its recipient is wrong.
    Stop,
    /// It was not done, and nothing of this kind will be until a person acts: credentials, permissions, money.
    Refused,
    /// Nobody knows whether it was done: it was sent, and no answer came.
    Unknown,
}
