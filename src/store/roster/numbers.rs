//! `phone_numbers`: which tenant and campaign a number of ours belongs to.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::redact::Phone;

/// A sender's id is digits, as Meta gives it: fifteen to seventeen now, and no more than a 64-bit number has.
const SENDER_DIGITS_MAX: usize = 20;

/// Whether this can be a WhatsApp phone_number_id.
pub fn is_sender(text: &str) -> bool {
    (1..=SENDER_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of ours.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NumberRow {
    /// In E.164.
    #[schema(value_type = String)]
    pub number: Phone,
    /// The slug of its tenant.
    pub tenant: String,
    /// The campaign that its calls belong to.
    pub campaign_id: Option<Uuid>,
    /// The name of its campaign.
    pub campaign: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// The WhatsApp phone_number_id that answers for it; `None`: the configured one.
    pub sender: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What is to be set of a number; the outer `None`: it stays, the inner one: there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberEdit {
    /// The campaign that its calls belong to from now on.
    pub campaign_id: Option<Option<Uuid>>,
    /// What people call it.
    pub label: Option<Option<String>>,
    /// Who answers for it.
    pub sender: Option<Option<String>>,
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
        campaign_id: row.campaign_id,
        campaign: row.campaign,
        label: row.label,
        sender: row.sender,
        created_at: row.created_at,
    });
    Ok(rows.collect())
}

/// Sets it, of a tenant or of any; returns its tenant. `None`: there is none, or the campaign is another tenant's.
pub async fn edit(
    executor: impl PgExecutor<'_>,
    number: &Phone,
    tenant_id: Option<Uuid>,
    edit: &NumberEdit,
) -> Result<Option<Uuid>, sqlx::Error> {
    let NumberEdit { campaign_id, label, sender } = edit;
    sqlx::query_file_scalar!(
        "sql/store/assign_number.sql",
        number.expose(),
        tenant_id,
        campaign_id.is_some(),
        campaign_id.flatten(),
        label.is_some(),
        label.as_ref().and_then(Option::as_deref),
        sender.is_some(),
        sender.as_ref().and_then(Option::as_deref),
    )
    .fetch_optional(executor)
    .await
}

/// Removes a number in E.164, of a tenant or of any; returns its tenant.
pub async fn remove(
    executor: impl PgExecutor<'_>,
    number: &Phone,
    tenant_id: Option<Uuid>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/remove_number.sql", number.expose(), tenant_id).fetch_optional(executor).await
}

#[cfg(test)]
mod tests {
    use super::is_sender;

    #[test]
    fn a_sender_is_digits() {
        assert!(is_sender("106540352242922"));
        for wrong in ["", "+15550100123", "1065 4035", "abc", "١٢٣", "123456789012345678901"] {
            assert!(!is_sender(wrong), "{wrong}");
        }
    }
}
