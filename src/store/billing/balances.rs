//! `balances`: credits less charges, added up whenever somebody looks.

use serde::Serialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use uuid::Uuid;

/// How the credit of somebody who pays in advance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreditState {
    /// More than the tenant's bound is left.
    Good,
    /// The bound is reached.
    Low,
    /// Nothing is left.
    Exhausted,
}

impl CreditState {
    /// The word, as sql/store/balances.sql has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Low => "low",
            Self::Exhausted => "exhausted",
        }
    }

    fn read(word: &str) -> Option<Self> {
        [Self::Good, Self::Low, Self::Exhausted].into_iter().find(|state| state.as_str() == word)
    }
}

/// A tenant's balance in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Balance {
    /// Whose.
    pub tenant_id: Uuid,
    /// The slug of the tenant.
    pub tenant: String,
    /// ISO 4217.
    pub currency: String,
    /// All that was paid in.
    pub credits: String,
    /// All that calls cost.
    pub charges: String,
    /// What is left; negative: what is owed.
    pub balance: String,
    /// From which balance on credit is low.
    pub low_credit: Option<String>,
    /// How it stands; `None`: the tenant does not pay in advance, or is charged in another currency, or not at all.
    pub state: Option<CreditState>,
}

/// The balances of a tenant, or of all.
pub async fn balances(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<Balance>, sqlx::Error> {
    find(executor, tenant_id, false).await
}

/// The balances that somebody should be told of: low and exhausted ones. For an alert that polls.
pub async fn states(executor: impl PgExecutor<'_>) -> Result<Vec<Balance>, sqlx::Error> {
    find(executor, None, true).await
}

async fn find(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    only_alarming: bool,
) -> Result<Vec<Balance>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/store/balances.sql", tenant_id, only_alarming).fetch_all(executor).await?;
    let rows = rows.into_iter().map(|row| Balance {
        tenant_id: row.tenant_id,
        tenant: row.tenant,
        currency: row.currency,
        credits: row.credits,
        charges: row.charges,
        balance: row.balance,
        low_credit: row.low_credit,
        state: row.state.as_deref().and_then(CreditState::read),
    });
    Ok(rows.collect())
}
