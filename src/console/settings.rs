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
    /// Failures of one network or browser for one login that cost no wait.
    pub sign_in_free_failures: u32,
    /// Failures of one network for any logins that cost no wait.
    pub sign_in_network_failures: u32,
    /// Failures for one login, from everywhere, after which attempts from places that it does not know take longer.
    pub sign_in_login_failures: u32,
    /// The first wait; each further failure doubles it.
    #[serde(with = "crate::duration_text")]
    pub sign_in_first_wait: Duration,
    /// The longest wait.
    #[serde(with = "crate::duration_text")]
    pub sign_in_longest_wait: Duration,
    /// Whether everybody with a password must have a second factor.
    pub second_factor: SecondFactor,
    /// How long one statement of a page or of the API may run.
    #[serde(with = "crate::duration_text")]
    pub statement_timeout: Duration,
    /// Connections of this process for pages and the API, beside `database.max_connections`.
    pub connections: u32,
    /// Whether /metrics answers without a token.
    pub open_metrics: bool,
}

/// Whether people must have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// Those who want it, or whom an admin obliges.
    Optional,
    /// Everybody who signs in with a password.
    Required,
}

impl SecondFactor {
    /// Whether everybody must.
    pub fn is_required(self) -> bool {
        self == Self::Required
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| serde::de::Error::custom("not an address such as 127.0.0.1:8081"))
}
