//! HTTP to vendors: bounded in time and size, and honest about what may have happened.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;

use super::Verdict;
use crate::urls;

/// The longest answer that is read: the longest that a vendor has a reason to send.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for all vendors: it keeps connections, and follows no redirect, which would carry credentials elsewhere.
#[derive(Clone, Debug)]
pub struct Transport {
    client: reqwest::Client,
}

/// What a vendor answered, whatever it is.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The request never left.
    #[error("no connection")]
    NotSent,
    /// It may have arrived.
    #[error("no answer in time")]
    TimedOut,
    /// It may have arrived.
    #[error("the connection broke before the answer was there")]
    Broken,
    /// It arrived, and what came back is no answer of this vendor.
    #[error("the answer is longer than any answer of this vendor")]
    TooLong,
    /// The address in the configuration cannot be called.
    #[error("the request could not be made: is the configured URL right, and https?")]
    NotMade,
}

impl TransportError {
    /// What it means for the job.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::NotSent => Verdict::Retry,
            Self::TimedOut | Self::Broken | Self::TooLong => Verdict::Unknown,
            Self::NotMade => Verdict::Refused,
        }
    }
}

impl Transport {
    /// A client whose requests take this long at most.
    pub fn new(timeout: Duration) -> Result<Self, TransportError> {
        // An error means that somebody chose a provider before: just as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("switchhook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| TransportError::NotMade)?;
        Ok(Self { client })
    }

    /// The client, for building requests that [`Transport::send`] sends.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, TransportError> {
        self.send_within(request, ANSWER_BYTES_MAX).await
    }

    /// The same, with an answer of at most so many bytes.
    pub async fn send_within(
        &self,
        request: reqwest::RequestBuilder,
        bytes_max: usize,
    ) -> Result<Answer, TransportError> {
        let (client, request) = request.build_split();
        let request = request.map_err(classify)?;
        // The configuration refuses such URLs; some come from a vendor's answer.
        if urls::is_in_clear(request.url()) {
            return Err(TransportError::NotMade);
        }
        let mut response = client.execute(request).await.map_err(classify)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| TransportError::Broken)? {
            if body.len() + chunk.len() > bytes_max {
                return Err(TransportError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// The wait that `Retry-After` asks for: whole seconds, or a date.
    pub fn retry_after(&self, now: chrono::DateTime<chrono::Utc>) -> Option<Duration> {
        let text = self.headers.get("retry-after")?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = chrono::DateTime::parse_from_rfc2822(text).ok()?.to_utc();
        Some((at - now).to_std().unwrap_or(Duration::ZERO))
    }
}

/// The error itself names the URL, which may be a secret: only its kind goes on.
fn classify(error: reqwest::Error) -> TransportError {
    if error.is_builder() {
        TransportError::NotMade
    } else if error.is_connect() {
        TransportError::NotSent
    } else if error.is_timeout() {
        TransportError::TimedOut
    } else {
        TransportError::Broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_sent_in_clear_beyond_this_machine() {
        let transport = Transport::new(Duration::from_secs(1)).unwrap();
        let request = transport.client().get("http://192.0.2.1/").bearer_auth("token");
        assert_eq!(transport.send(request).await.unwrap_err(), TransportError::NotMade);
    }
}
