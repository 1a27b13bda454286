//! Reading a listed call as its webhook's handler would.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::connections::Candidate;
use crate::dispatch::{Handler, Registry};
use crate::domain::{CallReport, CallStatus};
use crate::inbox::{Event, NewEvent};
use crate::providers;
use crate::redact::Hidden;

/// A listed call, read.
pub(super) struct Listed {
    /// The event that it would be.
    pub(super) event: NewEvent,
    /// What its handler says of the call.
    pub(super) report: CallReport,
}

/// Why a listed call is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftAlone {
    /// It goes on, or is about to begin.
    Ongoing,
    /// It has ended a moment ago: its webhook may be on its way.
    Fresh,
    /// It has no time at all: nobody could say whether it was before an erasure.
    Undated,
    /// No handler of ours makes one call of it.
    Unread,
}

/// Reads a body as the platform's webhook has it. `asked_at`: when the platform said so; `fresh_from`: calls that ended
/// then or later are left to their webhooks.
pub(super) fn read(
    body: &Value,
    candidate: &Candidate,
    registry: &Registry,
    asked_at: DateTime<Utc>,
    fresh_from: DateTime<Utc>,
) -> Result<Listed, LeftAlone> {
    let event = event(body, candidate, asked_at).ok_or(LeftAlone::Unread)?;
    let Some(Handler::Pure(handler)) = registry.find(candidate.provider, &event.event_type) else {
        return Err(LeftAlone::Unread);
    };
    // Read without a time, so that no time of ours is taken for one of the call's.
    let stored = as_stored(&event, asked_at);
    // A panic is a bug of ours or of a user's handler: it must not take the run with it.
    let changes = catch_unwind(AssertUnwindSafe(|| handler(&stored))).map_err(|_| LeftAlone::Unread)?;
    let mut calls = changes.map(|changes| changes.calls).unwrap_or_default();
    let report = calls.pop().filter(|_| calls.is_empty()).ok_or(LeftAlone::Unread)?;
    if report.status != Some(CallStatus::Ended) {
        return Err(LeftAlone::Ongoing);
    }
    let times = [report.ended_at, report.answered_at, report.ringing_at, report.initiated_at];
    match times.into_iter().flatten().next() {
        None => Err(LeftAlone::Undated),
        Some(last_at) if last_at >= fresh_from => Err(LeftAlone::Fresh),
        Some(_) => Ok(Listed { event, report }),
    }
}

fn event(body: &Value, candidate: &Candidate, asked_at: DateTime<Utc>) -> Option<NewEvent> {
    let provider = providers::find(candidate.provider)?;
    // What JSON may say and Postgres cannot hold has not passed the door.
    let text = providers::sanitize(body.to_string());
    let payload: Value = serde_json::from_str(&text).ok()?;
    let envelope = provider.envelope(&payload);
    let key = providers::external_event_id(&envelope, &text);
    Some(NewEvent {
        id: Uuid::now_v7(),
        connection_id: candidate.connection_id,
        tenant_id: candidate.tenant_id,
        provider: candidate.provider.into(),
        event_type: envelope.event_type,
        external_event_id: format!("{key}:reconciled"),
        occurred_at: Some(asked_at),
        payload: text,
    })
}

fn as_stored(event: &NewEvent, received_at: DateTime<Utc>) -> Event {
    Event {
        id: event.id,
        connection_id: event.connection_id,
        tenant_id: event.tenant_id,
        provider: event.provider.clone().into_owned(),
        event_type: event.event_type.clone(),
        external_event_id: event.external_event_id.clone(),
        occurred_at: None,
        received_at,
        attempts: 0,
        campaign_rank: None,
        connection_region: None,
        tenant_region: None,
        tenant_outreach_delay_ms: None,
        payload: Hidden::new(event.payload.clone()),
        payload_removed: false,
    }
}
