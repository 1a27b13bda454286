//! Asking the CRM for everybody, and telling it of everybody.

use sqlx::PgPool;

use super::{AdminError, line_of};
use crate::access::TenantScope;
use crate::jobs::Desk;
use crate::jobs::crm::operate;
use crate::redact::Phone;
use crate::store::operator_log::Action;

/// Enqueues a pull for every lead of the tenant whose record is not known, or for all of them; returns how many.
pub async fn pull(desk: &Desk, scope: &TenantScope, all: bool) -> Result<u64, AdminError> {
    let mut transaction = desk.pool.begin().await?;
    let leads = operate::pull(&mut *transaction, &[scope.tenant()], all, desk.now()).await?;
    line_of(scope, Action::PullFromCrm).rows(leads).with("all", all).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(leads)
}

/// Queues leads of the tenant to be pushed; returns how many. `phone`: this person only, and over what differs.
pub async fn push(pool: &PgPool, scope: &TenantScope, phone: Option<&Phone>) -> Result<u64, AdminError> {
    let mut transaction = pool.begin().await?;
    let leads = operate::push(&mut *transaction, &[scope.tenant()], phone, phone.is_some()).await?;
    let line = line_of(scope, Action::PushToCrm).rows(leads).with("one", phone.is_some());
    line.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(leads)
}
