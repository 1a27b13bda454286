//! How long data is kept: for a tenant, or for all that have no rule of their own.

use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

use super::AdminError;
use crate::access::Scope;
use crate::retention::{self, Action as Then, Kind};
use crate::store::operator_log::{Action, Line};

/// Makes a rule, or changes it. `keep`: `None` for ever.
pub async fn set(
    pool: &PgPool,
    scope: &Scope,
    tenant_id: Option<Uuid>,
    kind: Kind,
    keep: Option<Duration>,
    then: Then,
) -> Result<(), AdminError> {
    let word = kind.as_str();
    if then == Then::Anonymise && !kind.can_be_anonymised() {
        let why = "anonymous: they are deleted, or kept (what counts of their calls stays)";
        return Err(AdminError::Invalid(format!("a machine cannot make {word} {why}").into()));
    }
    if tenant_id.is_some() && !kind.has_tenants() {
        return Err(AdminError::Invalid(format!("{word} belong to no tenant").into()));
    }
    let mut transaction = pool.begin().await?;
    retention::set(&mut *transaction, tenant_id, kind, keep, then).await?;
    let line = Line::of(scope, Action::SetRetention).tenant(tenant_id).with("kind", word);
    let line = line.with("keep_seconds", keep.map(|keep| keep.as_secs())).with("action", then.as_str());
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Takes a rule away.
pub async fn unset(pool: &PgPool, scope: &Scope, tenant_id: Option<Uuid>, kind: Kind) -> Result<(), AdminError> {
    let mut transaction = pool.begin().await?;
    if !retention::unset(&mut *transaction, tenant_id, kind).await? {
        return Err(AdminError::NotFound);
    }
    let line = Line::of(scope, Action::UnsetRetention).tenant(tenant_id).with("kind", kind.as_str());
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}
