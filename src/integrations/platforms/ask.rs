//! Asking a platform, with patience: what passes is asked again, what it asks us to wait is waited for, within bounds.

use std::time::Duration;

use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use super::{Error, Settings};
use crate::clock::Clock;
use crate::integrations::{Answer, Transport, TransportError};
use crate::redact::Secret;

/// A request is made this often at most.
const ATTEMPTS_MAX: u32 = 4;
/// The wait after the first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// A longer wait than this ends the run: the next one goes on.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Asks one account of one platform.
pub(super) struct Caller {
    pub(super) platform: &'static str,
    pub(super) api_key: Secret,
    base_url: String,
    transport: Transport,
    clock: Clock,
    read: fn(&Caller, &Answer) -> Result<Value, Error>,
}

impl Caller {
    pub(super) fn new(platform: &'static str, settings: &Settings, transport: Transport, clock: Clock) -> Self {
        let base_url = settings.base_url.trim_end_matches('/').to_owned();
        Self { platform, api_key: settings.api_key.clone(), base_url, transport, clock, read: Self::read_by_status }
    }

    /// The same with a reading of its own, for a platform whose errors stand in the body.
    pub(super) fn reading(self, read: fn(&Caller, &Answer) -> Result<Value, Error>) -> Self {
        Self { read, ..self }
    }

    /// The address of a path, with these arguments.
    pub(super) fn url(&self, path: &[&str], arguments: &[(&str, &str)]) -> Result<Url, Error> {
        let not_made = |error| Error::Transport { platform: self.platform, error };
        let mut url: Url = self.base_url.parse().map_err(|_| not_made(TransportError::NotMade))?;
        url.path_segments_mut().map_err(|()| not_made(TransportError::NotMade))?.pop_if_empty().extend(path);
        if !arguments.is_empty() {
            url.query_pairs_mut().extend_pairs(arguments);
        }
        Ok(url)
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        self.transport.client()
    }

    /// Sends what `request` makes until there is an answer that counts.
    pub(super) async fn ask(&self, request: impl Fn() -> RequestBuilder + Send + Sync) -> Result<Value, Error> {
        let mut attempt = 1;
        loop {
            let result = match self.transport.send(request()).await {
                Ok(answer) => (self.read)(self, &answer),
                Err(error) => Err(Error::Transport { platform: self.platform, error }),
            };
            let error = match result {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            let Some(wait) = wait(&error, attempt).filter(|wait| attempt < ATTEMPTS_MAX && *wait <= WAIT_MAX) else {
                return Err(error);
            };
            tracing::info!(platform = self.platform, attempt, %error, "asking again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// The ordinary reading: the status decides.
    pub(super) fn read_by_status(&self, answer: &Answer) -> Result<Value, Error> {
        let platform = self.platform;
        let said = || format!("status {}", answer.status);
        match answer.status {
            200..=299 => serde_json::from_slice(&answer.body).map_err(|_| self.unreadable("what answered is not JSON")),
            401 | 403 => Err(Error::NotAuthorized { platform, said: said() }),
            429 => Err(Error::Limited { platform, wait: answer.retry_after(self.clock.now()) }),
            status => Err(Error::Refused { platform, status, said: said() }),
        }
    }

    pub(super) fn unreadable(&self, what: &'static str) -> Error {
        Error::Unreadable { platform: self.platform, what }
    }

    /// The list that stands under one of these names, or is the whole answer.
    pub(super) fn list(&self, body: &mut Value, names: &[&str]) -> Result<Vec<Value>, Error> {
        let found = match body {
            Value::Array(_) => Some(body.take()),
            Value::Object(object) => names.iter().find_map(|name| object.remove(*name)),
            _ => None,
        };
        match found {
            Some(Value::Array(list)) => Ok(list),
            // Some write null where there is nothing.
            Some(Value::Null) => Ok(Vec::new()),
            _ => Err(self.unreadable("the answer holds no list of calls")),
        }
    }
}

/// How long to wait before asking again. `None`: asking again is no use.
fn wait(error: &Error, attempt: u32) -> Option<Duration> {
    let doubled = FIRST_WAIT * 2_u32.saturating_pow(attempt.saturating_sub(1));
    match error {
        Error::Limited { wait, .. } => Some(wait.unwrap_or(doubled)),
        // Listing changes nothing: it may always be repeated.
        Error::Transport { error, .. } => {
            matches!(error, TransportError::NotSent | TransportError::TimedOut | TransportError::Broken)
                .then_some(doubled)
        }
        Error::Refused { status: 408 | 500.., .. } => Some(doubled),
        _ => None,
    }
}
