//! `credits`: what tenants paid in.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Amount;

/// A credit to be added.
#[derive(Clone, Debug)]
pub struct NewCredit<'a> {
    /// Whose.
    pub tenant_id: Uuid,
    /// How much; a negative amount takes back.
    pub amount: &'a Amount,
    /// ISO 4217.
    pub currency: &'a str,
    /// What for, and by which paper.
    pub note: &'a str,
    /// Who added it.
    pub added_by: &'a str,
}

/// A credit, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreditRow {
    /// Its id.
    pub id: Uuid,
    /// The slug of the tenant.
    pub tenant: String,
    /// How much.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// What for.
    pub note: String,
    /// Who added it.
    pub added_by: String,
    /// When.
    pub added_at: DateTime<Utc>,
}

/// Adds a credit.
pub async fn add(executor: impl PgExecutor<'_>, credit: &NewCredit<'_>) -> Result<Uuid, sqlx::Error> {
    sqlx::query_file_scalar!(
        "sql/store/add_credit.sql",
        credit.tenant_id,
        credit.amount.as_str(),
        credit.currency,
        credit.note,
        credit.added_by,
    )
    .fetch_one(executor)
    .await
}

/// Credits, the newest first, of a tenant or of all.
pub async fn list(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    limit: u32,
) -> Result<Vec<CreditRow>, sqlx::Error> {
    sqlx::query_file_as!(CreditRow, "sql/store/list_credits.sql", tenant_id, i64::from(limit)).fetch_all(executor).await
}
