//! The identity provider's side: what it says of itself, its keys, and requests to it that stay bounded and lead nowhere
//! else.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreJsonWebKeySet, CoreProviderMetadata};
use openidconnect::url::Url;
use openidconnect::{DiscoveryError, HttpRequest, HttpResponse, http};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::settings::is_plain;
use super::{OidcError, Settings};
use crate::clock::Clock;
use crate::integrations::{Transport, TransportError};
use crate::urls::is_loopback;

/// One request to the provider. A person waits for up to four of them.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer of a provider: its keys and what it says of itself are a few KB, tokens with many groups some ten.
const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// How long the provider's description and keys count: a key that it takes back is out after this long.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(1);
/// Keys are not fetched anew sooner than this, so that forged tokens do not make requests of ours.
const KEYS_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);
/// A provider that could not be asked is left alone for so long: people hear so at once, and it is not flooded.
const AGAIN_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);

/// A provider and what is known of it.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    transport: Transport,
    clock: Clock,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    known: Option<Arc<Known>>,
    failed_at: Option<DateTime<Utc>>,
}

/// What a provider says of itself, with its keys.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its endpoints, and what it can do.
    pub(super) metadata: CoreProviderMetadata,
    /// Where people sign out of it, if it says so.
    pub(super) end_session_url: Option<Url>,
    since: DateTime<Utc>,
    keys_since: DateTime<Utc>,
}

/// What the library leaves out of a provider's description (RP-Initiated Logout).
#[derive(Debug, Default, Deserialize)]
struct Logout {
    end_session_endpoint: Option<String>,
}

