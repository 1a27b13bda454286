//! What WhatsApp refuses, and what that means. The table is Meta's "Cloud API error codes", which says to build upon
//! the code and neither upon the message nor the HTTP status.

use std::fmt;
use std::time::Duration;

use crate::integrations::{TransportError, Verdict};

/// How much later "much later" is. Meta asks not to resend at once and names no time; four times a day is often enough
/// to use the day that its limits are counted over, and rare enough not to look like insisting.
const MUCH_LATER: Duration = Duration::from_hours(6);

/// What a code means: of a refused request, and of a status webhook `failed` after an accepted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Throughput, maintenance, a fault of theirs: with growing waits it will pass.
    Transient,
    /// Meta holds messages back, because of spam reports or because this person got enough marketing.
    Later,
    /// The person has not written within 24 hours: the same can be said with a template, and only so.
    WindowClosed,
    /// Token, permission, account or payment: no message will pass until a person acts.
    Credentials,
    /// The message or its template is wrong: it will never pass.
    Request,
    /// This person cannot be reached on WhatsApp, or not by this business.
    Recipient,
    /// This person wants no marketing from this business: an opt-out.
    OptedOut,
    /// A code that Meta's table did not have when this was written.
    Unlisted,
}

impl Class {
    /// What it means for the job.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Transient => Verdict::Retry,
            Self::Later => Verdict::Wait(MUCH_LATER),
            Self::Credentials => Verdict::Refused,
            Self::WindowClosed | Self::Request | Self::Recipient | Self::OptedOut => Verdict::Stop,
            // It was refused, and nobody knows whether the reason passes: a customer rather hears too little from us
            // than the same thing again and again. A person finds the code in the job and can let it go once more.
            Self::Unlisted => Verdict::Stop,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "transient",
            Self::Later => "much later",
            Self::WindowClosed => "24-hour window closed",
            Self::Credentials => "credentials or account",
            Self::Request => "message or template",
            Self::Recipient => "recipient",
            Self::OptedOut => "opted out",
            Self::Unlisted => "unlisted code",
        })
    }
}

/// The class of a code.
pub fn class_of(code: i64) -> Class {
    match code {
        2 | 4 | 80007 | 130429 | 131000 | 131016 | 131056 | 131057 | 133016 => Class::Transient,
        131048 | 131049 | 131064 => Class::Later,
        131047 => Class::WindowClosed,
        0 | 3 | 10 | 190 | 200..=299 | 368 | 131005 | 131031 | 131042 | 131045 => Class::Credentials,
        33 | 100 | 131008 | 131009 | 131021 | 131051..=131053 => Class::Request,
        132000 | 132001 | 132005 | 132007 | 132008 | 132012 | 132015 | 132016 | 132068 | 132069 => Class::Request,
        // Generic. Meta calls one more try fair; a message that is perhaps wrong is not worth the second one.
        135000 => Class::Request,
        130472 | 130497 | 131026 | 131030 | 131037 | 131062 | 131063 | 137000 => Class::Recipient,
        131050 => Class::OptedOut,
        _ => Class::Unlisted,
    }
}

/// Why a message was not sent, or may not have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no answer.
    #[error("WhatsApp: {0}")]
    Transport(#[from] TransportError),
    /// It was refused before it left.
    #[error("not sent to WhatsApp ({class}): {reason}")]
    NotSent {
        /// What is wrong.
        class: Class,
        /// In words.
        reason: &'static str,
    },
    /// WhatsApp has refused it.
    #[error("WhatsApp refused it ({class}): code {}, HTTP {status}", in_words(*.code))]
    Refused {
        /// What is wrong.
        class: Class,
        /// Meta's code.
        code: Option<i64>,
        /// The HTTP status.
        status: u16,
        /// The wait that the answer asked for.
        wait: Option<Duration>,
    },
    /// The answer leaves open whether it was accepted.
    #[error("WhatsApp answered HTTP {status} (code {}) and left open whether it took the message", in_words(*.code))]
    Uncertain {
        /// Meta's code, where there is one.
        code: Option<i64>,
        /// The HTTP status.
        status: u16,
    },
    /// A refusal, but not by WhatsApp, which always sends an error object.
    #[error("HTTP {status} is no answer of WhatsApp: is the configured URL right?")]
    NotWhatsApp {
        /// The HTTP status.
        status: u16,
    },
}

impl Error {
    /// What it means for the job.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Transport(error) => error.verdict(),
            Self::NotSent { class, .. } => class.verdict(),
            Self::Refused { class: Class::Transient, wait: Some(wait), .. } => Verdict::Wait(*wait),
            Self::Refused { class, .. } => class.verdict(),
            Self::Uncertain { .. } => Verdict::Unknown,
            Self::NotWhatsApp { .. } => Verdict::Refused,
        }
    }

    /// The class, where it was refused for a reason: a closed window has a template, an opt-out is to be kept.
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::NotSent { class, .. } | Self::Refused { class, .. } => Some(*class),
            Self::Transport(_) | Self::Uncertain { .. } | Self::NotWhatsApp { .. } => None,
        }
    }
}

fn in_words(code: Option<i64>) -> String {
    code.map_or_else(|| "none".to_owned(), |code| code.to_string())
}
