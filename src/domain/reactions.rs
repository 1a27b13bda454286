//! What follows from what: the jobs that a change puts up. The business is known here, the platforms are not.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::resolve::{Resolver, TenantFacts};
use super::{CallRow, CallStatus, Direction, Disposition, Weight};

/// A job to put up: unique by kind and key, for ever.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRow {
    /// Whose.
    pub tenant_id: Uuid,
    /// What to do: the name of a file in `jobs/`.
    pub kind: &'static str,
    /// What about.
    pub key: String,
    /// The details: ids only, the job looks at the present state when it runs.
    pub payload: serde_json::Value,
    /// When; the earliest wins while the job is not settled.
    pub due_at: DateTime<Utc>,
}

/// `[outreach]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Wait between a missed call and the first message.
    #[serde(with = "crate::duration_text")]
    pub delay: Duration,
}

/// The jobs that one report of a call puts up. It looks at this report alone, so that the set of jobs is the same in
/// every order of events; whether the caller has been reached meanwhile is looked at when the job runs.
pub(super) fn to_call(call: &CallRow, tenant: &TenantFacts, resolver: &Resolver<'_>) -> Vec<JobRow> {
    let job = |kind: &'static str, happened_at: Option<DateTime<Utc>>, wait: TimeDelta| JobRow {
        tenant_id: tenant.id,
        kind,
        key: call.id.to_string(),
        payload: json!({ "call_id": call.id }),
        // A platform's clock that runs ahead must not put a job off: what was received has happened.
        due_at: happened_at.unwrap_or(resolver.received_at).min(resolver.received_at) + wait,
    };
    let mut jobs = Vec::new();
    if is_missed(call) && call.contact_number.is_some() {
        let wait = tenant
            .outreach_delay
            .or_else(|| TimeDelta::from_std(resolver.outreach.delay).ok())
            .unwrap_or(TimeDelta::minutes(2));
        jobs.push(job("start_outreach", call.ended_at, wait));
    }
    if let Some(transcript) = call.transcript.as_ref().filter(|transcript| is_whole(&transcript.rank)) {
        jobs.push(job("analyze_call", call.ended_at.or(transcript.at), TimeDelta::zero()));
    }
    jobs
}

fn is_missed(call: &CallRow) -> bool {
    call.direction == Some(Direction::Inbound)
        && call.status == Some(CallStatus::Ended)
        && call.answered_at.is_none()
        && call.disposition.is_some_and(|disposition| disposition != Disposition::Answered)
}

/// A whole transcript is of a finished call; a partial one will be completed.
fn is_whole(rank: &str) -> bool {
    rank >= format!("{:x}", Weight::WHOLE.0).as_str()
}
