//! Logging in and out: a token, or a name and a password, becomes a session.

use actix_web::HttpRequest;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Console, Denied, Entry, browser, cookie, password};
use crate::access::{Actor, ActorKind};
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line, Text};
use crate::store::sessions::{self, Method, NewSession};
use crate::store::{tokens, users};

/// What somebody logs in with.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token.
    Token(Secret),
    /// A name and a password.
    Password(String, Secret),
}

/// A session that has begun: answer with these headers.
#[derive(Debug)]
pub struct SignedIn {
    /// The values of `Set-Cookie`, one header each.
    pub set_cookies: Vec<String>,
    /// Who it is, with the session's secret.
    pub entry: Entry,
}

/// A session that has ended.
#[derive(Debug)]
pub struct SignedOut {
    /// The value of `Set-Cookie`.
    pub set_cookie: String,
    /// Where the session at the identity provider ends, if it is to end as well.
    pub provider_url: Option<String>,
}

/// A user who has given the right password.
pub(super) struct Proven {
    pub(super) id: Uuid,
    pub(super) login: String,
    pub(super) tenant_id: Option<Uuid>,
    /// The hash of that password.
    pub(super) hash: Secret,
}

/// Who somebody is, by a token or a password.
pub(super) enum Who {
    Token(Actor),
    User(Proven),
}

impl Console {
    /// Begins a session, for a script: with everything in one request. Every wrong name or password is the same: nobody
    /// learns which names there are. Only who has given the right password learns that a code is needed.
    pub async fn sign_in(
        &self,
        request: &HttpRequest,
        credentials: Credentials,
        code: Option<&str>,
    ) -> Result<SignedIn, Denied> {
        let user = match self.prove(request, credentials).await? {
            Who::Token(actor) => return self.let_token_in(request, actor).await,
            Who::User(user) => user,
        };
        let (is_on, is_required) = self.factor(&self.pool, user.id).await.map_err(Denied::Away)?;
        match ((is_on, is_required), code) {
            ((true, _), Some(code)) => {
                if !self.check_code(request, (user.id, &user.login, user.tenant_id), code).await? {
                    return Err(Denied::WrongCode);
                }
            }
            ((true, _), None) => return Err(Denied::CodeNeeded),
            ((false, true), _) => return Err(Denied::SetUpNeeded),
            ((false, false), _) => {}
        }
        self.let_in(request, &user, is_on).await
    }

    /// Who this is, by a token or a password alone.
    pub(super) async fn prove(&self, request: &HttpRequest, credentials: Credentials) -> Result<Who, Denied> {
        if self.is_cross_site(request) {
            return Err(Denied::Forged);
        }
        if matches!(credentials, Credentials::Password(..)) && !self.takes_passwords() {
            self.log_failure(request, "passwords are off", None).await.map_err(Denied::Away)?;
            return Err(Denied::Unknown);
        }
        match credentials {
            Credentials::Token(token) => self.by_token(request, &token).await.map(Who::Token),
            Credentials::Password(login, given) => self.by_password(request, &login, given).await.map(Who::User),
        }
    }

    /// Begins the session of a token.
    pub(super) async fn let_token_in(&self, request: &HttpRequest, actor: Actor) -> Result<SignedIn, Denied> {
        let transaction = self.pool.begin().await.map_err(Denied::Away)?;
        self.open_session(transaction, request, actor, Method::Token).await
    }

    /// Begins the session of a user who is verified, with a code or without, unless what verified them was
    /// changed meanwhile.
    pub(super) async fn let_in(
        &self,
        request: &HttpRequest,
        user: &Proven,
        has_given_code: bool,
    ) -> Result<SignedIn, Denied> {
        let mut transaction = self.pool.begin().await.map_err(Denied::Away)?;
        if !users::touch(&mut *transaction, user.id, Some(&user.hash)).await.map_err(Denied::Away)? {
            return Err(Denied::Unknown);
        }
        let (is_on, is_required) = self.factor(&mut *transaction, user.id).await.map_err(Denied::Away)?;
        if is_on != has_given_code || is_required && !is_on {
            return Err(Denied::Unknown);
        }
        self.open_user_session(transaction, request, user.id, &user.login).await
    }

    /// Begins the session of a user who is locked by this transaction, and ends it; the browser is known from now on.
    pub(super) async fn open_user_session(
        &self,
        transaction: Transaction<'static, Postgres>,
        request: &HttpRequest,
        id: Uuid,
        login: &str,
    ) -> Result<SignedIn, Denied> {
        let actor = Actor { kind: ActorKind::User, id };
        let mut signed_in = self.open_session(transaction, request, actor, Method::Password).await?;
        signed_in.set_cookies.push(self.remember(request, login, id).await?);
        Ok(signed_in)
    }

    /// A valid token is let in, whatever else came from its address.
    async fn by_token(&self, request: &HttpRequest, token: &Secret) -> Result<Actor, Denied> {
        let (key, address, now) = (self.digests().await?, self.address(request), self.clock.now());
        let is_issued = tokens::is_issued(key, token);
        if let Some(seconds) = self.limits.is_not_looked_up(address, token, is_issued, now) {
            self.log_failure(request, "slowed", None).await.map_err(Denied::Away)?;
            return Err(Denied::TooMany(seconds));
        }
        match tokens::find(&self.pool, key, token).await.map_err(Denied::Away)? {
            Some((scope, _)) => Ok(scope.actor()),
            None => {
                let denied = match self.limits.unknown(address, Some(token).filter(|_| is_issued), now) {
                    Some(seconds) => Denied::TooMany(seconds),
                    None => Denied::Unknown,
                };
                self.log_failure(request, "token", None).await.map_err(Denied::Away)?;
                Err(denied)
            }
        }
    }

