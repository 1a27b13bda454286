//! Daily caps and budgets: taken before a vendor is asked, so that many who ask at once never exceed them.

use chrono::NaiveDate;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

/// So much of something, of one tenant, on one day of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowance {
    /// Whose.
    pub tenant_id: Uuid,
    /// Of what: `messages`, `messages:<lead>`, `analysis_usd`.
    pub subject: String,
    /// The tenant's day.
    pub day: NaiveDate,
    /// How much.
    pub amount: f64,
}

/// Takes it, if no more than `most` is used that day with it. Whoever then asks a vendor takes it in the transaction
/// that says so: killed in between, they would have used what nobody used.
pub async fn take(executor: impl PgExecutor<'_>, allowance: &Allowance, most: f64) -> Result<bool, sqlx::Error> {
    let Allowance { tenant_id, subject, day, amount } = allowance;
    let result = sqlx::query_file!("sql/outbox/take_allowance.sql", tenant_id, subject, day, amount, most)
        .execute(executor)
        .await?;
    Ok(result.rows_affected() == 1)
}

/// Gives it back: it was certainly not used. A negative amount: more was used than was taken.
pub async fn give_back(pool: &PgPool, allowance: &Allowance) -> Result<(), sqlx::Error> {
    let Allowance { tenant_id, subject, day, amount } = allowance;
    sqlx::query_file!("sql/outbox/return_allowance.sql", tenant_id, subject, day, amount).execute(pool).await?;
    Ok(())
}
