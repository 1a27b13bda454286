//! What operators do with the CRM: look, ask for everybody, tell of everybody.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::feed;
use crate::jobs::Desk;
use crate::redact::Phone;

/// A tenant's CRM in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The tenant.
    #[serde(skip)]
    pub id: Uuid,
    /// Its name in commands.
    #[serde(rename = "tenant")]
    pub slug: String,
    /// Whether it has a CRM.
    pub is_active: bool,
    /// Its leads.
    pub leads: i64,
    /// Those whose record is known.
    pub linked: i64,
    /// Those about which a person must decide.
    pub differing: i64,
    /// Leads to be compared, and jobs not done.
    pub waiting: i64,
    /// The last push.
    pub last_pushed_at: Option<DateTime<Utc>>,
}

/// A lead that differs from the CRM.
#[derive(Clone, Debug, Serialize)]
pub struct Differing {
    /// The lead.
    pub lead_id: Uuid,
    /// Whose.
    pub tenant: String,
    /// The number.
    pub phone: String,
    /// `lead` or `contact`.
    pub module: Option<String>,
    /// The CRM's id.
    pub record_id: Option<String>,
    /// In what.
    pub differs: Vec<String>,
    /// When it was looked at last.
    pub looked_at: Option<DateTime<Utc>>,
}

/// Where every tenant stands, by the configuration as it is now.
pub async fn status(desk: &Desk, tenant_id: Option<Uuid>) -> Result<Vec<Status>, sqlx::Error> {
    feed::tenants(desk).await?;
    sqlx::query_file_as!(Status, "sql/jobs/crm_status.sql", tenant_id).fetch_all(&desk.pool).await
}

/// Leads that differ.
pub async fn differing(
    executor: impl PgExecutor<'_>,
    tenant_id: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Differing>, sqlx::Error> {
    sqlx::query_file_as!(Differing, "sql/jobs/crm_differing.sql", tenant_id, limit).fetch_all(executor).await
}

/// Puts up a pull for every lead of these tenants without a record, or for all of them; returns how many.
pub async fn pull(
    executor: impl PgExecutor<'_>,
    tenants: &[Uuid],
    all: bool,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let run = Uuid::now_v7().to_string();
    let result = sqlx::query_file!("sql/jobs/crm_pull_all.sql", tenants, all, run, now).execute(executor).await?;
    Ok(result.rows_affected())
}

/// Queues leads of these tenants to be pushed; returns how many. `force`: even if nothing changed, and over what
/// differs.
pub async fn push(
    executor: impl PgExecutor<'_>,
    tenants: &[Uuid],
    phone: Option<&Phone>,
    force: bool,
) -> Result<u64, sqlx::Error> {
    let phone = phone.map(Phone::expose);
    let result = sqlx::query_file!("sql/jobs/crm_push_all.sql", tenants, phone, force).execute(executor).await?;
    Ok(result.rows_affected())
}
