//! `/events` and `/dead`: what came in, what became of it, and what it said.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::answer::tagged;
use super::page::{self, List};
use super::problem::Problem;
use crate::access::Scope;
use crate::console::{Console, Entry};
use crate::inbox::search::{self, Cause, EventRow, State};
use crate::inbox::{Filter, Outcome};
use crate::store::people::{Page, Revealed};

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    /// The slug of the tenant.
    tenant: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Rows of a page: 1 to 500, 50 when nobody says.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// The platform.
    provider: Option<String>,
    /// In the platform's words.
    r#type: Option<String>,
    /// Received then or later.
    from: Option<DateTime<Utc>>,
    /// Received before.
    until: Option<DateTime<Utc>>,
    /// pending, processed, ignored, dead.
    state: Option<String>,
    /// The id of the connection.
    connection: Option<Uuid>,
    /// Those that failed with exactly this.
    error: Option<String>,
}

/// Which dead events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadQuery {
    /// The slug of the tenant.
    tenant: Option<String>,
    /// The platform.
    provider: Option<String>,
    /// In the platform's words.
    r#type: Option<String>,
    /// Received then or later.
    from: Option<DateTime<Utc>>,
    /// Received before.
    until: Option<DateTime<Utc>>,
}

/// Events without their payloads, the newest first. A filter that fits little may give short pages.
#[utoipa::path(get, path = "/api/v1/events", tag = "operations", params(EventQuery),
               responses((status = 200, body = List<EventRow>)))]
pub(super) async fn list(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<EventQuery>,
) -> Result<Json<List<EventRow>>, Problem> {
    let query = query.into_inner();
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let limit = page::limit(query.limit)?;
    let before: Option<Uuid> = page::cursor(query.after.as_deref())?;
    let state = query.state.as_deref().map(state).transpose()?;
    let filter = Filter {
        provider: query.provider,
        event_type: query.r#type,
        tenant_id: scope.tenant_id(),
        since: query.from,
        until: query.until,
        connection_id: query.connection,
        last_error: query.error,
        ..Filter::default()
    };
    let mut transaction = console.begin().await?;
    let rows = u32::try_from(limit).unwrap_or(u32::MAX);
    let (items, next) = search::page(&mut transaction, &filter, state, before, rows).await?;
    Ok(Json(Page { items, next, left_out: false }.into()))
}

/// One event, without its payload.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "operations", params(("id" = Uuid, Path)),
               responses((status = 200, body = EventRow), (status = 304)))]
pub(super) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let mut transaction = console.begin().await?;
    let event = find(&mut transaction, &entry.scope, *id).await?;
    Ok(tagged(&request, &event))
}

/// What a platform sent; that it was looked at is logged.
#[utoipa::path(get, path = "/api/v1/events/{id}/payload", tag = "operations", params(("id" = Uuid, Path)),
               responses((status = 200, description = "As it was sent, as JSON")))]
pub(super) async fn payload(
    entry: ReqData<Entry>,
    console: Data<Console>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let mut transaction = console.begin().await?;
    find(&mut transaction, &entry.scope, *id).await?;
    let payload = search::find_payload(&mut transaction, *id).await?.ok_or_else(Problem::not_found)?;
    console.log_reveal(&mut transaction, &entry.scope, Revealed::Payload(*id), 1).await?;
    transaction.commit().await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(payload.expose().clone()))
}

/// Dead events by what they died of, the most frequent cause first.
#[utoipa::path(get, path = "/api/v1/dead", tag = "operations", params(DeadQuery),
               responses((status = 200, body = List<Cause>)))]
pub(super) async fn dead(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<DeadQuery>,
) -> Result<Json<List<Cause>>, Problem> {
    let query = query.into_inner();
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let filter = Filter {
        provider: query.provider,
        event_type: query.r#type,
        tenant_id: scope.tenant_id(),
        since: query.from,
        until: query.until,
        ..Filter::default()
    };
    let mut transaction = console.begin().await?;
    Ok(Json(List::whole(search::dead_by_cause(&mut transaction, &filter, None).await?)))
}

async fn find(connection: &mut sqlx::PgConnection, scope: &Scope, id: Uuid) -> Result<EventRow, Problem> {
    let filter = Filter { ids: vec![id], tenant_id: scope.tenant_id(), ..Filter::default() };
    search::list(connection, &filter, None, None, 1).await?.pop().ok_or_else(Problem::not_found)
}

fn state(word: &str) -> Result<State, Problem> {
    match word {
        "pending" => Ok(State::Pending),
        _ => outcome(word).map(State::Settled),
    }
}

/// The outcome of this word.
pub(super) fn outcome(word: &str) -> Result<Outcome, Problem> {
    let known = [Outcome::Processed, Outcome::Ignored, Outcome::Dead];
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, "a state is pending, processed, ignored or dead");
    known.into_iter().find(|outcome| outcome.as_str() == word).ok_or_else(wrong)
}
