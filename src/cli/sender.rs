//! Sending a sample as its platform would: signed, over HTTP, to a connection of a running service.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::providers::Provider;
use crate::store::connections::Connection;

/// How long the service may take to answer: a little longer than http.answer_timeout.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What the service said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// `accepted` or `duplicate`.
    pub(super) outcome: Option<String>,
    /// The id of the event.
    pub(super) event_id: Option<String>,
    /// Why it was refused.
    pub(super) detail: Option<String>,
}

impl Answer {
    /// Whether the webhook was taken.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A client for a service of ours: reached directly, never by way of a proxy.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    // An error means that somebody chose a provider before: just as well.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| anyhow::anyhow!("no HTTP client: {}", error.without_url()))
}

/// Signs a sample with the connection's newest secret, sends it, and returns the answer, whatever it is. An error means
/// that there was none.
pub(super) async fn send(
    client: &reqwest::Client,
    base_url: &str,
    connection: &Connection,
    provider: &dyn Provider,
    body: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<Answer> {
    let secret = connection.secrets.first().map(|(_, secret)| secret);
    let outgoing = provider.sign(body, secret, now);
    let url = format!("{}/webhooks/{}/{}", base_url.trim_end_matches('/'), provider.name(), connection.slug);
    let mut request = client.post(url).header("content-type", outgoing.content_type);
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    if let Some((name, value)) = &connection.header {
        request = request.header(name, value.expose());
    }
    // The URL may be a secret: it is left out of errors.
    let response = request.body(outgoing.body).send().await.map_err(|error| {
        let why = if error.is_timeout() { "it did not answer in time" } else { "is `switchhook serve` running there?" };
        anyhow::anyhow!("no answer from {base_url}: {why}")
    })?;
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let mut answer = Answer {
        status: response.status().as_u16(),
        outcome: header("switchhook-outcome"),
        event_id: header("switchhook-event"),
        detail: None,
    };
    if !answer.is_success() {
        // RFC 9457.
        let problem: Option<serde_json::Value> = response.json().await.ok();
        answer.detail = problem.and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()));
    }
    Ok(answer)
}
