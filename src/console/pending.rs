//! Between the password and the second factor: a state of its own, of this browser, for a few minutes and a few codes. It
//! is no session, and opens nothing but the next step.

use actix_web::HttpRequest;
use sqlx::{Postgres, Transaction};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::account::Refused;
use super::second_factor::Setup;
use super::sign_in::{Credentials, SignedIn, Who};
use super::{Console, Denied, cookie};
use crate::access::{Actor, ActorKind, Role, Scope};
use crate::crypto::{DigestKey, hex};
use crate::redact::Secret;
use crate::store::second_factors::{self as store, PendingRow};
use crate::store::users;

/// How long one may look for the telephone.
const PENDING_SECONDS: u32 = store::SET_UP_SECONDS;
/// What ids are issued and digested for: one that was made up costs the database nothing.
const PURPOSE: &str = "pending";
/// Wrong codes after which the password is asked for again.
const CODES_MAX: i32 = 5;

/// How far somebody came with a token, or a name and a password.
#[derive(Debug)]
pub enum Begun {
    /// They are in.
    In(SignedIn),
    /// The second factor is asked for: answer with this header, and go to `/sign-in/code`, or, where it must be set up
    /// first, to `/sign-in/second-factor`.
    Pending {
        /// The value of `Set-Cookie`.
        set_cookie: String,
        /// Whether it must be set up.
        must_set_up: bool,
    },
}

/// Somebody who has given a password and is asked for more.
#[derive(Debug)]
pub struct Pending {
    id: Secret,
    user_id: Uuid,
    tenant_id: Option<Uuid>,
    role: Role,
    /// What they log in with.
    pub login: String,
    /// Whether they have a second factor, and are asked for a code.
    pub has_factor: bool,
    /// Whether they had to set one up when they gave the password, and still have none.
    pub must_set_up: bool,
    /// What the form must show beside the cookie.
    pub csrf: Secret,
}

impl Console {
    /// Begins to sign in by a form.
    pub async fn begin_sign_in(&self, request: &HttpRequest, credentials: Credentials) -> Result<Begun, Denied> {
        match self.prove(request, credentials).await? {
            Who::Token(actor) => Ok(Begun::In(self.let_token_in(request, actor).await?)),
            Who::User(user) => {
                let (is_on, is_required) = self.factor(&self.pool, user.id).await.map_err(Denied::Away)?;
                if !is_on && !is_required {
                    return Ok(Begun::In(self.let_in(request, &user, false).await?));
                }
                let digests = self.digests().await?;
                let id = digests.issue(PURPOSE);
                let row = PendingRow { user_id: user.id, must_set_up: !is_on };
                let opened =
                    store::open_pending(&self.pool, &digest(digests, &id), row, &user.hash, PENDING_SECONDS).await;
                if !opened.map_err(Denied::Away)? {
                    return Err(Denied::Unknown);
                }
                let set_cookie = cookie::set_pending(&id, PENDING_SECONDS, self.is_https(request));
                Ok(Begun::Pending { set_cookie, must_set_up: row.must_set_up })
            }
        }
    }

    /// Whoever has given a password in this browser just now; `None`: nobody, or too long ago.
    pub async fn pending(&self, request: &HttpRequest) -> Result<Option<Pending>, sqlx::Error> {
        let Some(id) = cookie::read_pending(request, self.is_https(request)) else { return Ok(None) };
        let digests = self.keys.load(&self.pool).await?;
        if !digests.has_issued(PURPOSE, id.expose()) {
            return Ok(None);
        }
        let Some(row) = store::find_pending(&self.pool, &digest(digests, &id), CODES_MAX).await? else {
            return Ok(None);
        };
        let user_id = row.user_id;
        let Some(account) = users::account(&self.pool, user_id).await? else { return Ok(None) };
        let Some(role) = Role::read(&account.role) else { return Ok(None) };
        let (has_factor, _) = self.factor(&self.pool, user_id).await?;
        let must_set_up = row.must_set_up && !has_factor;
        let csrf = csrf(digests, &id);
        let (login, tenant_id) = (account.login, account.tenant_id);
        Ok(Some(Pending { id, user_id, tenant_id, role, login, has_factor, must_set_up, csrf }))
    }

