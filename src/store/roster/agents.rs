//! `agents`: which tenant and campaign a platform's agent belongs to.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use uuid::Uuid;

/// An agent of ours on a platform.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentRow {
    /// The platform.
    pub provider: String,
    /// The platform's id.
    pub agent_id: String,
    /// The slug of its tenant.
    pub tenant: String,
    /// The campaign that its calls belong to.
    pub campaign_id: Option<Uuid>,
    /// The name of its campaign.
    pub campaign: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What is to be set of an agent; the outer `None`: it stays, the inner one: there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentEdit {
    /// The campaign that its calls belong to from now on.
    pub campaign_id: Option<Option<Uuid>>,
    /// What people call it.
    pub name: Option<Option<String>>,
}

/// Adds an agent. False: it has an owner already, and nothing is changed.
pub async fn add(
    executor: impl PgExecutor<'_>,
    provider: &str,
    agent_id: &str,
    tenant_id: Uuid,
    campaign_id: Option<Uuid>,
    name: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query_file!("sql/store/add_agent.sql", provider, agent_id, tenant_id, campaign_id, name)
        .execute(executor)
        .await?;
    Ok(result.rows_affected() == 1)
}

/// The agents of a tenant, or of all.
pub async fn list(executor: impl PgExecutor<'_>, tenant_id: Option<Uuid>) -> Result<Vec<AgentRow>, sqlx::Error> {
    sqlx::query_file_as!(AgentRow, "sql/store/list_agents.sql", tenant_id).fetch_all(executor).await
}

/// Sets it, of a tenant or of any; returns its tenant. `None`: there is none, or the campaign is another tenant's.
pub async fn edit(
    executor: impl PgExecutor<'_>,
    provider: &str,
    agent_id: &str,
    tenant_id: Option<Uuid>,
    edit: &AgentEdit,
) -> Result<Option<Uuid>, sqlx::Error> {
    let AgentEdit { campaign_id, name } = edit;
    sqlx::query_file_scalar!(
        "sql/store/assign_agent.sql",
        provider,
        agent_id,
        tenant_id,
        campaign_id.is_some(),
        campaign_id.flatten(),
        name.is_some(),
        name.as_ref().and_then(Option::as_deref),
    )
    .fetch_optional(executor)
    .await
}

/// Removes an agent, of a tenant or of any; returns its tenant.
pub async fn remove(
    executor: impl PgExecutor<'_>,
    provider: &str,
    agent_id: &str,
    tenant_id: Option<Uuid>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/remove_agent.sql", provider, agent_id, tenant_id).fetch_optional(executor).await
}
