//! Tokens and users: making, ending, changing them. For the API and the pages alike; each deed with its line in the
//! operator log, in the same transaction.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Console, Denied, password};
use crate::access::{Role, Scope};
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line, Login, Text};
use crate::store::roster::tokens as roster;
use crate::store::{sessions, tokens, users};

/// What people call a token is a word or two.
const LABEL_CHARS_MAX: usize = 200;
/// A token is good for ten years at most, if its end is named.
const DAYS_MAX: u16 = 3650;

/// How long a token is good, unless somebody says otherwise: a forgotten one ends by itself.
pub const TOKEN_DAYS: u16 = 90;
/// The first token, which stands in a terminal: long enough to make another.
pub const FIRST_TOKEN_DAYS: u16 = 7;
/// Pages and `doctor` warn of a token in use that ends within so many days.
pub const TOKEN_WARNING_DAYS: u16 = 14;

/// When a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEnd {
    /// After so many days.
    After(u16),
    /// When it is revoked.
    Never,
}

impl TokenEnd {
    /// What was asked for: so many days, never, or nothing, which is `TOKEN_DAYS`. Both: it cannot be.
    pub fn of(days: Option<u16>, is_never: bool) -> Result<Self, Refused> {
        match (days, is_never) {
            (None, true) => Ok(Self::Never),
            (Some(_), true) => Err(Refused::Unfit("a token ends after so many days, or never: not both".to_owned())),
            (days, false) => Ok(Self::After(days.unwrap_or(TOKEN_DAYS))),
        }
    }
}

/// A token that was made.
#[derive(Debug)]
pub struct MadeToken {
    /// Its id.
    pub id: Uuid,
    /// It, this once.
    pub token: Secret,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why nothing was done.
#[derive(Debug)]
pub enum Refused {
    /// It cannot be, for this reason.
    Unfit(String),
    /// Somebody has this login name.
    Taken,
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

impl Console {
    /// Makes a token that sees what the scope sees.
    pub async fn add_token(&self, scope: &Scope, role: Role, label: &str, end: TokenEnd) -> Result<MadeToken, Refused> {
        if label.chars().count() > LABEL_CHARS_MAX {
            return Err(Refused::Unfit("label has 200 characters at most".to_owned()));
        }
        let expires_at = match end {
            TokenEnd::Never => None,
            TokenEnd::After(days) if (1..=DAYS_MAX).contains(&days) => {
                Some(self.clock.now() + TimeDelta::days(days.into()))
            }
            TokenEnd::After(_) => return Err(Refused::Unfit("expires_in_days must be 1 to 3650".to_owned())),
        };
        let mut transaction = self.begin().await?;
        let (id, token) = tokens::add(
            &mut *transaction,
            self.keys.digests().map_err(sqlx::Error::from)?,
            scope.tenant_id(),
            role,
            label,
            expires_at,
        )
        .await?;
        let line = Line::of(scope, Action::AddToken).with("token_id", id).with("label", Text(label)).with("role", role);
        line.with("expires_at", expires_at).write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(MadeToken { id, token, expires_at })
    }

    /// Ends a token now, and the sessions that began with it.
    pub async fn revoke_token(&self, scope: &Scope, id: Uuid) -> Result<(), Refused> {
        let mut transaction = self.begin().await?;
        let label = roster::revoke(&mut *transaction, id, scope.tenant_id()).await?.ok_or(Refused::NotFound)?;
        let line = Line::of(scope, Action::RevokeToken).with("token_id", id).with("label", Text(&label));
        line.write(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Adds a user who sees what the scope sees.
    pub async fn add_user(&self, scope: &Scope, login: &str, given: Secret, role: Role) -> Result<Uuid, Refused> {
        let login = password::login(login).map_err(unfit)?;
        let words = self.words(&login, scope.tenant_id()).await?;
        let hash = self.hash(given, words).await.map_err(unfit)?;
        let mut transaction = self.begin().await?;
        let id = users::add(&mut *transaction, scope.tenant_id(), &login, &hash, role).await?;
        let id = id.ok_or(Refused::Taken)?;
        let line = Line::of(scope, Action::AddUser).with("user_id", id).with("login", Login(&login)).with("role", role);
        line.write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Takes a user away; their sessions end at once.
    pub async fn remove_user(&self, scope: &Scope, login: &str) -> Result<(), Refused> {
        let mut transaction = self.begin().await?;
        let id = users::remove(&mut *transaction, login, scope.tenant_id()).await?.ok_or(Refused::NotFound)?;
        // With the name: who is gone cannot be looked up by id.
        let line = Line::of(scope, Action::RemoveUser).with("user_id", id).with("login", Login(login));
        line.write(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Gives a user another password; their sessions end at once.
    pub async fn set_password(&self, scope: &Scope, login: &str, given: Secret) -> Result<(), Refused> {
        let words = self.words(login, scope.tenant_id()).await?;
        let hash = self.hash(given, words).await.map_err(unfit)?;
        let mut transaction = self.begin().await?;
        let id = users::set_password(&mut *transaction, login, &hash, scope.tenant_id()).await?;
        let id = id.ok_or(Refused::NotFound)?;
        sessions::close_all(&mut *transaction, id).await?;
        let line = Line::of(scope, Action::SetPassword).with("user_id", id).with("login", Login(login));
        line.write(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

impl Console {
    /// What the password of this user must not be made of.
    async fn words(&self, login: &str, tenant_id: Option<Uuid>) -> Result<Vec<String>, sqlx::Error> {
        let mut words = vec![login.to_owned()];
        words.extend(users::tenant_words(&self.pool, tenant_id).await?);
        Ok(words)
    }
}

pub(super) fn unfit(error: password::Unfit) -> Refused {
    Refused::Unfit(error.to_string())
}
