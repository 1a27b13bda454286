//! The list APIs of the platforms: what calls there were. One file a platform, all of the same shape: a [`Listing`]
//! gives pages of calls, each wrapped into the form of the platform's webhook, so that the same handlers read it.
//!
//! What is read is read leniently: a list under another name, a field more or less is no failure. Each file names the
//! sources of what it claims; where a claim rests on one source that is not the platform's own, or on none, it says
//! "low confidence".

mod ask;
mod bolna;
mod dialpad;
mod elevenlabs;
mod retell;
mod voicenter;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::{Transport, TransportError};
use crate::clock::Clock;
use crate::redact::Secret;
use ask::Caller;

/// `[integrations.retell]`, `[integrations.elevenlabs]`, `[integrations.bolna]`, `[integrations.dialpad]`,
/// `[integrations.voicenter]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The API, without a path.
    pub base_url: String,
    /// The key that may list calls. Empty: not configured.
    pub api_key: Secret,
}

impl Settings {
    /// Whether the platform can be asked.
    pub fn is_configured(&self) -> bool {
        !self.base_url.is_empty() && !self.api_key.expose().is_empty()
    }
}

/// Calls that began from `since` on and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub since: DateTime<Utc>,
    /// The moment after the last.
    pub until: DateTime<Utc>,
}

/// The calls of one account in a window of time, page by page.
pub trait Listing: Send + Sync {
    /// The next page: bodies as the platform's webhooks have them. `None`: that was all.
    fn next_page(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>, Error>>;

    /// Whether the list is short, so that what matters must be asked for call by call.
    fn is_short(&self) -> bool {
        false
    }

    /// One call with everything, where the list is short. `None`: the platform does not have it any more.
    fn whole<'a>(&'a self, _call_id: &'a str) -> BoxFuture<'a, Result<Option<Value>, Error>> {
        async { Ok(None) }.boxed()
    }
}

/// The platforms that can be asked.
pub const ALL: &[&str] = &["bolna", "dialpad", "elevenlabs", "retell", "voicenter"];

/// A listing of this platform. `None`: it has no list API that we know.
pub fn list(
    platform: &str,
    settings: &Settings,
    transport: &Transport,
    clock: &Clock,
    window: Window,
) -> Option<Box<dyn Listing>> {
    let platform = ALL.iter().copied().find(|known| *known == platform)?;
    let caller = Caller::new(platform, settings, transport.clone(), clock.clone());
    Some(match platform {
        "bolna" => Box::new(bolna::Executions::new(caller, window)),
        "dialpad" => Box::new(dialpad::Calls::new(caller, window)),
        "elevenlabs" => Box::new(elevenlabs::Conversations::new(caller, window)),
        "retell" => Box::new(retell::Calls::new(caller, window)),
        _ => Box::new(voicenter::CallLog::new(caller, window)),
    })
}

/// Why calls could not be listed. No values in the texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer.
    #[error("{platform}: {error}")]
    Transport {
        /// Which.
        platform: &'static str,
        /// Why.
        error: TransportError,
    },
    /// The key is wrong, or may not list calls.
    #[error("{platform}: {said}: integrations.{platform}.api_key is wrong, or may not list calls")]
    NotAuthorized {
        /// Which.
        platform: &'static str,
        /// The platform's own number for it.
        said: String,
    },
    /// Too many requests, again and again.
    #[error("{platform}: too many requests")]
    Limited {
        /// Which.
        platform: &'static str,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// An answer that is no success.
    #[error("{platform}: {said}")]
    Refused {
        /// Which.
        platform: &'static str,
        /// The HTTP status.
        status: u16,
        /// The same in words, or the platform's own number for it.
        said: String,
    },
    /// Not what the platform is known to answer.
    #[error("{platform}: {what}")]
    Unreadable {
        /// Which.
        platform: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}
