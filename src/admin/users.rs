//! People who sign in: added, removed, given another password, obliged to a second factor.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::AdminError;
use crate::access::{Role, Scope};
use crate::console::password::{self, Hasher, Unfit};
use crate::redact::Secret;
use crate::store::operator_log::{Action, Line, Login};
use crate::store::users::Found;
use crate::store::{second_factors, sessions, users};

/// Adds a user who sees what the scope sees.
pub async fn add(
    pool: &PgPool,
    hasher: &Hasher,
    scope: &Scope,
    login: &str,
    given: Secret,
    role: Role,
) -> Result<Uuid, AdminError> {
    let login = password::login(login)?;
    let hash = hash(pool, hasher, &login, scope.tenant_id(), given).await?;
    let mut transaction = pool.begin().await?;
    let id = users::add(&mut *transaction, scope.tenant_id(), &login, &hash, role).await?;
    let id = id.ok_or(AdminError::Conflict("somebody has this login name".into()))?;
    let line = Line::of(scope, Action::AddUser).with("user_id", id).with("login", Login(&login)).with("role", role);
    line.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Takes a user away; their sessions end at once.
pub async fn remove(pool: &PgPool, scope: &Scope, login: &str) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    let user = User::find(&mut transaction, scope, login).await?;
    users::remove(&mut *transaction, &user.login, scope.tenant_id()).await?.ok_or(AdminError::NotFound)?;
    // With the name: who is gone cannot be looked up by id.
    user.line(scope, Action::RemoveUser).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Gives a user another password. Returns how many sessions of theirs have ended: all.
pub async fn set_password(
    pool: &PgPool,
    hasher: &Hasher,
    scope: &Scope,
    login: &str,
    given: Secret,
) -> Result<u64, AdminError> {
    let user = User::find(&mut *pool.acquire().await?, scope, login).await?;
    user.has_own_password()?;
    let hash = hash(pool, hasher, &user.login, user.found.tenant_id, given).await?;
    let mut transaction = pool.begin().await?;
    let id = users::set_password(&mut *transaction, &user.login, &hash, scope.tenant_id()).await?;
    let ended = sessions::close_all(&mut transaction, id.ok_or(AdminError::NotFound)?, None).await?;
    user.line(scope, Action::SetPassword).with("sessions_ended", ended).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(ended)
}

/// Ends every session of a user, and every sign-in that waits for a code. Returns how many sessions.
pub async fn end_sessions(pool: &PgPool, scope: &Scope, login: &str) -> Result<u64, AdminError> {
    let mut transaction = pool.begin().await?;
    let user = User::find(&mut transaction, scope, login).await?;
    let ended = sessions::close_all(&mut transaction, user.found.id, None).await?;
    user.line(scope, Action::EndSessions).rows(ended).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(ended)
}

/// Takes a user's second factor away, such as when the telephone is lost. Their sessions end.
pub async fn reset_second_factor(pool: &PgPool, scope: &Scope, login: &str) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    let user = User::find(&mut transaction, scope, login).await?;
    sessions::close_all(&mut transaction, user.found.id, None).await?;
    second_factors::remove(&mut *transaction, user.found.id).await?;
    user.line(scope, Action::ResetSecondFactor).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Obliges a user to have a second factor, or no longer. Who is obliged signs in anew.
pub async fn require_second_factor(
    pool: &PgPool,
    scope: &Scope,
    login: &str,
    is_required: bool,
) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    let user = User::find(&mut transaction, scope, login).await?;
    if is_required {
        user.has_own_password()?;
        sessions::close_all(&mut transaction, user.found.id, None).await?;
    }
    second_factors::require(&mut *transaction, user.found.id, is_required).await?;
    // What was begun under the other rule.
    second_factors::end_pending(&mut *transaction, user.found.id).await?;
    let line = user.line(scope, Action::RequireSecondFactor).with("required", is_required);
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// A user whom the scope may administer.
struct User {
    found: Found,
    login: String,
}

impl User {
    async fn find(connection: &mut PgConnection, scope: &Scope, login: &str) -> Result<Self, AdminError> {
        let login = login.trim().to_lowercase();
        let found = users::find(connection, &login).await?;
        let found = found.filter(|user| scope.tenant_id().is_none() || user.tenant_id == scope.tenant_id());
        Ok(Self { found: found.ok_or(AdminError::NotFound)?, login })
    }

    /// Password and second factor of everybody else are the identity provider's matter.
    fn has_own_password(&self) -> Result<(), AdminError> {
        if self.found.is_external {
            return Err(AdminError::Invalid(
                "this user signs in with the identity provider: password and second factor are kept there".into(),
            ));
        }
        Ok(())
    }

    fn line(&self, scope: &Scope, action: Action) -> Line {
        let line = Line::of(scope, action).tenant(self.found.tenant_id);
        line.with("user_id", self.found.id).with("login", Login(&self.login))
    }
}

/// The hash of a password that is made neither of the login nor of the tenant's name.
async fn hash(
    pool: &PgPool,
    hasher: &Hasher,
    login: &str,
    tenant_id: Option<Uuid>,
    given: Secret,
) -> Result<Secret, AdminError> {
    let mut words = vec![login.to_owned()];
    words.extend(users::tenant_words(pool, tenant_id).await?);
    Ok(hasher.hash(given, words).await?)
}

impl From<Unfit> for AdminError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Busy => Self::Busy,
            unfit => Self::Invalid(unfit.to_string().into()),
        }
    }
}
