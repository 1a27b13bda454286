//! What people do with their own account: sessions listed and ended, the password changed. Each deed with its line in the
//! operator log, in the same transaction.

use actix_web::HttpRequest;
use uuid::Uuid;

use super::{Console, Denied, Entry, password};
use crate::access::{Actor, ActorKind, Scope};
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line};
use crate::store::sessions::SessionRow;
use crate::store::users::Account;
use crate::store::{sessions, users};

/// Why nothing was done.
#[derive(Debug)]
pub enum Refused {
    /// It cannot be, for this reason.
    Unfit(String),
    /// There is none, or it is not theirs.
    NotFound,
    /// Too often; again after so many seconds.
    TooMany(u64),
    /// The database would not.
    Away(sqlx::Error),
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::TooMany(seconds) => Self::TooMany(seconds),
            Denied::Away(error) => Self::Away(error),
            Denied::Unknown
            | Denied::Forged
            | Denied::Forbidden
            | Denied::CodeNeeded
            | Denied::WrongCode
            | Denied::SetUpNeeded => Self::NotFound,
        }
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Away(error)
    }
}

impl From<password::Unfit> for Refused {
    fn from(unfit: password::Unfit) -> Self {
        match unfit {
            password::Unfit::Busy => Self::TooMany(1),
            unfit => Self::Unfit(unfit.to_string()),
        }
    }
}

impl Console {
    /// The sessions of whoever asks that are good, the newest first.
    pub async fn sessions(&self, request: &HttpRequest, entry: &Entry) -> Result<Vec<SessionRow>, sqlx::Error> {
        let current = self.session_id(request);
        sessions::list(
            &self.pool,
            self.keys.load(&self.pool).await?,
            entry.scope.actor(),
            current.as_ref(),
            self.settings.session_idle,
        )
        .await
    }

    /// Ends one session of whoever asks, also this one; `None`: all others. Returns how many.
    pub async fn end_sessions(&self, request: &HttpRequest, entry: &Entry, id: Option<Uuid>) -> Result<u64, Refused> {
        let current = self.session_id(request).filter(|_| id.is_none());
        let mut transaction = self.pool.begin().await?;
        let digests = self.keys.digests().map_err(sqlx::Error::from)?;
        let ended = match entry.scope.actor() {
            Actor { kind: ActorKind::User, id: user_id } if id.is_none() => {
                sessions::close_all(&mut transaction, user_id, current.as_ref().map(|id| (digests, id))).await?
            }
            actor => sessions::end(&mut *transaction, digests, actor, id, current.as_ref()).await?,
        };
        if id.is_some() && ended == 0 {
            return Err(Refused::NotFound);
        }
        if ended > 0 {
            let line = Line::of(&entry.scope, Action::EndSessions).rows(ended).with("session_id", id);
            line.write(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(ended)
    }

    /// The account of whoever asks; `None`: it is a token.
    pub async fn account(&self, scope: &Scope) -> Result<Option<Account>, sqlx::Error> {
        match scope.actor() {
            Actor { kind: ActorKind::User, id } => users::account(&self.pool, id).await,
            _ => Ok(None),
        }
    }

    /// Gives whoever asks another password, if they know the present one; their other sessions end. Guessing at it is
    /// slowed as at the sign-in.
    pub async fn change_password(
        &self,
        request: &HttpRequest,
        entry: &Entry,
        present: Secret,
        given: Secret,
    ) -> Result<u64, Refused> {
        let account = self.account(&entry.scope).await?.ok_or(Refused::NotFound)?;
        self.confirm_password(request, entry, &account, present).await?;
        let before = account.password_hash;
        let words = [Some(account.login), account.tenant, account.tenant_name].into_iter().flatten().collect();
        let hash = self.hasher.hash(given, words).await?;
        let actor = entry.scope.actor();
        let mut transaction = self.pool.begin().await?;
        if !users::change_password(&mut *transaction, actor.id, &hash, before.as_deref()).await? {
            return Err(Refused::Unfit("the password was changed meanwhile".to_owned()));
        }
        let current = self.session_id(request);
        let digests = self.keys.digests().map_err(sqlx::Error::from)?;
        let stays = current.as_ref().map(|id| (digests, id));
        let ended = sessions::close_all(&mut transaction, actor.id, stays).await?;
        let line = Line::of(&entry.scope, Action::ChangePassword).with("sessions_ended", ended);
        line.write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Asks for the present password before something of the account is changed.
    pub(super) async fn confirm_password(
        &self,
        request: &HttpRequest,
        entry: &Entry,
        account: &Account,
        present: Secret,
    ) -> Result<(), Refused> {
        let id = entry.scope.actor().id;
        let Some(hash) = account.password_hash.clone() else {
            let why = match account.issuer {
                Some(_) => {
                    "this account signs in with the identity provider: password and second factor are kept there"
                }
                None => "this account has no password: an admin can give it one",
            };
            return Err(Refused::Unfit(why.to_owned()));
        };
        let user = Some((id, account.login.as_str(), account.tenant_id));
        let attempt = self.begin_attempt(request, &account.login, Some(id)).await?;
        if !self.fits(&attempt, present, Some(Secret::new(hash))).await? {
            self.log_failure(request, "present password", user).await?;
            return Err(Refused::Unfit("the present password is not right".to_owned()));
        }
        Ok(self.forgive(&attempt).await?)
    }
}
