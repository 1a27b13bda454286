//! `phone_numbers`: which tenant and campaign a number of ours belongs to.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::redact::Phone;

/// A number of ours.
#[derive(Clone, Debug, Serialize)]
pub struct NumberRow {
    /// In E.164.
    pub number: Phone,
    /// The slug of its tenant.
    pub tenant: String,
    /// The name of its campaign.
    pub campaign: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// The WhatsApp phone_number_id that answers for it; `None`: the configured one.
    pub sender: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// Adds a number in E.164. False: it has an owner already, and nothing is changed.
pub async fn add(
    executor: impl PgExecutor<'_>,
    number: &Phone,
    tenant_id: Uuid,
    campaign_id: Option<Uuid>,
    label: Option<&str>,
    sender: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!("sql/store/add_number.sql", number.expose(), tenant_id, campaign_id, label, sender)
        .execute(executor)
        .await?;
    Ok(result.rows_affected() == 1)
}

/// The numbers of a tenant, or of all.
pub async fn list(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<NumberRow>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/store/list_numbers.sql", tenant_id).fetch_all(executor).await?;
    let rows = rows.into_iter().map(|row| NumberRow {
        number: Phone::new(row.number),
        tenant: row.tenant,
        campaign: row.campaign,
        label: row.label,
        sender: row.sender,
        created_at: row.created_at,
    });
    Ok(rows.collect())
}

/// Gives a tenant's number to a campaign, or to none; what people call it, and who answers for it. False: there is none.
pub async fn assign(
    executor: impl PgExecutor<'_>,
    number: &Phone,
    tenant_id: Uuid,
    campaign_id: Option<Uuid>,
    label: Option<&str>,
    sender: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let result =
        sqlx::query_file!("sql/store/assign_number.sql", number.expose(), tenant_id, campaign_id, label, sender)
            .execute(executor)
            .await?;
    Ok(result.rows_affected() == 1)
}

/// Removes a number in E.164, of a tenant or of any. False: there is none.
pub async fn remove(
    executor: impl PgExecutor<'_>,
    number: &Phone,
    tenant_id: Option<Uuid>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!("sql/store/remove_number.sql", number.expose(), tenant_id).execute(executor).await?;
    Ok(result.rows_affected() == 1)
}
