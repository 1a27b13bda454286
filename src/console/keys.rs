//! Tokens and users: making, ending, changing them. For the API and the pages alike; each deed with its line in the
//! operator log, in the same transaction.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Console, password};
use crate::access::{Role, Scope};
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line, Login, Text};
use crate::store::roster::tokens as roster;
use crate::store::{sessions, tokens, users};

/// What people call a token is a word or two.
const LABEL_CHARS_MAX: usize = 200;
/// A token is good for ten years at most, if its end is named.
const DAYS_MAX: u16 = 3650;

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
    /// The database would not.
    Away(sqlx::Error),
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Away(error)
    }
}

impl Console {
    /// Makes a token that sees what the scope sees.
    pub async fn add_token(
        &self,
        scope: &Scope,
        role: Role,
        label: &str,
        expires_in_days: Option<u16>,
    ) -> Result<MadeToken, Refused> {
        if label.chars().count() > LABEL_CHARS_MAX {
            return Err(Refused::Unfit("label has 200 characters at most".to_owned()));
        }
        if expires_in_days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
            return Err(Refused::Unfit("expires_in_days must be 1 to 3650".to_owned()));
        }
        let expires_at = expires_in_days.map(|days| self.clock.now() + TimeDelta::days(days.into()));
        let mut transaction = self.begin().await?;
        let (id, token) = tokens::add(&mut *transaction, scope.tenant_id(), role, label, expires_at).await?;
        let line = Line::of(scope, Action::AddToken).with("token_id", id).with("label", Text(label)).with("role", role);
        line.write(&mut transaction).await?;
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
        let hash = self.hash(given).await.map_err(unfit)?;
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
        let hash = self.hash(given).await.map_err(unfit)?;
        let mut transaction = self.begin().await?;
        let id = users::set_password(&mut *transaction, login, &hash, scope.tenant_id()).await?;
        let id = id.ok_or(Refused::NotFound)?;
        sessions::close_all(&mut *transaction, id).await?;
        let line = Line::of(scope, Action::SetPassword).with("user_id", id).with("login", Login(login));
        line.write(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

fn unfit(error: password::Unfit) -> Refused {
    Refused::Unfit(error.to_string())
}
