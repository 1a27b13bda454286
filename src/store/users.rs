//! `users`: people who log in.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Role;
use crate::redact::Secret;

/// A user, as people list them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserRow {
    /// Its id, which stands in the operator log.
    pub id: Uuid,
    /// The slug of the one tenant that they may see; `None`: all.
    pub tenant: Option<String>,
    /// What they log in with.
    pub login: String,
    /// viewer, agent, operator or admin.
    pub role: String,
    /// Whether they have a second factor.
    pub has_second_factor: bool,
    /// Whether an admin obliges them to have one.
    pub second_factor_required: bool,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// When they last logged in.
    pub last_used_at: Option<DateTime<Utc>>,
    /// password, or oidc: with the identity provider.
    pub signs_in_with: String,
}

/// Adds a user. `None`: the login name is taken.
pub async fn add(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    login: &str,
    hash: &Secret,
    role: Role,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/console/add_user.sql", tenant_id, login, hash.expose(), role.as_str())
        .fetch_optional(executor)
        .await
}

/// The users of a tenant, or all.
pub async fn list(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<UserRow>, sqlx::Error> {
    sqlx::query_file_as!(UserRow, "sql/console/list_users.sql", tenant_id).fetch_all(executor).await
}

/// Takes a user away, and with them their sessions; returns who they were. `None`: there is none of this name. Names are
/// kept in small letters.
pub async fn remove(
    executor: impl PgExecutor<'_>,
    login: &str,
    tenant_id: Option<Uuid>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/console/remove_user.sql", login.to_lowercase(), tenant_id)
        .fetch_optional(executor)
        .await
}

/// Gives a user another password; `None`: there is none of this name. End their sessions in the same transaction.
pub async fn set_password(
    executor: impl PgExecutor<'_>,
    login: &str,
    hash: &Secret,
    tenant_id: Option<Uuid>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/console/set_password.sql", login.to_lowercase(), hash.expose(), tenant_id)
        .fetch_optional(executor)
        .await
}

/// A user who wants to sign in.
#[derive(Debug)]
pub struct Found {
    /// Their id.
    pub id: Uuid,
    /// The one tenant that they may see.
    pub tenant_id: Option<Uuid>,
    /// The hash of their password; without one they sign in by another way.
    pub password_hash: Option<Secret>,
    /// Whether an identity provider vouches for them.
    pub is_external: bool,
}

/// The user of this name.
pub async fn find(executor: impl PgExecutor<'_>, login: &str) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query_file!("sql/console/find_user.sql", login).fetch_optional(executor).await?;
    Ok(row.map(|row| Found {
        id: row.id,
        tenant_id: row.tenant_id,
        password_hash: row.password_hash.map(Secret::new),
        is_external: row.is_external,
    }))
}

/// Notes that a user signs in, with the password of this hash if that is their proof, and locks the row; `false`: there is
/// no such user, or the password was changed meanwhile. Begin their session in the same transaction.
pub async fn touch(executor: impl PgExecutor<'_>, user_id: Uuid, hash: Option<&Secret>) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query_file!("sql/console/touch_user.sql", user_id, hash.map(Secret::expose)).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}

/// Locks a user before what they sign in with is changed: of a change and a sign-in at the same moment one sees the other.
/// First the user, then what is theirs.
pub async fn lock(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/lock_user.sql", user_id).execute(executor).await?;
    Ok(())
}

/// A user as the account page shows them, with the words that their password must not be made of.
#[derive(Debug)]
pub struct Account {
    /// What they log in with.
    pub login: String,
    /// The one tenant that they may see.
    pub tenant_id: Option<Uuid>,
    /// viewer, agent, operator or admin.
    pub role: String,
    /// Whether they have a second factor.
    pub has_second_factor: bool,
    /// `None`: they sign in by another way only.
    pub password_hash: Option<String>,
    /// The identity provider that vouches for them; `None`: they sign in with a password.
    pub issuer: Option<String>,
    /// Its slug.
    pub tenant: Option<String>,
    /// Its name.
    pub tenant_name: Option<String>,
}

/// The account of a user.
pub async fn account(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_file_as!(Account, "sql/console/find_account.sql", user_id).fetch_optional(executor).await
}

/// Gives a user another password in place of the one with this hash; `false`: they have another one by now. End their
/// sessions in the same transaction.
pub async fn change_password(
    executor: impl PgExecutor<'_>,
    user_id: Uuid,
    hash: &Secret,
    before: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query_file!("sql/console/change_password.sql", user_id, hash.expose(), before).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}

/// The names of a tenant, of which no password of its users may be made.
pub async fn tenant_words(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<String>, sqlx::Error> {
    let row = sqlx::query_file!("sql/console/tenant_words.sql", tenant_id).fetch_optional(executor).await?;
    Ok(row.map_or_else(Vec::new, |row| vec![row.slug, row.name]))
}
