//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

/// The sender's address: the peer's, or, behind proxies that are trusted, the last address in X-Forwarded-For that is
/// not one of theirs. What stands further left was written by the sender and proves nothing.
pub fn sender(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !is_within(peer, trusted) {
        return Some(peer);
    }
    let hops = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in hops.iter().rev() {
        // A hop that is no address cannot be trusted, and neither can anything left of it.
        let Ok(address) = hop.parse::<IpAddr>() else { return Some(peer) };
        if !is_within(address.to_canonical(), trusted) {
            return Some(address.to_canonical());
        }
    }
    Some(peer)
}

/// Whom an address is counted for: whoever has one IPv6 address has the other 2^64 of its network as well.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// Whether an address is in one of these networks.
pub fn is_within(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// A network, or a single address.
pub fn parse(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(|address| address.to_canonical().into()))
}

/// Reads a list of them, for `#[serde(deserialize_with = "crate::console::address::networks")]`.
pub fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: &String| {
        let wrong = || format!("{text} is neither an address nor a network: write 192.0.2.7 or 10.0.0.0/8");
        parse(text).ok_or_else(|| D::Error::custom(wrong()))
    };
    texts.iter().map(network).collect()
}

/// Whether the sender spoke TLS: with us never, so with a proxy that is trusted, which says so.
pub fn is_https(request: &HttpRequest, trusted: &[IpNet]) -> bool {
    let is_trusted = request.peer_addr().is_some_and(|peer| is_within(peer.ip().to_canonical(), trusted));
    let header = request.headers().get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    is_trusted && header.is_some_and(|proto| proto.rsplit(',').next().is_some_and(|last| last.trim() == "https"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn seen(peer: &str, forwarded: &str) -> String {
        let trusted = [parse("10.0.0.0/8").unwrap()];
        let request = TestRequest::default()
            .peer_addr(format!("{peer}:1").parse().unwrap())
            .insert_header(("x-forwarded-for", forwarded))
            .to_http_request();
        sender(&request, &trusted).unwrap().to_string()
    }

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        assert_eq!(seen("192.0.2.1", "198.51.100.7"), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", "198.51.100.7, nonsense"), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", ""), "10.0.0.1");
    }
}
