//! `/calls`: the list, one call, and the events that made it.

use actix_web::web::{Data, Json, Path, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer::tagged;
use super::page::{self, List};
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::inbox;
use crate::providers::Trace;
use crate::store::people::{self, CallDetail, CallEvent, CallFilter, CallItem, Revealed};

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CallQuery {
    /// The slug of the tenant; needed by who sees several.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Started then or later.
    from: Option<DateTime<Utc>>,
    /// Started before.
    until: Option<DateTime<Utc>>,
    /// The platform.
    provider: Option<String>,
    /// inbound, outbound, internal.
    direction: Option<String>,
    /// scheduled, queued, initiated, ringing, in_progress, ended.
    status: Option<String>,
    /// no_answer, busy, canceled, failed, voicemail, answered.
    disposition: Option<String>,
    /// Answered by somebody, or by an agent.
    answered: Option<bool>,
    /// Inbound, ended, and answered by nobody.
    missed: Option<bool>,
    /// negative, neutral, positive, or none: nobody has said.
    sentiment: Option<String>,
    /// The person's number in E.164. Not for viewers.
    number: Option<String>,
    /// A number or its last digits, a person's name, words that were said (within quotes: in this order), or an id, ours
    /// or the platform's. Viewers: our id only.
    search: Option<String>,
    /// newest (as when nobody says) or oldest first.
    order: Option<Order>,
    /// The platform's id or the name of the agent.
    agent: Option<String>,
    /// The id of the campaign.
    campaign: Option<Uuid>,
    /// Whether somebody called it a success.
    converted: Option<bool>,
    /// Ended in an unknown way, or somebody was unhappy and nobody has decided.
    needs_review: Option<bool>,
    /// Of no campaign.
    unattributed: Option<bool>,
}

/// Which comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    /// The last one.
    #[default]
    Newest,
    /// The first one.
    Oldest,
}

/// The events that name a call.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallEvents {
    items: Vec<CallEvent>,
    /// Whether all events of the hours around the call were looked at.
    complete: bool,
}

/// Calls, the newest first unless one says otherwise. A filter that fits little may give short pages; there are no more only where `next` is null.
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls", params(CallQuery),
               responses((status = 200, body = List<CallItem>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<CallQuery>,
) -> Result<Json<List<CallItem>>, Problem> {
    let query = query.into_inner();
    let scope = page::tenant(&entry, &console, query.tenant.as_deref()).await?;
    let (limit, after) = (page::limit(query.limit)?, page::cursor(query.after.as_deref())?);
    let filter = CallFilter {
        from: query.from,
        until: query.until,
        provider: query.provider,
        direction: query.direction,
        status: query.status,
        disposition: query.disposition,
        answered: query.answered,
        missed: query.missed,
        sentiment: query.sentiment,
        agent: query.agent,
        campaign_id: query.campaign,
        converted: query.converted,
        needs_review: query.needs_review,
        unattributed: query.unattributed,
        number: page::number(scope.scope(), query.number)?,
        search: page::search(scope.scope(), query.search.as_deref())?,
        oldest_first: query.order == Some(Order::Oldest),
    };
    let mut transaction = console.begin().await?;
    let calls = people::list_calls(&mut transaction, &scope, &filter, after, limit).await?;
    console.log_reveal(&mut transaction, scope.scope(), Revealed::List("calls"), calls.items.len()).await?;
    transaction.commit().await?;
    Ok(Json(calls.into()))
}

/// One call, whole; that it was looked at is logged.
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls", params(("id" = Uuid, Path)),
               responses((status = 200, body = CallDetail), (status = 304)))]
pub(super) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let mut transaction = console.begin().await?;
    let call = people::find_call(&mut transaction, &entry.scope, *id).await?.ok_or_else(Problem::not_found)?;
    console.log_reveal(&mut transaction, &entry.scope, Revealed::Call(*id), 1).await?;
    transaction.commit().await?;
    Ok(tagged(&request, &call))
}

/// The events that made a call, without their payloads, each with the fields that it set.
#[utoipa::path(get, path = "/api/v1/calls/{id}/events", tag = "calls", params(("id" = Uuid, Path)),
               responses((status = 200, body = CallEvents)))]
pub(super) async fn events(
    entry: ReqData<Entry>,
    console: Data<Console>,
    trace: Data<Trace>,
    id: Path<Uuid>,
) -> Result<Json<CallEvents>, Problem> {
    let mut transaction = console.begin().await?;
    let found = people::events_of_call(&mut transaction, &entry.scope, *id).await?;
    let (mut items, complete) = found.ok_or_else(Problem::not_found)?;
    let ids: Vec<Uuid> = items.iter().map(|event| event.id).collect();
    let mut fields = trace.fields(*id, &inbox::load(&mut transaction, &ids).await?);
    transaction.commit().await?;
    items.iter_mut().for_each(|event| event.sets = fields.remove(&event.id).unwrap_or_default());
    Ok(Json(CallEvents { items, complete }))
}
