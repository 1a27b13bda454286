//! Sources of webhooks, as the command line changes them; the API and the pages do so in `console/senders.rs`, by the same
//! statements and with the same lines.

use sqlx::PgPool;
use uuid::Uuid;

use super::AdminError;
use crate::access::Scope;
use crate::crypto::{DigestKey, Keys};
use crate::db;
use crate::redact::Secret;
use crate::store::directory::{self, AddedConnection, NewConnection};
use crate::store::operator_log::{Action, Id, Line};
use crate::store::roster::connections::{self, Overlap};
use crate::store::source_tokens::TokenUse;

/// Adds a source, of a tenant or shared.
pub async fn add(
    pool: &PgPool,
    scope: &Scope,
    keys: &Keys,
    new: &NewConnection,
) -> Result<AddedConnection, AdminError> {
    let mut transaction = db::patient(pool).await?;
    let added = directory::add_connection(&mut transaction, keys, new).await.map_err(|error| taken(error, new))?;
    let line = Line::of(scope, Action::AddConnection).tenant(new.tenant_id).with("connection_id", added.id);
    line.with("provider", Id(&new.provider)).with("shared", new.tenant_id.is_none()).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(added)
}

/// Gives a source a further secret; returns how many of the ones that it has end.
pub async fn add_secret(
    pool: &PgPool,
    scope: &Scope,
    keys: &Keys,
    id: Uuid,
    secret: &Secret,
    overlap: Option<Overlap>,
) -> Result<u64, AdminError> {
    let mut transaction = db::patient(pool).await?;
    let expiring = connections::add_secret(&mut transaction, keys, id, Uuid::now_v7(), secret, overlap).await?;
    let tenant_id = connections::tenant_of(&mut *transaction, id).await?;
    let line = Line::of(scope, Action::RotateSecret).tenant(tenant_id).with("connection_id", id);
    line.with("expiring", expiring).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(expiring)
}

/// Makes a secret URL, or a token for live requests; returns it, and how many others end. `None`: there are too many.
pub async fn add_token(
    pool: &PgPool,
    scope: &Scope,
    key: &DigestKey,
    id: Uuid,
    usage: TokenUse,
    overlap: Option<Overlap>,
) -> Result<Option<(Secret, u64)>, AdminError> {
    let mut transaction = db::patient(pool).await?;
    let made = connections::add_token(&mut transaction, key, id, Uuid::now_v7(), usage, overlap).await?;
    let Some((token, expiring)) = made else { return Ok(None) };
    let tenant_id = connections::tenant_of(&mut *transaction, id).await?;
    let line = Line::of(scope, Action::AddSourceToken).tenant(tenant_id).with("connection_id", id);
    line.with("usage", Id(usage.as_str())).with("expiring", expiring).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Some((token, expiring)))
}

/// Gives a source a verify token, in place of the one it had.
pub async fn set_verify_token(
    pool: &PgPool,
    scope: &Scope,
    key: &DigestKey,
    id: Uuid,
    token: &Secret,
) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    connections::set_verify_token(&mut *transaction, key, id, token).await?;
    let tenant_id = connections::tenant_of(&mut *transaction, id).await?;
    let line = Line::of(scope, Action::SetVerifyToken).tenant(tenant_id).with("connection_id", id);
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Takes a source out of use, or into use again.
pub async fn set_disabled(pool: &PgPool, scope: &Scope, id: Uuid, is_disabled: bool) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    connections::set_disabled(&mut *transaction, id, is_disabled).await?;
    let tenant_id = connections::tenant_of(&mut *transaction, id).await?;
    let action = if is_disabled { Action::DisableConnection } else { Action::EnableConnection };
    Line::of(scope, action).tenant(tenant_id).with("connection_id", id).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

fn taken(error: sqlx::Error, new: &NewConnection) -> AdminError {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    match constraint {
        Some("connections_provider_slug_key") => {
            AdminError::Conflict(format!("{} has a connection of this slug already", new.provider).into())
        }
        Some("connections_default_idx") => {
            AdminError::Conflict(format!("{} has a default connection already", new.provider).into())
        }
        _ => error.into(),
    }
}
