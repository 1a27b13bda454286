//! What follows from what: the jobs that a change puts up. The business is known here, the platforms are not.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::resolve::{Resolver, TenantFacts};
use super::{CallRow, CallStatus, Direction, Disposition, MessageReport, MessageStatus, Weight};

/// How long after a message failed it is looked at again: long enough for another device to report.
const RESEND_WAIT: TimeDelta = TimeDelta::minutes(1);

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
    /// A missed call that is older when its message would be sent makes none.
    #[serde(with = "crate::duration_text")]
    pub max_age: Duration,
    /// Waits between the first message and each reminder; two at most.
    #[serde(with = "crate::duration_text::list")]
    pub reminders: Vec<Duration>,
    /// How long after its first message an outreach is over: until then further missed calls make no message.
    #[serde(with = "crate::duration_text")]
    pub window: Duration,
    /// What is said within 24 hours of the person's own message; empty: the template. `{name|there}` is their name.
    pub text: String,
    /// The same in reminders.
    pub reminder_text: String,
    /// The template of reminders; empty: that of the first message.
    pub reminder_template: String,
    /// What stands in the template's places `{{1}}`, `{{2}}` …, such as `{name|there}`.
    pub template_parameters: Vec<String>,
    /// When nobody is written to, by the tenant's clock: from and until. Empty: never.
    pub quiet_hours: Vec<chrono::NaiveTime>,
    /// The time zone of tenants without one.
    pub time_zone: String,
    /// Messages that one person gets in a day at most.
    pub per_person_per_day: u32,
    /// Messages that one tenant sends in a day at most.
    pub per_tenant_per_day: u32,
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

/// The jobs that one of our own analyses of a call puts up: to look at the person as a whole, and to tell people of a
/// lead worth calling, once for each call that says so.
pub(super) fn to_analysis(
    tenant_id: Uuid,
    call_id: Uuid,
    lead_id: Uuid,
    is_qualified: bool,
    analysed_at: DateTime<Utc>,
) -> Vec<JobRow> {
    let job = |kind: &'static str| JobRow {
        tenant_id,
        kind,
        key: format!("{lead_id}:{call_id}"),
        payload: json!({ "lead_id": lead_id, "call_id": call_id }),
        due_at: analysed_at,
    };
    let alert = is_qualified.then(|| job("send_alert"));
    std::iter::once(job("analyze_lead")).chain(alert).collect()
}

/// The job that a message which was accepted and then failed puts up. Whether it failed for good is looked at when the
/// job runs: another device of the person may have got it.
pub(super) fn to_message(tenant_id: Uuid, message_id: Uuid, report: &MessageReport) -> Option<JobRow> {
    let has_failed = report.direction == Direction::Outbound && report.status == Some(MessageStatus::Failed);
    let is_ours = report.callback_data.as_deref().is_some_and(|data| Uuid::parse_str(data).is_ok());
    (has_failed && is_ours).then(|| JobRow {
        tenant_id,
        kind: "resend_message",
        key: message_id.to_string(),
        payload: json!({ "message_id": message_id }),
        due_at: report.at.unwrap_or_default() + RESEND_WAIT,
    })
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
