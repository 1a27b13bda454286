//! `[http]` of the configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

/// How the door stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen.
    pub bind: SocketAddr,
    /// The URL that platforms reach us by, for the URLs that are printed. Empty: `http://<bind>`.
    pub public_url: String,
    /// Threads that read requests; 0: one a core.
    pub threads: usize,
    /// Flushers: statements that may be on their way to the disk at once.
    pub flushers: usize,
    /// Webhooks in one commit at most.
    pub commit_rows_max: usize,
    /// Bodies held in memory at once, in bytes, beside the first 16 KiB of each. Beyond it requests get 503.
    pub in_flight_bytes_max: usize,
    /// Sockets that are open at once; 0: as many as there are descriptors for, 4,096 at most.
    pub sockets_max: usize,
    /// Of these, sockets of one network (an IPv4 address, an IPv6 /64) that is no trusted proxy.
    pub sockets_per_network: usize,
    /// How long a socket may stay open without a request.
    #[serde(with = "crate::duration_text")]
    pub keep_alive: Duration,
    /// Longest body in bytes, by platform; `default` for those not named.
    pub body_bytes_max: BTreeMap<String, usize>,
    /// How long the headers of a request may take.
    #[serde(with = "crate::duration_text")]
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    #[serde(with = "crate::duration_text")]
    pub body_timeout: Duration,
    /// How long a webhook may wait for the disk before it hears 503. Dialpad hangs up after 5 s.
    #[serde(with = "crate::duration_text")]
    pub answer_timeout: Duration,
    /// Proxies whose X-Forwarded-For is believed: addresses and networks.
    #[serde(deserialize_with = "crate::console::address::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Unverified requests (wrong signatures, unknown sources and routes, heads and bodies that do not come) that one
    /// network may make in a minute before it gets 429.
    pub unproven_per_minute: u32,
    /// Refusals written to `rejections` in a minute at most; the rest is summed up.
    pub rejections_per_minute: u32,
    /// How long requests are still served after SIGTERM, while `/readyz` says that no more should come.
    #[serde(with = "crate::duration_text")]
    pub drain_delay: Duration,
    /// Requests to a source that were not verified and are kept until its secret is mended: so many of each source; 0: none.
    pub kept_requests_max: u32,
    /// The same in bytes.
    pub kept_bytes_max: u64,
    /// How long they are kept.
    #[serde(with = "crate::duration_text")]
    pub kept_for: Duration,
    /// How long requests in flight may take when the program stops.
    #[serde(with = "crate::duration_text")]
    pub shutdown_timeout: Duration,
}

impl Settings {
    /// The longest body that this platform may send.
    pub fn body_limit(&self, provider: &str) -> usize {
        const FALLBACK: usize = 2 * 1024 * 1024;
        self.body_bytes_max.get(provider).or_else(|| self.body_bytes_max.get("default")).copied().unwrap_or(FALLBACK)
    }

    /// The URL that platforms reach us by, without a slash at its end.
    pub fn base_url(&self) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("http://{}", self.bind),
            url => url.to_owned(),
        }
    }
}
