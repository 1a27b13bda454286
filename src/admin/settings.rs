//! What a tenant has of its own in place of the configuration.

use sqlx::PgPool;

use super::{AdminError, line_of};
use crate::access::TenantScope;
use crate::store::operator_log::{Action, Id};
use crate::store::roster::tenants::{self, Own};

/// Writes what a tenant has of its own after this key was set, or taken away. The log has the key, never the value.
pub async fn set(pool: &PgPool, scope: &TenantScope, own: &Own, key: &str, is_set: bool) -> Result<(), AdminError> {
    let action = if is_set { Action::SetSetting } else { Action::UnsetSetting };
    let mut transaction = pool.begin().await?;
    tenants::set_own(&mut transaction, scope.tenant(), own).await?;
    line_of(scope, action).with("key", Id(key)).write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}