/// Why a request to the provider has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("an endpoint that is not https, or an address of another machine")]
    Endpoint,
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl Provider {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Result<Self, TransportError> {
        let transport = Transport::new(REQUEST_TIMEOUT)?;
        Ok(Self { issuer: settings.issuer.clone(), transport, clock, cache: Mutex::default() })
    }

    /// What the provider says of itself; asked again after an hour.
    pub(super) async fn known(&self) -> Result<Arc<Known>, OidcError> {
        let mut cache = self.cache.lock().await;
        let now = self.clock.now();
        if let Some(known) = cache.known.as_ref().filter(|known| now - known.since < KNOWN_FOR) {
            return Ok(Arc::clone(known));
        }
        if cache.failed_at.is_some_and(|at| now - at < AGAIN_AFTER_FAILURE) {
            return Err(OidcError::Discovery("the provider could not be asked a moment ago".to_owned()));
        }
        match self.discover(now).await {
            Ok(known) => {
                let known = Arc::new(known);
                *cache = Cache { known: Some(Arc::clone(&known)), failed_at: None };
                Ok(known)
            }
            Err(error) => {
                *cache = Cache { known: None, failed_at: Some(now) };
                Err(error)
            }
        }
    }

    /// The same with keys that were fetched after `stale` was: for a token that none of its keys fits. `None`: they were
    /// fetched a moment ago, and nothing else is to be had.
    pub(super) async fn with_newer_keys(&self, stale: &Known) -> Result<Option<Arc<Known>>, OidcError> {
        let mut cache = self.cache.lock().await;
        let now = self.clock.now();
        let known = cache.known.clone().unwrap_or_else(|| Arc::new(stale.clone()));
        if known.keys_since > stale.keys_since {
            return Ok(Some(known));
        }
        if now - known.keys_since < KEYS_AGAIN_AFTER {
            return Ok(None);
        }
        let keys = self.keys(&known.metadata).await?;
        let metadata = known.metadata.clone().set_jwks(keys);
        let end_session_url = known.end_session_url.clone();
        let known = Arc::new(Known { metadata, end_session_url, since: known.since, keys_since: now });
        cache.known = Some(Arc::clone(&known));
        Ok(Some(known))
    }

    async fn discover(&self, now: DateTime<Utc>) -> Result<Known, OidcError> {
        let wrong = |detail: &str| OidcError::Discovery(detail.to_owned());
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let request = http::Request::get(url).header(http::header::ACCEPT, "application/json").body(Vec::new());
        let request = request.map_err(|_| wrong("the issuer is no URL"))?;
        let answer = self.call(request).await.map_err(|error| wrong(&error.to_string()))?;
        if answer.status() != http::StatusCode::OK {
            return Err(OidcError::Discovery(format!("HTTP {}", answer.status().as_u16())));
        }
        let metadata: CoreProviderMetadata =
            serde_json::from_slice(answer.body()).map_err(|_| wrong("no OpenID provider metadata"))?;
        if metadata.issuer().as_str() != self.issuer {
            return Err(wrong("it says another issuer than oidc.issuer, which must be the same to the letter"));
        }
        let token_url = metadata.token_endpoint().ok_or_else(|| wrong("there is no token endpoint"))?.url();
        let user_info = metadata.userinfo_endpoint().map(|endpoint| endpoint.url());
        let endpoints = [metadata.authorization_endpoint().url(), token_url, metadata.jwks_uri().url()];
        if endpoints.into_iter().chain(user_info).any(|url| !self.may_lead_to(url)) {
            return Err(wrong(&HttpError::Endpoint.to_string()));
        }
        // A browser goes there, not this program. What cannot be gone to is as good as none: nobody needs it to sign in.
        let logout: Logout = serde_json::from_slice(answer.body()).unwrap_or_default();
        let end_session_url = logout.end_session_endpoint.and_then(|text| text.parse().ok()).filter(is_plain);
        let keys = self.keys(&metadata).await?;
        Ok(Known { metadata: metadata.set_jwks(keys), end_session_url, since: now, keys_since: now })
    }

    async fn keys(&self, metadata: &CoreProviderMetadata) -> Result<CoreJsonWebKeySet, OidcError> {
        let http = |request| self.call(request);
        let keys = CoreJsonWebKeySet::fetch_async(metadata.jwks_uri(), &http).await.map_err(|error| {
            OidcError::Discovery(match error {
                DiscoveryError::Request(error) => format!("its keys: {error}"),
                DiscoveryError::Response(status, ..) => format!("its keys: HTTP {}", status.as_u16()),
                _ => "its keys are no JSON web key set".to_owned(),
            })
        })?;
        if keys.keys().is_empty() {
            return Err(OidcError::Discovery("it has no keys of a kind that is known here".to_owned()));
        }
        Ok(keys)
    }

    /// Sends a request of the OpenID library: over TLS, without redirects, bounded in time and size.
    pub(super) async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string().parse::<Url>().map_err(|_| HttpError::Endpoint)?;
        if !self.may_lead_to(&url) {
            return Err(HttpError::Endpoint);
        }
        let request = self.transport.client().request(parts.method, url).headers(parts.headers).body(body);
        let answer = self.transport.send_within(request, ANSWER_BYTES_MAX).await?;
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status).map_err(|_| TransportError::Broken)?;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    /// Whether the provider may name this endpoint: over TLS, and on another host than its own only by a name. So
    /// whatever it says, it makes this program ask nothing on this machine and no bare address in its network.
    fn may_lead_to(&self, url: &Url) -> bool {
        let is_own = Url::parse(&self.issuer).is_ok_and(|issuer| issuer.host() == url.host());
        let is_named = url.domain().is_some() && !is_loopback(url);
        is_plain(url) && (is_own || is_named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_leads_to_no_address_within_ones_own_network() {
        let provider = |issuer: &str| Provider {
            issuer: issuer.to_owned(),
            transport: Transport::new(REQUEST_TIMEOUT).unwrap(),
            clock: Clock::system(),
            cache: Mutex::default(),
        };
        let may = |issuer: &str, url: &str| provider(issuer).may_lead_to(&url.parse().unwrap());
        let issuer = "https://id.example.com/realm";
        assert!(may(issuer, "https://id.example.com/keys") && may(issuer, "https://keys.example.net/v1"));
        for url in [
            "http://id.example.com/keys",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://localhost/keys",
            "http://127.0.0.1:8080/keys",
            "https://user@id.example.com/keys",
            "https://2130706433/",
        ] {
            assert!(!may(issuer, url), "{url}");
        }
        assert!(may("http://127.0.0.1:9", "http://127.0.0.1:9/keys"), "for trying it out");
        assert!(!may("http://127.0.0.1:9", "http://127.0.0.2:9/keys"));
    }
}
