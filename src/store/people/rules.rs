//! Patterns among calls of no campaign, and the rules that are made of them.

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::TenantScope;
use crate::redact::Phone;
use crate::store::operator_log::{Action, Line};

/// Calls that patterns are looked for in: the newest.
const LOOK: i64 = 1_000;
/// Fewer calls of a number are no pattern.
const CALLS_MIN: i64 = 3;

/// A number of ours whose calls keep coming without a campaign.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RepeatedNumber {
    /// In E.164.
    pub our_number: String,
    /// Of the newest thousand calls, those of this number and of no campaign.
    pub calls: i64,
}

/// Numbers whose recent calls belong to no campaign, the most frequent first.
pub async fn repeated_numbers(
    connection: &mut PgConnection,
    scope: &TenantScope,
) -> Result<Vec<RepeatedNumber>, sqlx::Error> {
    sqlx::query_file_as!(RepeatedNumber, "sql/people/repeated_numbers.sql", scope.tenant(), LOOK, CALLS_MIN)
        .fetch_all(connection)
        .await
}

/// Has the calls of a number belong to a campaign from now on. False: the number is not of this tenant.
pub async fn rule_of_number(
    pool: &PgPool,
    scope: &TenantScope,
    number: &Phone,
    campaign_id: Uuid,
) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let changed = sqlx::query_file!("sql/people/rule_of_number.sql", scope.tenant(), number.expose(), campaign_id)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if changed == 1 {
        let line =
            Line::of(scope.scope(), Action::RuleOfNumber).with("number", number).with("campaign_id", campaign_id);
        line.write(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(changed == 1)
}
