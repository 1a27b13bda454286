//! `charges`: one row a finished call, written with the call.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{CallRow, CallStatus};

/// Charges the calls that have just been written, or corrects their charges. In the same transaction, whose locks on
/// the calls keep everybody else away.
pub(in crate::store) async fn charge(connection: &mut PgConnection, calls: &[CallRow]) -> Result<(), sqlx::Error> {
    let (ids, tenants): (Vec<Uuid>, Vec<Uuid>) =
        calls.iter().filter(|call| may_change_a_charge(call)).map(|call| (call.id, call.tenant_id)).unzip();
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query_file!("sql/store/upsert_charges.sql", &ids, &tenants).execute(connection).await?;
    Ok(())
}

/// Whether this piece of a call says anything that its charge follows from: what `billable_seconds` of
/// migrations/0007_billing.sql looks at, and that the call is over.
fn may_change_a_charge(call: &CallRow) -> bool {
    call.status == Some(CallStatus::Ended)
        || call.durations.is_some()
        || call.disposition.is_some()
        || call.answered_at.is_some()
        || call.ended_at.is_some()
}

/// A charge, for people. Amounts are texts: JSON numbers are floating point to most who read them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChargeRow {
    /// The call.
    pub call_id: Uuid,
    /// The slug of the tenant who pays.
    pub tenant: String,
    /// How long the conversation was.
    pub seconds: String,
    /// The same, rounded up by the rule.
    pub billed_seconds: i32,
    /// The rate that was in force when the call was first written.
    pub rate_per_minute: String,
    /// Charged seconds are a multiple of this.
    pub rounding_seconds: i32,
    /// And at least this many.
    pub minimum_seconds: i32,
    /// What the call costs.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// When the call was first charged.
    pub charged_at: DateTime<Utc>,
    /// When a later report last changed the duration.
    pub corrected_at: Option<DateTime<Utc>>,
}

/// A page of a tenant's charges, the newest first, after this one.
pub async fn page(
    executor: impl PgExecutor<'_>,
    tenant_id: Uuid,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<ChargeRow>, sqlx::Error> {
    let (charged_at, call_id) = after.unzip();
    sqlx::query_file_as!(ChargeRow, "sql/store/page_charges.sql", tenant_id, since, until, charged_at, call_id, limit)
        .fetch_all(executor)
        .await
}

/// Charges, the newest first, of a tenant or of all.
pub async fn list(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    limit: u32,
) -> Result<Vec<ChargeRow>, sqlx::Error> {
    sqlx::query_file_as!(ChargeRow, "sql/store/list_charges.sql", tenant_id, since, until, i64::from(limit))
        .fetch_all(executor)
        .await
}
