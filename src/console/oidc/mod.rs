//! Signing in with an identity provider, by OpenID Connect: the authorization code flow with PKCE. The provider says who
//! somebody is and which groups they are in; `[oidc]` says what these groups may do here, at every sign-in anew.

mod attempt;
mod error;
mod grant;
mod person;
mod provider;
mod settings;
mod sign_in;

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::limits::Window;
use crate::clock::Clock;
use crate::integrations::TransportError;

pub use error::OidcError;
pub use settings::{Grant, Settings};
pub use sign_in::{Begun, Callback, Failed, Finished};

/// Where the provider sends people back to.
pub const CALLBACK_PATH: &str = "/sign-in/oidc/callback";
/// Where it sends people back to who have signed out.
const SIGNED_OUT_PATH: &str = "/sign-in";
/// How long somebody who signs out waits for what the provider says of itself; it is known already, as a rule.
const SIGN_OUT_WAIT: Duration = Duration::from_secs(2);
/// Callbacks that are worked on at once: each makes up to four requests to the provider.
const CALLBACKS_AT_ONCE: usize = 8;

/// The identity provider that people may sign in with.
#[derive(Debug)]
pub struct Oidc {
    settings: Settings,
    callback_url: String,
    provider: provider::Provider,
    callbacks: Semaphore,
    networks: Window<IpAddr>,
}

impl Oidc {
    /// The provider of these settings; `None`: none is configured. `base_url`: what people reach this program by.
    pub fn new(settings: Settings, base_url: &str, clock: Clock) -> Result<Option<Self>, TransportError> {
        if !settings.is_enabled() {
            return Ok(None);
        }
        let callback_url = settings.callback_url(base_url);
        let provider = provider::Provider::new(&settings, clock)?;
        let (callbacks, networks) = (Semaphore::new(CALLBACKS_AT_ONCE), Window::default());
        Ok(Some(Self { settings, callback_url, provider, callbacks, networks }))
    }

    /// What the button on the sign-in page says.
    pub fn button(&self) -> &str {
        self.settings.button.trim()
    }

    /// Whether passwords count beside the provider.
    pub fn takes_passwords(&self) -> bool {
        self.settings.passwords
    }

    /// Where the browser goes to end the session at the provider, too, and comes back from to the page where one signs in
    /// (OpenID Connect RP-Initiated Logout). `None`: it is not wanted, the provider has no such place, or it is away: then
    /// nobody is kept waiting, the session here has ended.
    pub async fn sign_out_url(&self) -> Option<String> {
        if !self.settings.sign_out_at_provider {
            return None;
        }
        let known = tokio::time::timeout(SIGN_OUT_WAIT, self.provider.known()).await.ok()?.ok()?;
        let mut url = known.end_session_url.clone()?;
        let back = self.callback_url.strip_suffix(CALLBACK_PATH)?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{back}{SIGNED_OUT_PATH}"));
        Some(url.into())
    }

    /// Asks the provider what it is, and for its keys: for `doctor`. The error says what is wrong.
    pub async fn check(&self) -> Result<(), OidcError> {
        self.provider.known().await.map(|_| ())
    }
}
