//! `users`: people who log in with a password, and how often somebody may try.

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
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// When they last logged in.
    pub last_used_at: Option<DateTime<Utc>>,
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

/// The user of this name, with the hash of their password; without one they sign in by another way.
pub async fn find(executor: impl PgExecutor<'_>, login: &str) -> Result<Option<(Uuid, Option<Secret>)>, sqlx::Error> {
    let row = sqlx::query_file!("sql/console/find_user.sql", login).fetch_optional(executor).await?;
    Ok(row.map(|row| (row.id, row.password_hash.map(Secret::new))))
}

/// Notes that a user has logged in; `false`: there is no such user.
pub async fn touch(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_file!("sql/console/touch_user.sql", user_id).execute(executor).await?;
    Ok(done.rows_affected() > 0)
}

/// Counts an attempt to log in; returns how many there were in this window, and how many seconds are left of it.
pub async fn count_attempt(
    executor: impl PgExecutor<'_>,
    subject: &[u8],
    window_seconds: f64,
) -> Result<(i32, i64), sqlx::Error> {
    let row = sqlx::query_file!("sql/console/count_attempt.sql", subject, window_seconds).fetch_one(executor).await?;
    Ok((row.attempts, row.seconds_left))
}

/// Takes back what the attempt that succeeded has counted.
pub async fn take_attempts_back(executor: impl PgExecutor<'_>, subjects: &[Vec<u8>]) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/take_attempts_back.sql", subjects).execute(executor).await?;
    Ok(())
}
