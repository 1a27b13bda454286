//! A sign-in that was begun: one random value in the browser's cookie, from which state, nonce and PKCE verifier follow,
//! and a row with its digest that is taken away by the first callback. So nothing that is kept can be used by anybody.

use std::time::Duration;

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use sqlx::PgExecutor;
use subtle::ConstantTimeEq;

use super::OidcError;
use crate::console::cookie;
use crate::crypto::DigestKey;
use crate::redact::Secret;
use crate::store::oidc;

/// How long somebody may take at the provider: a password, a second factor, a new telephone for it.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

/// What the value is issued for.
const PURPOSE: &str = "oidc sign-in";

/// Over TLS: the prefix makes browsers refuse it from a sub-domain or over plain HTTP, so nobody can plant a sign-in of
/// their own in another's browser.
const SECURE_NAME: &str = "__Host-switchhook-oidc";
const PLAIN_NAME: &str = "switchhook-oidc";

/// A sign-in that was begun.
#[derive(Debug)]
pub(super) struct Attempt(Secret);

impl Attempt {
    /// Begins one that leads to this page of ours.
    pub(super) async fn begin(executor: impl PgExecutor<'_>, key: &DigestKey, next: &str) -> Result<Self, sqlx::Error> {
        let attempt = Self(key.issue(PURPOSE));
        oidc::begin(executor, &attempt.digest(), next, GOOD_FOR).await?;
        Ok(attempt)
    }

    /// The one that this browser began, if the state is its own. One that was made up costs the database nothing.
    pub(super) fn of(request: &HttpRequest, key: &DigestKey, is_https: bool, state: &str) -> Result<Self, OidcError> {
        let given = cookie::find(request, name(is_https));
        let attempt = Self(given.filter(|id| key.has_issued(PURPOSE, id.expose())).ok_or(OidcError::NoAttempt)?);
        let is_own: bool = attempt.state().expose().as_bytes().ct_eq(state.as_bytes()).into();
        if is_own { Ok(attempt) } else { Err(OidcError::State) }
    }

    /// Ends it; returns where it leads. It is good once, and not for long.
    pub(super) async fn end(&self, executor: impl PgExecutor<'_>) -> Result<String, OidcError> {
        oidc::end(executor, &self.digest()).await.map_err(OidcError::Away)?.ok_or(OidcError::Stale)
    }

    /// What comes back with the browser.
    pub(super) fn state(&self) -> Secret {
        self.derive("state")
    }

    /// What comes back in the ID token.
    pub(super) fn nonce(&self) -> Secret {
        self.derive("nonce")
    }

    /// What the code cannot be redeemed without.
    pub(super) fn verifier(&self) -> Secret {
        self.derive("PKCE verifier")
    }

    /// The header that hands it to the browser.
    pub(super) fn set_cookie(&self, is_https: bool) -> String {
        cookie_header(self.0.expose(), GOOD_FOR.as_secs(), is_https)
    }

    /// Each value tells nothing about the others.
    fn derive(&self, purpose: &str) -> Secret {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes());
        let mut mac = mac.expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        Secret::new(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// A digest needs no key and no slow hash: the value has 256 random bits.
    fn digest(&self) -> Vec<u8> {
        Sha256::digest(format!("oidc sign-in:{}", self.0.expose()).as_bytes()).to_vec()
    }
}

/// The header that takes it out of the browser.
pub(super) fn clear_cookie(is_https: bool) -> String {
    cookie_header("", 0, is_https)
}

/// Lax: it must come along when the provider sends the browser back.
fn cookie_header(value: &str, max_age_seconds: u64, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    format!("{}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}", name(is_https))
}

fn name(is_https: bool) -> &'static str {
    if is_https { SECURE_NAME } else { PLAIN_NAME }
}
