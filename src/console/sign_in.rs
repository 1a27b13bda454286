//! Logging in and out: a token, or a name and a password, becomes a session.

use actix_web::HttpRequest;
use uuid::Uuid;

use super::{Console, Denied, Entry, address, browser, cookie, password};
use crate::access::{Actor, ActorKind};
use crate::redact::Secret;
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

impl Console {
    /// Begins a session. Every wrong try is the same: nobody learns which names there are.
    pub async fn sign_in(&self, request: &HttpRequest, credentials: Credentials) -> Result<SignedIn, Denied> {
        if self.is_cross_site(request) {
            return Err(Denied::Forged);
        }
        let address = address::sender(request, &self.trusted_proxies);
        let login = match &credentials {
            Credentials::Token(_) => None,
            Credentials::Password(text, _) => Some(password::login(text).map_err(|_| Denied::Unknown)?),
        };
        let counted = self.count_attempt(address, login.as_deref()).await?;
        let (actor, method) = match (credentials, login) {
            (Credentials::Password(_, given), Some(login)) => (self.user(&login, given).await?, Method::Password),
            (Credentials::Token(token) | Credentials::Password(_, token), _) => {
                let found = tokens::find(&self.pool, &token).await.map_err(Denied::Away)?;
                (found.map(|scope| scope.actor()), Method::Token)
            }
        };
        let actor = actor.ok_or(Denied::Unknown)?;
        self.take_back(&counted).await?;
        self.open_session(request, actor, method).await
    }

    /// Begins a session of a user whose identity somebody else has verified, such as an OpenID provider. `Unknown`: there
    /// is no such user.
    ///
    /// The caller has verified the identity in this very request, and the request is the top-level navigation that
    /// comes back from the provider: another site has led the browser here, so `Sec-Fetch-Site` is not asked.
    /// A second factor is the provider's matter.
    pub async fn open_session_for(&self, request: &HttpRequest, user_id: Uuid) -> Result<SignedIn, Denied> {
        let mut transaction = self.begin().await.map_err(Denied::Away)?;
        if !users::touch(&mut *transaction, user_id).await.map_err(Denied::Away)? {
            return Err(Denied::Unknown);
        }
        transaction.commit().await.map_err(Denied::Away)?;
        self.open_session(request, Actor { kind: ActorKind::User, id: user_id }, Method::External).await
    }

    /// Begins a session of somebody who has proven who they are.
    async fn open_session(&self, request: &HttpRequest, actor: Actor, method: Method) -> Result<SignedIn, Denied> {
        // A session that the browser came with is not carried on: another person may have set its cookie.
        if let Some(before) = self.session_id(request) {
            sessions::close(&self.pool, &before).await.map_err(Denied::Away)?;
        }
        let new = NewSession {
            actor,
            method,
            longest: self.session_longest(),
            address: address::sender(request, &self.trusted_proxies),
            browser: browser::name(request),
        };
        let opened = sessions::open(&self.pool, &new).await.map_err(Denied::Away)?;
        let session =
            sessions::find(&self.pool, &opened.id, self.settings.session_idle, true).await.map_err(Denied::Away)?;
        let session = session.ok_or(Denied::Unknown)?;
        self.limits.was_good(&opened.id, self.clock.now());
        let set_cookies = vec![cookie::set(&opened.id, self.is_https(request))];
        Ok(SignedIn { set_cookies, entry: Entry { scope: session.scope, csrf: Some(opened.csrf) } })
    }

    /// Ends the session of this request; returns the value of `Set-Cookie`.
    pub async fn sign_out(&self, request: &HttpRequest) -> Result<String, Denied> {
        if let Some(id) = self.session_id(request) {
            sessions::close(&self.pool, &id).await.map_err(Denied::Away)?;
        }
        Ok(cookie::clear(self.is_https(request)))
    }

    /// The hash of a new password, made aside.
    pub async fn hash(&self, given: Secret) -> Result<Secret, password::Unfit> {
        let _permit = self.passwords.acquire().await.map_err(|_| password::Unfit::Hash)?;
        tokio::task::spawn_blocking(move || password::hash(&given)).await.map_err(|_| password::Unfit::Hash)?
    }

    async fn user(&self, login: &str, given: Secret) -> Result<Option<Actor>, Denied> {
        if given.expose().len() > password::BYTES_MAX {
            return Ok(None);
        }
        let found = users::find(&self.pool, login).await.map_err(Denied::Away)?;
        let (user_id, hash) = found.map_or((None, None), |(id, hash)| (Some(id), hash));
        let Ok(permit) = self.passwords.acquire().await else { return Ok(None) };
        let fits = tokio::task::spawn_blocking(move || password::fits(&given, hash.as_ref())).await.unwrap_or(false);
        drop(permit);
        match user_id.filter(|_| fits) {
            Some(id) => {
                users::touch(&self.pool, id).await.map_err(Denied::Away)?;
                Ok(Some(Actor { kind: ActorKind::User, id }))
            }
            None => Ok(None),
        }
    }
}