    async fn by_password(&self, request: &HttpRequest, login: &str, given: Secret) -> Result<Proven, Denied> {
        let login = match password::login(login) {
            Ok(login) if given.expose().len() <= password::BYTES_MAX => login,
            _ => {
                self.log_failure(request, "password", None).await.map_err(Denied::Away)?;
                return Err(Denied::Unknown);
            }
        };
        let found = users::find(&self.pool, &login).await.map_err(Denied::Away)?;
        let named = found.as_ref().map(|user| (user.id, login.as_str(), user.tenant_id));
        let attempt = match self.begin_attempt(request, &login, found.as_ref().map(|user| user.id)).await {
            Err(Denied::TooMany(seconds)) => {
                self.log_failure(request, "slowed", named).await.map_err(Denied::Away)?;
                return Err(Denied::TooMany(seconds));
            }
            attempt => attempt?,
        };
        let hash = found.as_ref().and_then(|user| user.password_hash.clone());
        let fits = self.fits(&attempt, given, hash.clone()).await?;
        let (Some(user), Some(hash), true) = (&found, hash, fits) else {
            self.log_failure(request, "password", named).await.map_err(Denied::Away)?;
            return Err(Denied::Unknown);
        };
        self.forgive(&attempt).await?;
        Ok(Proven { id: user.id, tenant_id: user.tenant_id, login, hash })
    }

    /// Begins a session of a user whose identity somebody else has verified, such as an OpenID provider. `Unknown`: there
    /// is no such user.
    ///
    /// The caller has verified the identity in this very request, and the request is the top-level navigation that
    /// comes back from the provider: another site has led the browser here, so `Sec-Fetch-Site` is not asked.
    /// A second factor is the provider's matter.
    pub async fn open_session_for(&self, request: &HttpRequest, user_id: Uuid) -> Result<SignedIn, Denied> {
        let mut transaction = self.pool.begin().await.map_err(Denied::Away)?;
        if !users::touch(&mut *transaction, user_id, None).await.map_err(Denied::Away)? {
            return Err(Denied::Unknown);
        }
        self.open_session(transaction, request, Actor { kind: ActorKind::User, id: user_id }, Method::External).await
    }

    /// Begins a session of somebody who is verified, and commits.
    async fn open_session(
        &self,
        mut transaction: Transaction<'static, Postgres>,
        request: &HttpRequest,
        actor: Actor,
        method: Method,
    ) -> Result<SignedIn, Denied> {
        let digests = self.digests().await?;
        // A session that the browser came with is not carried on: another person may have set its cookie.
        if let Some(before) = self.session_id(request) {
            sessions::close(&mut *transaction, digests, &before).await.map_err(Denied::Away)?;
        }
        let new = NewSession {
            actor,
            method,
            longest: self.session_longest(),
            address: self.address(request),
            browser: browser::name(request),
        };
        let opened = sessions::open(&mut *transaction, digests, &new).await.map_err(Denied::Away)?;
        let idle = self.settings.session_idle;
        let session = sessions::find(&mut *transaction, digests, &opened.id, idle, true).await.map_err(Denied::Away)?;
        let session = session.ok_or(Denied::Unknown)?;
        self.limits.was_good(&opened.id, self.clock.now());
        let scope = session.scope.at(new.address);
        tracing::info!(actor = %scope.actor(), method = method.as_str(), "signed in");
        let line = Line::of(&scope, Action::SignIn).with("method", method.as_str());
        let line = line.with("browser", new.browser.as_deref().map(Text));
        line.write(&mut transaction).await.map_err(Denied::Away)?;
        transaction.commit().await.map_err(Denied::Away)?;
        self.notice_proxy(request).await;
        let set_cookies = vec![cookie::set(&opened.id, self.is_https(request))];
        Ok(SignedIn { set_cookies, entry: Entry { scope, csrf: Some(opened.csrf), changed_at: session.changed_at } })
    }

    /// Ends the session of this request.
    pub async fn sign_out(&self, request: &HttpRequest, entry: &Entry) -> Result<SignedOut, Denied> {
        let mut method = None;
        if let Some(id) = self.session_id(request) {
            let digests = self.digests().await?;
            let mut transaction = self.pool.begin().await.map_err(Denied::Away)?;
            method = sessions::close(&mut *transaction, digests, &id).await.map_err(Denied::Away)?;
            tracing::info!(actor = %entry.scope.actor(), "signed out");
            Line::of(&entry.scope, Action::SignOut).write(&mut transaction).await.map_err(Denied::Away)?;
            transaction.commit().await.map_err(Denied::Away)?;
        }
        let provider_url = match (method, self.oidc()) {
            (Some(Method::External), Some(oidc)) => oidc.sign_out_url().await,
            _ => None,
        };
        Ok(SignedOut { set_cookie: cookie::clear(self.is_https(request)), provider_url })
    }
}
