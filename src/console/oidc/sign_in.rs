//! Both halves of a sign-in: to the provider, and back.

use actix_web::HttpRequest;

use super::attempt::{self, Attempt};
use super::{Oidc, OidcError, grant, person};
use crate::access::Actor;
use crate::console::trail::Of;
use crate::console::{Console, Denied, SignedIn, address};
use crate::crypto::hex;
use crate::db;
use crate::redact::Secret;
use crate::store::operator_log::{Action, Id, Line, Text};

/// Sign-ins that one network may begin and end in a minute: an office of hundreds behind one address in the morning, and
/// not what keeps a provider busy.
const PER_MINUTE: u32 = 120;
/// The longest page of ours that a sign-in leads back to; a longer one is forgotten.
const NEXT_BYTES_MAX: usize = 2000;

/// Errors that the standards name, which may stand in a log.
const PROVIDERS_ERRORS: [&str; 14] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_scope",
    "login_required",
    "request_not_supported",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_response_type",
];

/// A sign-in that was begun.
#[derive(Debug)]
pub struct Begun {
    /// The value of `Set-Cookie`.
    pub set_cookie: String,
    /// Where the browser goes.
    pub location: String,
}

/// What the browser brings back from the provider.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    /// What the provider was given.
    pub state: String,
    /// What is redeemed at the provider.
    pub code: Option<Secret>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who answers (RFC 9207).
    pub issuer: Option<String>,
}

/// A sign-in that has ended well.
#[derive(Debug)]
pub struct Finished {
    /// The session.
    pub signed_in: SignedIn,
    /// The page that was asked for. Whether it is one of ours is for who leads there.
    pub next: String,
    /// The value of `Set-Cookie` that takes the attempt out of the browser.
    pub clear_cookie: String,
}

/// A sign-in that has ended without a session.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: OidcError,
    /// By which the log's line is found.
    pub reference: String,
    /// The value of `Set-Cookie`, if the attempt is over.
    pub clear_cookie: Option<String>,
}

impl Console {
    /// Begins a sign-in that leads to this page of ours.
    pub async fn begin_oidc(&self, oidc: &Oidc, request: &HttpRequest, next: &str) -> Result<Begun, Failed> {
        let begun = async {
            self.count_oidc(oidc, request)?;
            // First the provider: where it is away, nothing is begun.
            let known = oidc.provider.known().await?;
            let next = if next.len() > NEXT_BYTES_MAX { "" } else { next };
            let key = self.keys.load(&self.pool).await.map_err(OidcError::Away)?;
            let attempt = Attempt::begin(&self.pool, key, next).await.map_err(OidcError::Away)?;
            let location = person::authorization_url(&oidc.settings, &known, &oidc.callback_url, &attempt)?;
            Ok(Begun { set_cookie: attempt.set_cookie(self.is_https(request)), location })
        };
        match begun.await {
            Ok(begun) => Ok(begun),
            Err(error) => Err(self.failed(request, error, None).await),
        }
    }

    /// Ends a sign-in: who the provider vouches for gets a session, if their groups have a role.
    pub async fn finish_oidc(
        &self,
        oidc: &Oidc,
        request: &HttpRequest,
        callback: Callback,
    ) -> Result<Finished, Failed> {
        let is_https = self.is_https(request);
        let attempt = async {
            self.count_oidc(oidc, request)?;
            let key = self.keys.load(&self.pool).await.map_err(OidcError::Away)?;
            Attempt::of(request, key, is_https, &callback.state)
        };
        let attempt = match attempt.await {
            Ok(attempt) => attempt,
            Err(error) => return Err(self.failed(request, error, None).await),
        };
        // From here on it is over, however it ends.
        let clear_cookie = attempt::clear_cookie(is_https);
        let ended = async {
            let next = attempt.end(&self.pool).await?;
            Ok((next, self.admit(oidc, request, &attempt, callback).await?))
        };
        match ended.await {
            Ok((next, signed_in)) => Ok(Finished { signed_in, next, clear_cookie }),
            Err(error) => Err(self.failed(request, error, Some(clear_cookie)).await),
        }
    }

    async fn admit(
        &self,
        oidc: &Oidc,
        request: &HttpRequest,
        attempt: &Attempt,
        callback: Callback,
    ) -> Result<SignedIn, OidcError> {
        if callback.issuer.is_some_and(|issuer| issuer != oidc.settings.issuer) {
            return Err(OidcError::OtherIssuer);
        }
        if let Some(error) = callback.error {
            let known = PROVIDERS_ERRORS.into_iter().find(|known| *known == error);
            return Err(OidcError::Refused(known.unwrap_or("an error that the standards do not name")));
        }
        let code = callback.code.ok_or(OidcError::NoCode)?;
        let permit = oidc.callbacks.try_acquire().map_err(|_| OidcError::TooMany(1))?;
        let now = self.clock.now();
        let found = person::identify(&oidc.settings, &oidc.provider, &oidc.callback_url, attempt, code, now).await;
        drop(permit);
        let person = found?;
        let from = self.address(request);
        let mut transaction = self.pool.begin().await.map_err(OidcError::Away)?;
        let admitted = grant::admit(&mut transaction, &oidc.settings, &person, from).await;
        if admitted.as_ref().is_err_and(OidcError::is_about_person) {
            grant::shut_out(&mut transaction, &oidc.settings, &person, from).await?;
        }
        match admitted {
            Ok(_) => transaction.commit().await.map_err(OidcError::Away)?,
            Err(ref error) if error.is_about_person() => transaction.commit().await.map_err(OidcError::Away)?,
            Err(_) => transaction.rollback().await.map_err(OidcError::Away)?,
        }
        self.open_session_for(request, admitted?).await.map_err(|denied| match denied {
            Denied::Away(error) => OidcError::Away(error),
            _ => OidcError::Stale,
        })
    }

    /// Makes what the person is shown, and a line in both logs, within the bounds of all failures. `clear_cookie`: a
    /// sign-in that was begun here is over; others do not take up its lines.
    async fn failed(&self, request: &HttpRequest, error: OidcError, clear_cookie: Option<String>) -> Failed {
        let reference = hex(&rand::random::<[u8; 4]>());
        let of = if clear_cookie.is_some() { Of::Provider } else { Of::Strangers };
        let logged = async {
            if !self.admit_failure(request, of).await? {
                return Ok(());
            }
            tracing::warn!(%reference, %error, "nobody was signed in with the identity provider");
            let line = Line::by(Actor::NOBODY, Action::SignInFailed).rows(0).address(self.address(request));
            let line = line.with("method", "external").with("reference", Id(&reference));
            let line = line.with("reason", Text(&error.to_string()));
            line.write(&mut *self.pool.acquire().await?).await
        };
        if let Err(error) = logged.await {
            tracing::warn!(error = %db::describe(&error), "a failed sign-in could not be written into the operator log");
        }
        Failed { error, reference, clear_cookie }
    }

    fn count_oidc(&self, oidc: &Oidc, request: &HttpRequest) -> Result<(), OidcError> {
        let Some(from) = self.address(request) else { return Ok(()) };
        match oidc.networks.count(address::network(from), PER_MINUTE, self.clock.now()) {
            Some(seconds) => Err(OidcError::TooMany(seconds)),
            None => Ok(()),
        }
    }
}
