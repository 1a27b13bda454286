//! Who a request is from: its token, or the session in its cookie.

use actix_web::HttpRequest;
use actix_web::http::Method;
use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq;

use super::{Console, address, cookie};
use crate::access::{Right, Scope};
use crate::crypto::DigestKey;
use crate::redact::Secret;
use crate::store::{sessions, tokens};

/// The header that must repeat the session's secret in whatever changes something.
const CSRF_HEADER: &str = "x-csrf-token";
/// The header of what a page asks without anybody having done anything, so that a list that is left open stays signed in
/// no longer than `console.session_idle`.
const BY_ITSELF_HEADER: &str = "x-by-itself";

/// A request that was let in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who asks, and what they may see.
    pub scope: Scope,
    /// The session's secret, for forms; `None`: a token speaks for itself.
    pub csrf: Option<Secret>,
    /// When whoever it is changed something last, as far as that is kept.
    pub changed_at: Option<DateTime<Utc>>,
}

/// Why a request was not let in.
#[derive(Debug)]
pub enum Denied {
    /// It names no token or session that is good.
    Unknown,
    /// A session changes something without naming its secret, or at another site's request.
    Forged,
    /// Its role does not have the right.
    Forbidden,
    /// The password is right, and a code of the second factor is needed.
    CodeNeeded,
    /// The password is right, and the code is not, or was used before.
    WrongCode,
    /// The password is right, and this user must set up a second factor first, on the pages.
    SetUpNeeded,
    /// Too many; again after so many seconds.
    TooMany(u64),
    /// The database is away.
    Away(sqlx::Error),
}

impl Console {
    /// Lets a request in, if whoever it is from has the right. A form's secret is checked by who reads the form: `csrf`.
    pub async fn enter(&self, request: &HttpRequest, right: Right, csrf: Option<&str>) -> Result<Entry, Denied> {
        let entry = self.identify(request).await?;
        if let Some(seconds) = self.limits.request(entry.scope.actor().id, self.clock.now()) {
            return Err(Denied::TooMany(seconds));
        }
        let is_harmless = [Method::GET, Method::HEAD].contains(request.method());
        if let Some(expected) = entry.csrf.as_ref().filter(|_| !is_harmless) {
            let header = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
            let given = header.or(csrf).unwrap_or_default();
            let fits: bool = given.as_bytes().ct_eq(expected.expose().as_bytes()).into();
            if !fits || self.is_cross_site(request) {
                return Err(Denied::Forged);
            }
        }
        self.notice_proxy(request).await;
        if entry.scope.may(right) { Ok(entry) } else { Err(Denied::Forbidden) }
    }

    /// The session's id in the request's cookie.
    pub(super) fn session_id(&self, request: &HttpRequest) -> Option<Secret> {
        cookie::read(request, self.is_https(request))
    }

    /// Whether a browser says that another site made it send this.
    pub(super) fn is_cross_site(&self, request: &HttpRequest) -> bool {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let by_site = header("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site));
        let host = header("host").unwrap_or_default();
        let is_other =
            |origin: &str| origin != self.base_url && origin.split_once("://").is_none_or(|(_, from)| from != host);
        by_site || header("origin").is_some_and(is_other)
    }

    /// What digests are made with; the database is asked for it once.
    pub(super) async fn digests(&self) -> Result<&DigestKey, Denied> {
        self.keys.load(&self.pool).await.map_err(Denied::Away)
    }

    async fn identify(&self, request: &HttpRequest) -> Result<Entry, Denied> {
        let address = address::sender(request, &self.trusted_proxies);
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|text| text.strip_prefix("Bearer ")).map(|token| Secret::new(token.trim()));
        let key = self.digests().await?;
        let session_id = if token.is_none() { self.session_id(request) } else { None };
        let given = token.as_ref().or(session_id.as_ref());
        let is_issued = match (&token, &session_id) {
            (Some(token), _) => tokens::is_issued(key, token),
            (None, Some(id)) => sessions::is_issued(key, id),
            (None, None) => false,
        };
        let now = self.clock.now();
        if let Some(seconds) = given.and_then(|given| self.limits.is_not_looked_up(address, given, is_issued, now)) {
            return Err(Denied::TooMany(seconds));
        }
        let found = match &token {
            Some(token) => {
                let found = tokens::find(&self.pool, key, token).await.map_err(Denied::Away)?;
                found.map(|(scope, changed_at)| Entry { scope, csrf: None, changed_at })
            }
            None => match &session_id {
                // One that was made up costs the database nothing.
                Some(id) if is_issued => {
                    let idle = self.settings.session_idle;
                    let is_used = !request.headers().contains_key(BY_ITSELF_HEADER);
                    let session = sessions::find(&self.pool, key, id, idle, is_used).await.map_err(Denied::Away)?;
                    session.map(|session| Entry {
                        scope: session.scope,
                        csrf: Some(session.csrf),
                        changed_at: session.changed_at,
                    })
                }
                _ => None,
            },
        };
        if let (Some(given), Some(_)) = (given, &found) {
            self.limits.was_good(given, now);
        }
        let found = found.map(|entry| Entry { scope: entry.scope.at(address), ..entry });
        let ended = given.filter(|_| is_issued);
        found.ok_or_else(|| match self.limits.unknown(address, ended, now) {
            Some(seconds) => Denied::TooMany(seconds),
            None => Denied::Unknown,
        })
    }
}
