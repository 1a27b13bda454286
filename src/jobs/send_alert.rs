//! `send_alert`: tells people of an incident, its end, a lead worth calling, an outreach, or a caller who wants one of
//! them, over the first channel that works.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::desk::Tenant;
use super::note_alert::of_note;
use super::start_outreach::id_in;
use super::{Attempt, Desk, Kind, OnUnknown, Policy};
use crate::domain::display_name;
use crate::domain::spoken_text::quoted;
use crate::integrations::email::{self, Mail};
use crate::integrations::{Verdict, slack, twilio};
use crate::outbox::{self, Job, NewJob};
use crate::queue::Backoff;
use crate::redact::Spoken;

/// What is said of an incident; `{…}` are filled in.
const INCIDENT: &str = include_str!("templates/incident.txt");
/// What is said when it is over.
const RESOLVED: &str = include_str!("templates/resolved.txt");
/// What is said of a lead worth calling.
const LEAD: &str = include_str!("templates/lead.txt");
/// What is said of an outreach.
const OUTREACH: &str = include_str!("templates/outreach.txt");

/// The kind.
pub(super) struct SendAlert;

impl Kind for SendAlert {
    fn policy(&self) -> Policy {
        Policy {
            name: "send_alert",
            timeout: Duration::from_secs(90),
            concurrency: 4,
            per_tenant: 4,
            // An alert that comes twice is better than one that does not come.
            on_unknown: OnUnknown::Resend,
            retry: Backoff { first: Duration::from_secs(5), longest: Duration::from_secs(900), max_attempts: 12 },
            age_max: Duration::from_secs(86_400),
        }
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

/// Puts up the alert that an outreach was sent, or answered: once for each.
pub(super) async fn of_outreach(
    connection: &mut PgConnection,
    tenant_id: Uuid,
    outreach_id: Uuid,
    what: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let job = NewJob {
        tenant_id,
        kind: "send_alert",
        key: &format!("{outreach_id}:{what}"),
        payload: &json!({ "outreach_id": outreach_id, "what": what }),
        due_at: now,
    };
    outbox::put(connection, &[job]).await
}

/// What is to be told.
pub(super) struct Alert {
    pub(super) severity: String,
    pub(super) subject: String,
    pub(super) text: Spoken,
    /// The same without a person in it, for the dry run.
    pub(super) preview: String,
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let tenant = desk.tenant_or_house(job.tenant_id).await?;
    let what = job.payload.expose().get("what").and_then(serde_json::Value::as_str).unwrap_or_default();
    let alert = match (id_in(job, "lead_id"), id_in(job, "outreach_id")) {
        (Ok(lead_id), _) => of_lead(lead_id, job.tenant_id, desk).await?,
        (_, Ok(_)) if !tenant.settings.alerts.outreach.iter().any(|told| told == what) => {
            return Ok(Attempt::Skipped(format!("alerts.outreach does not name {what}")));
        }
        (_, Ok(outreach_id)) => outreach(outreach_id, what, job.tenant_id, desk).await?,
        _ => match id_in(job, "note_id") {
            Ok(note_id) => of_note(note_id, job.tenant_id, desk).await?,
            Err(_) => of_incident(id_in(job, "incident_id")?, desk).await?,
        },
    };
    let Some(alert) = alert else { return Ok(Attempt::Skipped("there is nothing to tell any more".to_owned())) };
    let alerts = &tenant.settings.alerts;
    let channels = match alert.severity.as_str() {
        "critical" => &alerts.critical,
        "warning" => &alerts.warning,
        _ => &alerts.info,
    };
    // So that one who is killed here is known to have told them, perhaps.
    if !desk.begin(job).await? {
        return Err(Attempt::Retry("the lease was lost before telling".to_owned()));
    }
    let mut failed: Vec<(Verdict, String)> = Vec::new();
    for channel in channels {
        match post(channel, &alert, job.id, &tenant, desk).await {
            None => {}
            Some(Ok(())) => {
                let after = if failed.is_empty() { String::new() } else { format!(", after {} failed", failed.len()) };
                return Ok(Attempt::done(format!("told by {channel}{after}")));
            }
            Some(Err(error)) => failed.push(error),
        }
    }
    if failed.is_empty() {
        return Ok(Attempt::DryRun(alert.preview));
    }
    let (verdicts, reasons): (Vec<Verdict>, Vec<String>) = failed.into_iter().unzip();
    Ok(Attempt::of(of_all(&verdicts), reasons.join("; ")))
}

/// What it means that all channels have failed: what gives the most hope. Only where each says that it will never pass
/// it is given up.
fn of_all(verdicts: &[Verdict]) -> Verdict {
    let hope = |verdict: &&Verdict| match verdict {
        // Perhaps somebody was told: that is counted when it is told again.
        Verdict::Unknown => (0, Duration::ZERO),
        Verdict::Retry => (1, Duration::ZERO),
        Verdict::Wait(wait) => (2, *wait),
        Verdict::Refused => (3, Duration::ZERO),
        Verdict::Stop => (4, Duration::ZERO),
    };
    verdicts.iter().min_by_key(hope).copied().unwrap_or(Verdict::Retry)
}

/// Posts on a channel. `None`: it is not configured.
async fn post(
    channel: &str,
    alert: &Alert,
    id: Uuid,
    tenant: &Tenant,
    desk: &Desk,
) -> Option<Result<(), (Verdict, String)>> {
    let integrations = &tenant.settings.integrations;
    let now = desk.now();
    match channel {
        "slack" if integrations.slack.is_configured() => {
            let client = slack::Client::new(&integrations.slack, desk.transport.clone());
            Some(client.post(&alert.text, now).await.map_err(|error| (error.verdict(), error.to_string())))
        }
        "email" if integrations.email.is_configured() => {
            let mail = Mail { id, to: None, subject: Spoken::new(alert.subject.clone()), text: alert.text.clone() };
            let sent = async { email::Client::new(&integrations.email, EMAIL_TIMEOUT)?.send(&mail, now).await };
            Some(sent.await.map(drop).map_err(|error| (error.verdict(), error.to_string())))
        }
        "sms" if integrations.twilio.is_configured() && !tenant.settings.alerts.sms_to.expose().is_empty() => {
            let client = twilio::Client::new(&integrations.twilio, desk.transport.clone());
            let text = Spoken::new(alert.text.expose().chars().take(SMS_CHARS_MAX).collect::<String>());
            let sent = client.send_sms(&tenant.settings.alerts.sms_to, &text, now).await;
            Some(sent.map(drop).map_err(|error| (error.verdict(), error.to_string())))
        }
        _ => None,
    }
}

/// How long a mail server may take for a whole mail.
const EMAIL_TIMEOUT: Duration = Duration::from_secs(30);
/// What somebody said, in an alert: the first sentences; the page has the rest.
pub(super) const SAID_CHARS_MAX: usize = 1_000;
/// What stands in place of a name.
const NAME_CHARS_MAX: usize = 60;
/// An alert in one SMS of two parts at most; more is cut.
const SMS_CHARS_MAX: usize = 300;

async fn of_incident(incident_id: Uuid, desk: &Desk) -> Result<Option<Alert>, Attempt> {
    let found = sqlx::query_file!("sql/jobs/find_incident.sql", incident_id).fetch_optional(&desk.pool).await?;
    Ok(found.map(|incident| {
        let template = if incident.resolved_at.is_some() { RESOLVED } else { INCIDENT };
        let text = filled(
            template,
            &[
                ("severity", &incident.severity.to_uppercase()),
                ("tenant", incident.tenant.as_deref().unwrap_or("all tenants")),
                ("cause", &incident.cause.replace('_', " ")),
                ("summary", &incident.summary),
                ("since", &incident.opened_at.format("%Y-%m-%d %H:%M UTC").to_string()),
            ],
        );
        Alert {
            subject: text.lines().next().unwrap_or_default().to_owned(),
            preview: text.clone(),
            text: Spoken::new(text),
            severity: incident.severity,
        }
    }))
}

async fn of_lead(lead_id: Uuid, tenant_id: Uuid, desk: &Desk) -> Result<Option<Alert>, Attempt> {
    let found = sqlx::query_file!("sql/jobs/lead_to_tell.sql", lead_id, tenant_id).fetch_optional(&desk.pool).await?;
    Ok(found.map(|lead| {
        let score = lead.score.map_or_else(|| "–".to_owned(), |score| format!("{score:.0}"));
        let with = |name: &str, phone: &str, summary: &str| {
            filled(
                LEAD,
                &[("tenant", &lead.tenant), ("score", &score), ("name", name), ("phone", phone), ("summary", summary)],
            )
        };
        let (name, summary) =
            (named(lead.name.as_deref()), quoted(lead.summary.as_deref().unwrap_or_default(), SAID_CHARS_MAX));
        Alert {
            severity: "info".to_owned(),
            subject: format!("{}: a lead worth calling, score {score}", lead.tenant),
            text: Spoken::new(with(&name, &lead.phone, &summary)),
            preview: with("…", "…", "…"),
        }
    }))
}

async fn outreach(id: Uuid, what: &str, tenant_id: Uuid, desk: &Desk) -> Result<Option<Alert>, Attempt> {
    let found = sqlx::query_file!("sql/jobs/outreach_to_tell.sql", id, tenant_id).fetch_optional(&desk.pool).await?;
    Ok(found.map(|found| {
        let summary = match what {
            "answered" => found.end_reason.as_deref().unwrap_or_default(),
            _ => "Their call was missed; a message was sent.",
        };
        let with = |name: &str, phone: &str| {
            let tenant = found.tenant.as_str();
            let values = [("what", what), ("tenant", tenant), ("name", name), ("phone", phone), ("summary", summary)];
            filled(OUTREACH, &values)
        };
        Alert {
            severity: "info".to_owned(),
            subject: format!("{}: outreach {what}", found.tenant),
            text: Spoken::new(with(&named(found.name.as_deref()), &found.phone)),
            preview: with("…", "…"),
        }
    }))
}

/// A name as people are told it: what is no name is a quotation.
pub(super) fn named(name: Option<&str>) -> String {
    let name = name.map(|name| display_name(name).unwrap_or_else(|| quoted(name, NAME_CHARS_MAX)));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "(no name)".to_owned())
}

/// Puts values in place of `{name}`. A value's own braces stay as they are.
pub(super) fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        text.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    text.push_str(rest);
    text.trim_end().to_owned()
}
