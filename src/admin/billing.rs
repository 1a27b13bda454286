//! What tenants pay, and what they paid in.

use sqlx::PgPool;
use uuid::Uuid;

use super::{AdminError, line_of};
use crate::access::TenantScope;
use crate::store::billing::{self, Amount, NewCredit, NewRate};
use crate::store::operator_log::{Action, Id};

/// Sets what a minute costs from now on, and from which balance on credit is low; what is `None` stays as it is. The
/// inner `None` of `low_credit`: only an exhausted one is told of.
pub async fn set_rate(
    pool: &PgPool,
    scope: &TenantScope,
    rate: Option<&NewRate>,
    low_credit: Option<Option<&Amount>>,
) -> Result<(), AdminError> {
    let per_minute = rate.and_then(|rate| rate.per_minute.as_ref());
    if per_minute.is_some_and(Amount::is_negative) {
        return Err(AdminError::Invalid("--per-minute is not negative".into()));
    }
    if low_credit.flatten().is_some_and(Amount::is_negative) {
        return Err(AdminError::Invalid("--low-credit is not negative".into()));
    }
    let mut transaction = pool.begin().await?;
    let mut line = line_of(scope, Action::SetRate);
    if let Some(rate) = rate {
        billing::set_rate(&mut *transaction, scope.tenant(), rate).await?;
        line = line
            .with("per_minute", per_minute.map(|amount| Id(amount.as_str())))
            .with("currency", Id(&rate.currency))
            .with("rounding_seconds", rate.rounding_seconds)
            .with("minimum_seconds", rate.minimum_seconds);
    }
    if let Some(amount) = low_credit {
        billing::set_low_credit(&mut *transaction, scope.tenant(), amount).await?;
        line = line.with("low_credit", amount.map(|amount| Id(amount.as_str())));
    }
    line.write(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Adds a credit; a negative amount takes back. The note stands with the credit, not in the log.
pub async fn add_credit(
    pool: &PgPool,
    scope: &TenantScope,
    amount: &Amount,
    currency: &str,
    note: &str,
    added_by: &str,
) -> Result<Uuid, AdminError> {
    if amount.is_zero() {
        return Err(AdminError::Invalid("--amount is not nothing".into()));
    }
    let mut transaction = pool.begin().await?;
    let credit = NewCredit { tenant_id: scope.tenant(), amount, currency, note, added_by };
    let id = billing::add_credit(&mut *transaction, &credit).await?;
    let line = line_of(scope, Action::AddCredit).with("credit_id", id).with("amount", Id(amount.as_str()));
    line.with("currency", Id(currency)).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(id)
}
