//! What scripts, and people without a password, come in with: tokens, made and ended.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{AdminError, roster};
use crate::access::{Role, Scope};
use crate::crypto::{DigestKey, Keys};
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line, Text};
use crate::store::{roster as store, tokens};

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
    /// After so long.
    After(TimeDelta),
    /// When it is revoked.
    Never,
}

impl TokenEnd {
    /// What was asked for: so many days, never, or nothing, which is `TOKEN_DAYS`. Both: it cannot be.
    pub fn of(days: Option<u16>, is_never: bool) -> Result<Self, AdminError> {
        match (days, is_never) {
            (None, true) => Ok(Self::Never),
            (Some(_), true) => Err(AdminError::Invalid("a token ends after so many days, or never: not both".into())),
            (Some(days), false) if !(1..=DAYS_MAX).contains(&days) => {
                Err(AdminError::Invalid("expires_in_days must be 1 to 3650".into()))
            }
            (days, false) => Ok(Self::After(TimeDelta::days(days.unwrap_or(TOKEN_DAYS).into()))),
        }
    }

    fn wait(self) -> Result<Option<TimeDelta>, AdminError> {
        match self {
            Self::Never => Ok(None),
            Self::After(wait) if wait > TimeDelta::zero() && wait <= TimeDelta::days(DAYS_MAX.into()) => Ok(Some(wait)),
            Self::After(_) => {
                Err(AdminError::Invalid(format!("a token is good for {DAYS_MAX} days at most, or never ends").into()))
            }
        }
    }
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it may do.
    pub role: Role,
    /// What people call it.
    pub label: String,
    /// When it ends.
    pub end: TokenEnd,
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

/// Makes a token that sees what the scope sees.
pub async fn add(pool: &PgPool, keys: &Keys, scope: &Scope, new: NewToken) -> Result<MadeToken, AdminError> {
    let key = keys.load(pool).await?;
    let mut transaction = pool.begin().await?;
    let made = add_within(&mut transaction, key, scope, new).await?;
    transaction.commit().await?;
    Ok(made)
}

/// The same within a transaction that makes more than a token.
pub async fn add_within(
    connection: &mut PgConnection,
    key: &DigestKey,
    scope: &Scope,
    new: NewToken,
) -> Result<MadeToken, AdminError> {
    let label = roster::line("label", Some(new.label))?.unwrap_or_default();
    let wait = new.end.wait()?;
    let (id, token, expires_at) = tokens::add(&mut *connection, key, scope.tenant_id(), new.role, &label, wait).await?;
    let line = Line::of(scope, Action::AddToken).with("token_id", id).with("label", Text(&label));
    line.with("role", new.role).with("expires_at", expires_at).write(connection).await?;
    Ok(MadeToken { id, token, expires_at })
}

/// Ends a token now, and the sessions that began with it.
pub async fn revoke(pool: &PgPool, scope: &Scope, id: Uuid) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    let ended = store::tokens::revoke(&mut *transaction, id, scope.tenant_id()).await?.ok_or(AdminError::NotFound)?;
    let line = Line::of(scope, Action::RevokeToken).tenant(ended.tenant_id).with("token_id", id);
    line.with("label", Text(&ended.label)).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}
