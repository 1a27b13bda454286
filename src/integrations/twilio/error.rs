//! What Twilio's errors mean. Codes whose meaning is general knowledge rather than read in its pages are marked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::integrations::{Answer, TransportError, Verdict};

/// Why an SMS was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer.
    #[error("twilio: {0}")]
    Transport(TransportError),
    /// Longer than Twilio takes; it was not sent.
    #[error("twilio: the text is longer than 1600 characters")]
    TooLong,
    /// The recipient sent STOP (21610): never write again.
    #[error("twilio: error 21610, the recipient has opted out")]
    OptedOut,
    /// A status that is no success.
    #[error("twilio: status {status}, error {}", shown(*code))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Twilio's code; the body may be without.
        code: Option<u32>,
        /// What `Retry-After` said.
        wait: Option<Duration>,
    },
    /// Success, without a message in it.
    #[error("twilio: the answer cannot be read")]
    Unreadable,
    /// The message exists, and has failed.
    #[error("twilio: the message failed with error {}", shown(*code))]
    Failed {
        /// Twilio's code for it.
        code: Option<u32>,
    },
    /// The messages could not be listed.
    #[error("twilio: the messages were not listed: {0}")]
    NotListed(TransportError),
    /// The list of messages is none.
    #[error("twilio: the list of messages cannot be read")]
    UnreadableList,
}

/// Codes of requests, and of messages that failed later (30001 and up).
pub(super) const CODES: &[(u32, Verdict)] = &[
    (20003, Verdict::Refused), // credentials
    (20404, Verdict::Refused), // no such resource: the account in the path
    (20429, Verdict::Retry),   // "not processed, safe to retry"
    (21211, Verdict::Stop),    // bad To
    (21212, Verdict::Refused), // bad From, which is configuration (general knowledge)
    (21408, Verdict::Stop),    // the recipient's country is not enabled: others are
    (21606, Verdict::Refused), // From cannot send SMS
    (21608, Verdict::Refused), // a trial account writes to verified numbers only
    (21610, Verdict::Stop),    // the recipient sent STOP
    (21612, Verdict::Stop),    // no route
    (21614, Verdict::Stop),    // not a mobile
    (21617, Verdict::Stop),    // body too long (general knowledge)
    (21659, Verdict::Refused), // From is not a number of this account (general knowledge)
    (30001, Verdict::Retry),   // queue overflow
    (30002, Verdict::Refused), // account suspended
    (30003, Verdict::Stop),    // unreachable
    (30004, Verdict::Stop),    // blocked
    (30005, Verdict::Stop),    // unknown number
    (30006, Verdict::Stop),    // landline
    (30007, Verdict::Stop),    // carrier filter
    (30008, Verdict::Stop),    // unknown
];

#[derive(Deserialize)]
struct Body {
    code: Option<u32>,
}

impl Error {
    /// Reads an answer that is no success. Its message may quote the number: only the code goes on.
    pub(super) fn of_answer(answer: &Answer, now: DateTime<Utc>) -> Self {
        let code = serde_json::from_slice::<Body>(&answer.body).ok().and_then(|body| body.code);
        match code {
            Some(21610) => Self::OptedOut,
            _ => Self::Refused { status: answer.status, code, wait: answer.retry_after(now) },
        }
    }

    /// A question changes nothing, so there is no unknown outcome.
    pub(super) fn while_listing(self) -> Self {
        match self {
            Self::Refused { status: 500.., .. } => Self::UnreadableList,
            other => other,
        }
    }

    /// What it means for the job.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Transport(error) => error.verdict(),
            Self::TooLong | Self::OptedOut => Verdict::Stop,
            Self::Refused { status: 429, wait: Some(wait), .. } => Verdict::Wait(*wait),
            Self::Refused { status: 500.., .. } => Verdict::Unknown,
            Self::Refused { status, code, .. } => by_code(*code).unwrap_or_else(|| by_status(*status)),
            Self::Unreadable => Verdict::Unknown,
            Self::Failed { code } => by_code(*code).unwrap_or(Verdict::Stop),
            Self::NotListed(TransportError::NotMade) => Verdict::Refused,
            Self::NotListed(_) | Self::UnreadableList => Verdict::Retry,
        }
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

fn by_code(code: Option<u32>) -> Option<Verdict> {
    CODES.iter().find(|(known, _)| Some(*known) == code).map(|(_, verdict)| *verdict)
}

/// For answers without a code that is known.
fn by_status(status: u16) -> Verdict {
    match status {
        429 => Verdict::Retry,
        // A redirect is no answer of Twilio: the base URL is wrong.
        300..=399 | 401 | 403 | 404 => Verdict::Refused,
        _ => Verdict::Stop,
    }
}

fn shown(code: Option<u32>) -> String {
    code.map_or_else(|| "unknown".to_owned(), |code| code.to_string())
}
