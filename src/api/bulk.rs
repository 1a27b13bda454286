//! Replay, skip, redrive and discard: for some events or all of a filter, counted first, done in chunks, logged.

use actix_web::web::{Data, ReqData};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::outcome;
use super::json::Json;
use super::page;
use super::problem::Problem;
use crate::access::Scope;
use crate::admin::operations::{self, STEP_LONGEST};
use crate::console::{Console, Entry};
use crate::inbox::Filter;
use crate::inbox::operate::{Cursor, Group, Operation};

/// Events that can be named one by one.
const IDS_MAX: usize = 1000;

/// Which events, and what is said of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
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
    /// The id of the connection.
    connection: Option<Uuid>,
    /// Those that failed with exactly this.
    error: Option<String>,
    /// These; at most 1000.
    #[serde(default)]
    ids: Vec<Uuid>,
    /// Replay only: those of this outcome.
    outcome: Option<String>,
    /// Skip and discard only: why.
    note: Option<String>,
    /// All that one sees: instead of a filter.
    #[serde(default)]
    all: bool,
    /// Count only.
    #[serde(default)]
    dry_run: bool,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Report {
    operation: &'static str,
    dry_run: bool,
    /// Events that fit.
    matched: i64,
    /// Events that were changed.
    changed: i64,
    /// Whether there was no more time: ask again.
    unfinished: bool,
    by_type: Vec<Group>,
}

/// Process settled events again.
#[utoipa::path(post, path = "/api/v1/events/replay", tag = "operations", request_body = Which,
               responses((status = 200, body = Report)))]
pub(super) async fn replay(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Which>,
) -> Result<Json<Report>, Problem> {
    let wanted = body.outcome.as_deref().map(outcome).transpose()?;
    run(&entry, &console, body.into_inner(), Operation::Replay(wanted)).await
}

/// Settle pending events as ignored.
#[utoipa::path(post, path = "/api/v1/events/skip", tag = "operations", request_body = Which,
               responses((status = 200, body = Report)))]
pub(super) async fn skip(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Which>,
) -> Result<Json<Report>, Problem> {
    let note = note("skipped", body.note.as_deref())?;
    run(&entry, &console, body.into_inner(), Operation::Skip(note)).await
}

/// Process dead events again.
#[utoipa::path(post, path = "/api/v1/events/redrive", tag = "operations", request_body = Which,
               responses((status = 200, body = Report)))]
pub(super) async fn redrive(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Which>,
) -> Result<Json<Report>, Problem> {
    run(&entry, &console, body.into_inner(), Operation::Redrive).await
}

/// Let dead events be: they become ignored.
#[utoipa::path(post, path = "/api/v1/events/discard", tag = "operations", request_body = Which,
               responses((status = 200, body = Report)))]
pub(super) async fn discard(
    entry: ReqData<Entry>,
    console: Data<Console>,
    body: Json<Which>,
) -> Result<Json<Report>, Problem> {
    let note = note("discarded", body.note.as_deref())?;
    run(&entry, &console, body.into_inner(), Operation::Discard(note)).await
}

async fn run(entry: &Entry, console: &Console, which: Which, operation: Operation) -> Result<Json<Report>, Problem> {
    let scope = page::scope(entry, console, which.tenant.as_deref()).await?;
    let is_narrow = which.provider.is_some()
        || which.r#type.is_some()
        || which.from.is_some()
        || which.until.is_some()
        || which.tenant.is_some()
        || which.connection.is_some()
        || which.error.is_some()
        || !which.ids.is_empty();
    if !is_narrow && !which.all {
        return Err(Problem::unfit(
            "which events? Name a filter (provider, type, from, until, connection, error, ids, tenant), or say all",
        ));
    }
    if which.ids.len() > IDS_MAX {
        return Err(Problem::unfit("name 1000 ids at most, or a filter"));
    }
    let filter = Filter {
        provider: which.provider,
        event_type: which.r#type,
        tenant_id: scope.tenant_id(),
        since: which.from,
        until: which.until,
        ids: which.ids,
        connection_id: which.connection,
        last_error: which.error,
    };
    let by_type = operations::count_events(console.pool(), &operation, &filter).await?;
    let matched = by_type.iter().map(|group| group.rows).sum();
    let mut report = Report {
        operation: operation.as_str(),
        dry_run: which.dry_run,
        matched,
        changed: 0,
        unfinished: false,
        by_type,
    };
    if matched > 0 && !which.dry_run {
        (report.changed, report.unfinished) = work(console, &entry.scope, &operation, &filter, &report.by_type).await?;
    }
    Ok(Json(report))
}

/// Step by step; returns how many were changed, and whether time ran out: then one asks again for the rest.
async fn work(
    console: &Console,
    scope: &Scope,
    operation: &Operation,
    filter: &Filter,
    groups: &[Group],
) -> Result<(i64, bool), Problem> {
    let last_id = groups.iter().map(|group| group.last_id).max().unwrap_or_default();
    let end = Instant::now() + STEP_LONGEST;
    let (mut cursor, mut changed) = (Some(Cursor::before(groups)), 0);
    while let Some(from) = cursor {
        if Instant::now() > end {
            return Ok((changed, true));
        }
        let (rows, reached) = operations::step_events(console.pool(), scope, operation, filter, from, last_id).await?;
        changed += rows;
        cursor = reached;
    }
    Ok((changed, false))
}

fn note(what: &str, reason: Option<&str>) -> Result<String, Problem> {
    operations::note(what, reason).map_err(|error| Problem::unfit(error.to_string()))
}