    /// The secret that a pending user sets up.
    pub async fn pending_setup(&self, pending: &Pending) -> Result<Setup, sqlx::Error> {
        self.set_up(pending.user_id, &pending.login, Some(&pending.id)).await
    }

    /// Ends with a code what began with a password.
    pub async fn finish_sign_in(
        &self,
        request: &HttpRequest,
        pending: &Pending,
        csrf: &str,
        code: &str,
    ) -> Result<SignedIn, Denied> {
        self.is_ours(request, pending, csrf)?;
        if !pending.has_factor {
            return Err(Denied::SetUpNeeded);
        }
        // Counted before it is looked at: codes tried at once are no way around the limit.
        if !store::count_pending(&self.pool, &digest(self.digests().await?, &pending.id), CODES_MAX)
            .await
            .map_err(Denied::Away)?
        {
            return Err(Denied::Unknown);
        }
        let user = (pending.user_id, pending.login.as_str(), pending.tenant_id);
        if !self.check_code(request, user, code).await? {
            return Err(Denied::WrongCode);
        }
        let transaction = self.take_pending(pending).await?;
        self.leave_pending(transaction, request, pending).await
    }

    /// Sets up the second factor of who must have one, by a first code, and lets them in. Returns the recovery codes.
    pub async fn finish_set_up(
        &self,
        request: &HttpRequest,
        pending: &Pending,
        csrf: &str,
        code: &str,
    ) -> Result<(SignedIn, Vec<Secret>), Refused> {
        self.is_ours(request, pending, csrf)?;
        if !pending.must_set_up {
            return Err(Refused::NotFound);
        }
        let actor = Actor { kind: ActorKind::User, id: pending.user_id };
        let scope = Scope::new(actor, pending.role, pending.tenant_id).at(self.address(request));
        let first = self.check_first_code(request, &scope, &pending.login, code, Some(&pending.id)).await?;
        let mut transaction = self.take_pending(pending).await?;
        let codes = self.turn_on(&mut transaction, &scope, &first, None).await?;
        let signed_in = self.leave_pending(transaction, request, pending).await?;
        self.forgive_codes(&first).await?;
        Ok((signed_in, codes))
    }

    /// Takes it away, once: of two that came at the same moment one is let in. The user is locked first, as by whatever
    /// changes what they sign in with.
    async fn take_pending(&self, pending: &Pending) -> Result<Transaction<'static, Postgres>, Denied> {
        let digest = digest(self.digests().await?, &pending.id);
        let mut transaction = self.pool.begin().await.map_err(Denied::Away)?;
        let is_taken = users::touch(&mut *transaction, pending.user_id, None).await.map_err(Denied::Away)?
            && store::close_pending(&mut *transaction, &digest).await.map_err(Denied::Away)?;
        if is_taken { Ok(transaction) } else { Err(Denied::Unknown) }
    }

    async fn leave_pending(
        &self,
        transaction: Transaction<'static, Postgres>,
        request: &HttpRequest,
        pending: &Pending,
    ) -> Result<SignedIn, Denied> {
        let mut signed_in = self.open_user_session(transaction, request, pending.user_id, &pending.login).await?;
        signed_in.set_cookies.push(cookie::clear_pending(self.is_https(request)));
        Ok(signed_in)
    }

    fn is_ours(&self, request: &HttpRequest, pending: &Pending, csrf: &str) -> Result<(), Denied> {
        let fits: bool = csrf.as_bytes().ct_eq(pending.csrf.expose().as_bytes()).into();
        if fits && !self.is_cross_site(request) { Ok(()) } else { Err(Denied::Forged) }
    }
}

fn digest(digests: &DigestKey, id: &Secret) -> Vec<u8> {
    digests.digest(PURPOSE, id.expose()).to_vec()
}

/// From the id, which nobody else knows; the id does not follow from it.
fn csrf(digests: &DigestKey, id: &Secret) -> Secret {
    Secret::new(hex(&digests.digest("pending_csrf", id.expose())))
}
