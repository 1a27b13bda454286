//! Users of an identity provider, and sign-ins that were begun with it.

use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::access::Role;
use crate::redact::{Email, Secret};

/// Who somebody is to an identity provider.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// Its identifier of them.
    pub subject: &'a Secret,
}

/// A user who has signed in before.
#[derive(Clone, Copy, Debug)]
pub struct KnownUser {
    /// Their id here.
    pub id: Uuid,
    /// Their role; `None`: a newer program's.
    pub role: Option<Role>,
    /// The one tenant that they see; `None`: all.
    pub tenant_id: Option<Uuid>,
}

/// Keeps a sign-in that was begun.
pub async fn begin(
    executor: impl PgExecutor<'_>,
    digest: &[u8],
    next: &str,
    good_for: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/begin_oidc_sign_in.sql", digest, next, good_for.as_secs_f64())
        .execute(executor)
        .await?;
    Ok(())
}

/// Takes a sign-in away; returns the page that it leads to. `None`: there is none, or it is too old.
pub async fn end(executor: impl PgExecutor<'_>, digest: &[u8]) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query_file!("sql/console/end_oidc_sign_in.sql", digest).fetch_optional(executor).await?;
    Ok(row.filter(|row| row.is_good).map(|row| row.next))
}

/// The user whom the provider means.
pub async fn find(executor: impl PgExecutor<'_>, identity: Identity<'_>) -> Result<Option<KnownUser>, sqlx::Error> {
    let row = sqlx::query_file!("sql/console/find_oidc_user.sql", identity.issuer, identity.subject.expose())
        .fetch_optional(executor)
        .await?;
    Ok(row.map(|row| KnownUser { id: row.id, role: Role::read(&row.role), tenant_id: row.tenant_id }))
}

/// Adds or changes the user whom the provider means. `None`: another user has the address as a login name.
pub async fn put(
    executor: impl PgExecutor<'_>,
    identity: Identity<'_>,
    email: &Email,
    role: Role,
    tenant_id: Option<Uuid>,
) -> Result<Option<Uuid>, sqlx::Error> {
    let (issuer, subject) = (identity.issuer, identity.subject.expose());
    let put = sqlx::query_file_scalar!(
        "sql/console/put_oidc_user.sql",
        issuer,
        subject,
        email.expose(),
        role.as_str(),
        tenant_id
    )
    .fetch_one(executor)
    .await;
    match put {
        Ok(id) => Ok(Some(id)),
        Err(error) if error.as_database_error().and_then(|error| error.constraint()) == Some("users_login_key") => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Ends every session of the user whom the provider means; returns whose, one entry a session.
pub async fn close_sessions(executor: impl PgExecutor<'_>, identity: Identity<'_>) -> Result<Vec<Uuid>, sqlx::Error> {
    let (issuer, subject) = (identity.issuer, identity.subject.expose());
    sqlx::query_file_scalar!("sql/console/close_sessions_of_oidc_user.sql", issuer, subject).fetch_all(executor).await
}
