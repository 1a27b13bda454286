//! Proof of the sender: what a connection asks for, and whether a delivery has it.

use chrono::{DateTime, Utc};

use super::{Delivery, Provider, crypto::same};
use crate::redact::Secret;

/// What a connection asks of its sender.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Any of these proves a delivery.
    pub secrets: Vec<Secret>,
    /// A static header that must be there as well.
    pub header: Option<(String, Secret)>,
    /// The URL cannot be guessed and is the proof.
    pub url_is_secret: bool,
    /// Nothing is asked, in so many words.
    pub allow_unsigned: bool,
}

/// How a delivery was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the secret at this place of [`Credentials::secrets`].
    Secret(usize),
    /// By the static header.
    Header,
    /// By the URL.
    Url,
    /// Not at all, as the connection allows.
    Unsigned,
}

/// Why a delivery is refused. The texts go to the sender and into `rejections`: no values in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 401.
    #[error("not proven: {0}")]
    NotProven(&'static str),
    /// 400.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

/// Whether a delivery comes from who it says.
pub fn prove(
    provider: &dyn Provider,
    delivery: &Delivery<'_>,
    credentials: &Credentials,
    now: DateTime<Utc>,
) -> Result<Proof, Refusal> {
    if let Some((name, value)) = &credentials.header {
        let given = delivery.header(name).ok_or(Refusal::NotProven("the static header is missing"))?;
        if !same(given.as_bytes(), value.expose().as_bytes()) {
            return Err(Refusal::NotProven("the static header is wrong"));
        }
    }
    let mut refusal = Refusal::NotProven("the connection has no secret, and does not allow unsigned requests");
    for (place, secret) in credentials.secrets.iter().enumerate() {
        match provider.check(delivery, secret, now) {
            Ok(()) => return Ok(Proof::Secret(place)),
            Err(why) => refusal = why,
        }
    }
    match credentials {
        Credentials { secrets, .. } if !secrets.is_empty() => Err(refusal),
        Credentials { header: Some(_), .. } => Ok(Proof::Header),
        Credentials { url_is_secret: true, .. } => Ok(Proof::Url),
        Credentials { allow_unsigned: true, .. } => Ok(Proof::Unsigned),
        _ => Err(refusal),
    }
}

/// The check of platforms that sign nothing but let one add a header or choose the URL: the secret as
/// `X-Webhook-Token`, as a bearer token, or as the query parameter `token`.
pub(super) fn shared_token(delivery: &Delivery<'_>, secret: &Secret) -> Result<(), Refusal> {
    let bearer = delivery.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
    let query = delivery.query.split('&').find_map(|pair| pair.strip_prefix("token="));
    let given = delivery.header("x-webhook-token").or(bearer).or(query);
    match given {
        None => Err(Refusal::NotProven("the token is missing: X-Webhook-Token, Authorization: Bearer, or ?token=")),
        // An empty secret proves nothing.
        Some(given) if !secret.expose().is_empty() && same(given.as_bytes(), secret.expose().as_bytes()) => Ok(()),
        Some(_) => Err(Refusal::NotProven("the token is wrong")),
    }
}
