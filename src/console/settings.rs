//! `[console]` of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// How the API and the pages stand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the API and the pages listen; `None`: beside the door, at `http.bind`.
    #[serde(deserialize_with = "address")]
    pub bind: Option<SocketAddr>,
    /// A session that is not used for so long is over.
    #[serde(with = "crate::duration_text")]
    pub session_idle: Duration,
    /// And after this long in any case.
    #[serde(with = "crate::duration_text")]
    pub session_longest: Duration,
    /// Requests that one token or user may make in a minute before they hear 429; counted by each process.
    pub requests_per_minute: u32,
    /// Attempts to log in from one address in a quarter of an hour.
    pub attempts_per_address: u32,
    /// Attempts to log in with one name in a quarter of an hour.
    pub attempts_per_login: u32,
    /// How long one statement of a page or of the API may run.
    #[serde(with = "crate::duration_text")]
    pub statement_timeout: Duration,
    /// Connections of this process for pages and the API, beside `database.max_connections`.
    pub connections: u32,
    /// Whether /metrics answers without a token.
    pub open_metrics: bool,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| serde::de::Error::custom("not an address such as 127.0.0.1:8081"))
}
