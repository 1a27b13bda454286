//! The question that some platforms ask by GET once a URL is entered in their form: is it yours? Whoever can name the
//! connection's verify token gets the challenge back. A wrong one counts as a request without proof.

use std::net::IpAddr;

use actix_web::http::StatusCode;

use super::answer::Refused;
use super::connections::Known;
use super::server::Door;
use crate::providers::{
    self, Asked, Carried, Handshake, PlatformClass, Provider, Refusal, Verdict, VerifiedBy, verify,
};

/// Whether it names the connection's token. Digests are compared: they have one length, whatever was sent.
pub(super) fn is_right(door: &Door, known: &Known, handshake: &Result<Handshake, Refusal>) -> bool {
    match (handshake, &known.verify_token_digest) {
        (Ok(handshake), Some(digest)) => door
            .connections
            .verify_token_digest(&handshake.token)
            .is_some_and(|given| providers::same(&given, digest.expose())),
        _ => false,
    }
}

/// The challenge, where the token is the connection's.
pub(super) fn challenge(
    door: &Door,
    known: &Known,
    provider: &dyn Provider,
    address: Option<IpAddr>,
    handshake: Result<Handshake, Refusal>,
) -> Result<String, Refused> {
    let verify_token = is_right(door, known, &handshake);
    let carried = Carried { verify_token, address: known.admits(address), ..Carried::default() };
    let verdict = verify(PlatformClass::of(provider), known.has(), carried, Asked::UrlVerification);
    let why = match (verdict, handshake) {
        (Verdict::Accepted(VerifiedBy::VerifyToken), Ok(handshake)) => return Ok(handshake.challenge),
        (_, Ok(_)) if known.verify_token_digest.is_none() => {
            "not verified: this connection has no verify token".to_owned()
        }
        (_, Ok(_)) => "not verified: the verify token is wrong".to_owned(),
        (_, Err(refusal)) => refusal.to_string(),
    };
    Err(door.unproven(address, Refused::new(StatusCode::FORBIDDEN, "handshake", why)))
}
