//! `tenant_rates`: what a minute costs. A new rate is a new row.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Amount;

/// A rate to be set.
#[derive(Clone, Debug)]
pub struct NewRate {
    /// A minute costs this; `None`: calls are not charged from now on.
    pub per_minute: Option<Amount>,
    /// ISO 4217.
    pub currency: String,
    /// Charged seconds are a multiple of this.
    pub rounding_seconds: i32,
    /// And at least this many, where the call was taken.
    pub minimum_seconds: i32,
}

/// A rate, in force now or once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateRow {
    /// Calls first written then or later are charged so, until the next rate.
    pub since: DateTime<Utc>,
    /// A minute costs this; `None`: calls are not charged.
    pub rate_per_minute: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// Charged seconds are a multiple of this.
    pub rounding_seconds: i32,
    /// And at least this many.
    pub minimum_seconds: i32,
}

/// Sets the rate of a tenant from now on.
pub async fn set(executor: impl PgExecutor<'_>, tenant_id: Uuid, rate: &NewRate) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/store/set_rate.sql",
        tenant_id,
        rate.per_minute.as_ref().map(Amount::as_str),
        rate.currency,
        rate.rounding_seconds,
        rate.minimum_seconds,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// The rates of a tenant, the one in force first.
pub async fn list(executor: impl PgExecutor<'_>, tenant_id: Uuid) -> Result<Vec<RateRow>, sqlx::Error> {
    sqlx::query_file_as!(RateRow, "sql/store/list_rates.sql", tenant_id).fetch_all(executor).await
}

/// Sets the balance from which on credit is low; `None`: it is exhausted or good.
pub async fn set_low_credit(
    executor: impl PgExecutor<'_>,
    tenant_id: Uuid,
    amount: Option<&Amount>,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/set_low_credit.sql", tenant_id, amount.map(Amount::as_str)).execute(executor).await?;
    Ok(())
}
