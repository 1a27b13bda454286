//! What the API refuses, and what that means (developers.openai.com, "Error codes"; the `error` object inside a
//! response whose status is `failed`).

use std::fmt;
use std::time::Duration;

use super::Usage;
use crate::integrations::{TransportError, Verdict};

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Too many requests or tokens just now.
    Limited,
    /// A fault of theirs, or too much to do.
    Overloaded,
    /// Nothing more can be bought: quota, credit, spend limit.
    Money,
    /// The key, its organisation, this address or region.
    Credentials,
    /// The model, the stored prompt or the URL is not there.
    Configuration,
    /// This request: its schema, its length, what is in it.
    Request,
}

impl Class {
    /// What it means for the job, where the answer asks for no wait.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Limited | Self::Overloaded => Verdict::Retry,
            Self::Money | Self::Credentials | Self::Configuration => Verdict::Refused,
            Self::Request => Verdict::Stop,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limited => "rate limit",
            Self::Overloaded => "overloaded or failed",
            Self::Money => "quota or credit at its end",
            Self::Credentials => "credentials",
            Self::Configuration => "model, prompt or URL",
            Self::Request => "request",
        })
    }
}

/// The class of an error: by its code where that tells, else by the HTTP status. `kind` is the error's `type`.
/// A response that failed in its body has status 200.
pub fn class_of(status: u16, code: &str, kind: &str) -> Class {
    match (status, code) {
        (_, "rate_limit_exceeded" | "slow_down") => Class::Limited,
        _ if is_about_money(status, code, kind) => Class::Money,
        (_, "server_error" | "server_is_overloaded") => Class::Overloaded,
        (401 | 403, _) => Class::Credentials,
        (429, _) => Class::Limited,
        (408 | 409 | 500.., _) => Class::Overloaded,
        // What is asked for by name in every request, and never depends on what was said in a call.
        (300..=399 | 404, _) => Class::Configuration,
        // In the body too: invalid_prompt, policies, images. vector_store_timeout could be tried once more, but we
        // have no vector store.
        _ => Class::Request,
    }
}

/// An empty account answers 429 like a busy one; its `type` stays `insufficient_quota` while its code may be finer.
/// The code of the spend limit is not documented.
fn is_about_money(status: u16, code: &str, kind: &str) -> bool {
    let is_known = matches!(code, "insufficient_quota" | "credit_balance_exhausted") || kind == "insufficient_quota";
    is_known || (status == 429 && ["quota", "credit", "spend", "billing"].iter().any(|word| code.contains(word)))
}

/// Why there is no answer to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none at all. It may have been worked out, and be billed.
    #[error("OpenAI: {0}")]
    Transport(#[from] TransportError),
    /// It was not asked.
    #[error("not sent to OpenAI ({class}): {reason}")]
    NotSent {
        /// What is wrong.
        class: Class,
        /// In words.
        reason: &'static str,
    },
    /// The API has refused it, or has begun it and failed (status 200).
    #[error("OpenAI refused it ({class}): code {code}, HTTP {status}")]
    Refused {
        /// What is wrong.
        class: Class,
        /// The HTTP status.
        status: u16,
        /// The API's code.
        code: String,
        /// The wait that the answer asks for.
        wait: Option<Duration>,
        /// What it used nevertheless.
        usage: Option<Usage>,
    },
    /// The model does not want to: it would not another time either.
    #[error("the model refuses to answer")]
    Refusal {
        /// What it used nevertheless.
        usage: Option<Usage>,
    },
    /// The answer was cut: too long, or stopped by a filter. Another one would be cut as well.
    #[error("the answer was cut: {reason}")]
    Incomplete {
        /// The API's word: `max_output_tokens`, `content_filter` …
        reason: String,
        /// What it used nevertheless.
        usage: Option<Usage>,
    },
    /// Somebody with the same account has cancelled it.
    #[error("the answer was cancelled at OpenAI")]
    Cancelled,
    /// It goes on without us, though nobody asked for that.
    #[error("OpenAI still works on the answer: status {status}")]
    Unfinished {
        /// The API's word: `queued`, `in_progress`.
        status: String,
    },
    /// Success, with nothing in it that can be read.
    #[error("the answer is not the JSON that was asked for")]
    Unreadable {
        /// What it used nevertheless.
        usage: Option<Usage>,
    },
}

impl Error {
    /// What it means for the job. `Unknown` costs a second answer where it is sent again, and nothing else.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Transport(error) => error.verdict(),
            Self::Refused { class: Class::Limited | Class::Overloaded, wait: Some(wait), .. } => Verdict::Wait(*wait),
            Self::NotSent { class, .. } | Self::Refused { class, .. } => class.verdict(),
            Self::Refusal { .. } | Self::Incomplete { .. } => Verdict::Stop,
            Self::Cancelled => Verdict::Retry,
            Self::Unfinished { .. } | Self::Unreadable { .. } => Verdict::Unknown,
        }
    }

    /// The tokens that were used although there is nothing to show for them: they are billed.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Refused { usage, .. }
            | Self::Refusal { usage }
            | Self::Incomplete { usage, .. }
            | Self::Unreadable { usage } => *usage,
            Self::Transport(_) | Self::NotSent { .. } | Self::Cancelled | Self::Unfinished { .. } => None,
        }
    }
}
