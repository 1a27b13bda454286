//! A proxy that is not trusted: behind it all people share one address, and are slowed together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use actix_web::HttpRequest;

use super::{Console, address};
use crate::db;
use crate::store::attempts;

/// Peers that are remembered; a real installation has one proxy or two.
const PEERS_MAX: usize = 20;
/// How often a peer is noted.
const NOTED_EVERY_SECONDS: i64 = 3600;

/// When each peer was noted.
#[derive(Debug, Default)]
pub(super) struct Proxies(Mutex<HashMap<IpAddr, i64>>);

impl Console {
    /// Notes a peer that speaks for a person who is signed in, and is not trusted to: once an hour, for `doctor`, and once
    /// in the log. (What strangers write into the header means nothing.)
    pub(super) async fn notice_proxy(&self, request: &HttpRequest) {
        if !request.headers().contains_key("x-forwarded-for") {
            return;
        }
        let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else { return };
        if address::is_within(peer, &self.trusted_proxies) {
            return;
        }
        let now = self.clock.now().timestamp();
        let is_first = {
            let Ok(mut peers) = self.proxies.0.lock() else { return };
            let noted = peers.get(&peer).copied();
            if noted.is_some_and(|at| now - at < NOTED_EVERY_SECONDS) || noted.is_none() && peers.len() >= PEERS_MAX {
                return;
            }
            peers.insert(peer, now);
            peers.len() == 1 && noted.is_none()
        };
        if is_first {
            tracing::warn!(
                "requests come with X-Forwarded-For from a peer that is not in http.trusted_proxies: all people behind it \
                 count as one address; `switchhook doctor` names the peer"
            );
        }
        if let Err(error) = attempts::note_proxy(&self.pool, peer).await {
            tracing::warn!(error = %db::describe(&error), "a proxy that is not trusted was not noted");
        }
    }
}
