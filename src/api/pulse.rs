//! `/stats/pulse`: what waits, what came and went of late, who sent it, and who is silent.

use actix_web::web::{Data, Json, Query, ReqData};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page;
use super::problem::Problem;
use crate::console::{Console, Entry};
use crate::inbox::pulse::{self, Beat, Sender, Standing};
use crate::outbox::operate::{self, Pause};
use crate::store::roster::heard::{self, HeardRow};

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Span {
    /// An hour, by the minute.
    #[default]
    Hour,
    /// A day, by half hours.
    Day,
}

/// Of whom, and how far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PulseQuery {
    /// The slug of the tenant.
    tenant: Option<String>,
    /// hour (as when nobody says) or day.
    span: Option<Span>,
}

/// The queues as they beat.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pulse {
    /// What stands where, now.
    standing: Standing,
    /// What came and went, the oldest first.
    beats: Vec<Beat>,
    /// The newest events by connection and type, the most frequent first.
    senders: Vec<Sender>,
    /// The connections in use, silent ones first.
    connections: Vec<HeardRow>,
    /// Kinds of jobs of which none begins.
    paused: Vec<Pause>,
}

/// What waits and how it goes, of a tenant or of all.
#[utoipa::path(get, path = "/api/v1/stats/pulse", tag = "operations", params(PulseQuery),
               responses((status = 200, body = Pulse)))]
pub(super) async fn show(
    entry: ReqData<Entry>,
    console: Data<Console>,
    query: Query<PulseQuery>,
) -> Result<Json<Pulse>, Problem> {
    let scope = page::scope(&entry, &console, query.tenant.as_deref()).await?;
    let tenant_id = scope.tenant_id();
    let (seconds, spans) = if query.span == Some(Span::Day) { pulse::DAY } else { pulse::HOUR };
    let mut transaction = console.begin().await?;
    Ok(Json(Pulse {
        standing: pulse::standing(&mut transaction, tenant_id).await?,
        beats: pulse::beats(&mut transaction, tenant_id, seconds, spans).await?,
        senders: pulse::senders(&mut transaction, tenant_id, seconds * f64::from(spans)).await?,
        connections: heard::list(&mut transaction, &scope).await?,
        paused: operate::pauses(&mut *transaction).await?,
    }))
}
