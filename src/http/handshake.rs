//! The question that some platforms ask by GET once a URL is entered in their form: is it yours? Whoever can name the
//! connection's verify token gets the challenge back. A wrong one counts as a request without proof.

use std::net::IpAddr;

use actix_web::http::StatusCode;

use super::answer::Refused;
use super::connections::Known;
use super::server::Door;
use crate::providers::{self, Handshake, Refusal};
use crate::store::connections::verify_token_digest;

/// Whether it names the connection's token. Digests are compared: they have one length, whatever was sent.
pub(super) fn is_right(known: &Known, handshake: &Result<Handshake, Refusal>) -> bool {
    match (handshake, &known.verify_token_digest) {
        (Ok(handshake), Some(digest)) => providers::same(&verify_token_digest(&handshake.token), digest.expose()),
        _ => false,
    }
}

/// The challenge, where the token is the connection's.
pub(super) fn challenge(
    door: &Door,
    known: &Known,
    address: Option<IpAddr>,
    handshake: Result<Handshake, Refusal>,
) -> Result<String, Refused> {
    let is_right = is_right(known, &handshake);
    let why = match handshake {
        Ok(handshake) if is_right => return Ok(handshake.challenge),
        Ok(_) if known.verify_token_digest.is_none() => "not proven: this connection has no verify token".to_owned(),
        Ok(_) => "not proven: the verify token is wrong".to_owned(),
        Err(refusal) => refusal.to_string(),
    };
    Err(door.unproven(address, Refused::new(StatusCode::FORBIDDEN, "handshake", why)))
}
