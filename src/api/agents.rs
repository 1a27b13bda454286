//! `/agents`: which campaign a platform's agent leads to.

use actix_web::web::{Data, Path, Query, ReqData};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Count, given};
use super::json::Json;
use super::page::{self, List, Of};
use super::problem::Problem;
use crate::admin::roster::{self, NewAgent as New};
use crate::console::{Console, Entry};
use crate::providers;
use crate::store::roster::agents::{self, AgentEdit, AgentRow};

/// An agent to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAgent {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The platform.
    provider: String,
    /// The platform's id.
    agent_id: String,
    /// The campaign that its calls belong to.
    campaign_id: Option<Uuid>,
    /// What people call it.
    name: Option<String>,
}

/// An agent that was added.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeptAgent {
    /// The platform.
    provider: &'static str,
    /// The platform's id.
    agent_id: String,
}

/// What is to be set; a field that is absent stays, null takes it away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditAgent {
    /// The campaign that its calls belong to from now on.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    campaign_id: Option<Option<Uuid>>,
    /// What people call it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
}

/// The agents of a tenant, or of all.
#[utoipa::path(get, path = "/api/v1/agents", tag = "setup", params(Of),
               responses((status = 200, body = List<AgentRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<Of>,
) -> Result<Json<List<AgentRow>>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(agents::list(&mut *transaction, scope.tenant_id()).await?)))
}

/// Add an agent: its calls belong to this tenant and campaign.
#[utoipa::path(post, path = "/api/v1/agents", tag = "setup", request_body = NewAgent,
               responses((status = 200, body = KeptAgent), (status = 409, description = "The agent has an owner")))]
pub(super) async fn create(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<NewAgent>,
) -> Result<Json<KeptAgent>, Problem> {
    let NewAgent { tenant, provider, agent_id, campaign_id, name } = body.into_inner();
    let scope = page::tenant(&entry, &console, tenant.as_deref()).await?;
    let provider = providers::find(&provider).ok_or_else(|| Problem::unfit("provider: there is no such platform"))?;
    let provider = provider.name();
    let agent_id = agent_id.trim().to_owned();
    roster::add_agent(console.pool(), &scope, New { provider, agent_id: agent_id.clone(), campaign_id, name }).await?;
    Ok(Json(KeptAgent { provider, agent_id }))
}

/// Give an agent to a campaign; calls that were keep theirs.
#[utoipa::path(patch, path = "/api/v1/agents/{provider}/{agent}", tag = "setup",
               params(("provider" = String, Path, description = "The platform"),
                      ("agent" = String, Path, description = "The platform's id of it")),
               request_body = EditAgent, responses((status = 200, body = Count)))]
pub(super) async fn edit(
    entry: ReqData<Entry>,
    console: Data<Console>,
    path: Path<(String, String)>,
    body: Json<EditAgent>,
) -> Result<Json<Count>, Problem> {
    let EditAgent { campaign_id, name } = body.into_inner();
    let edit = AgentEdit { campaign_id, name };
    if edit == AgentEdit::default() {
        return Err(Problem::unfit("name campaign_id or name"));
    }
    let (provider, agent_id) = path.into_inner();
    roster::edit_agent(console.pool(), &entry.scope, &provider, &agent_id, edit).await?;
    Ok(Json(Count { changed: 1 }))
}

/// Remove an agent; what its calls belong to stays as it is.
#[utoipa::path(delete, path = "/api/v1/agents/{provider}/{agent}", tag = "setup",
               params(("provider" = String, Path, description = "The platform"),
                      ("agent" = String, Path, description = "The platform's id of it")),
               responses((status = 200, body = Count)))]
pub(super) async fn remove(
    entry: ReqData<Entry>,
    console: Data<Console>,
    path: Path<(String, String)>,
) -> Result<Json<Count>, Problem> {
    let (provider, agent_id) = path.into_inner();
    roster::remove_agent(console.pool(), &entry.scope, &provider, &agent_id).await?;
    Ok(Json(Count { changed: 1 }))
}
