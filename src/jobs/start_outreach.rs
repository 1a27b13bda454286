//! `start_outreach`: a WhatsApp message to somebody whose call was missed, and the reminders after it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::desk::{Tenant, TenantError};
use super::message::{self, Wording};
use super::person::{self, Person};
use super::send_alert;
use super::{Attempt, Desk, Effect, Kind, OnUnknown, Policy};
use crate::domain::MessageRow;
use crate::outbox::{self, Job, NewJob};
use crate::queue::Backoff;

/// The kind.
pub(super) struct StartOutreach;

/// Reminders at most: more are a nuisance.
const REMINDERS_MAX: usize = 2;
/// Messages that are sent later than this are no answer to the call any more.
const AGE_MAX: Duration = Duration::from_secs(3 * 86_400);

/// The rules of every job that writes to a person.
pub(super) fn policy(name: &'static str) -> Policy {
    Policy {
        name,
        timeout: Duration::from_secs(45),
        concurrency: 16,
        per_tenant: 4,
        on_unknown: OnUnknown::AskAPerson,
        retry: Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(3_600), max_attempts: 12 },
        age_max: AGE_MAX,
    }
}

impl Kind for StartOutreach {
    fn policy(&self) -> Policy {
        policy("start_outreach")
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let call_id = id_in(job, "call_id")?;
    let Some(person) = person::find(desk, call_id, None).await? else {
        return Ok(Attempt::Skipped("the caller has no number that could be written to".to_owned()));
    };
    if let Some(reason) = person.reason_not_to {
        return Ok(Attempt::Skipped(reason.as_str().to_owned()));
    }
    let tenant = desk.tenant(job.tenant_id).await?;
    let age = (desk.now() - person.called_at).to_std().unwrap_or_default();
    if age > tenant.settings.outreach.max_age {
        return Ok(Attempt::Skipped("the call was missed too long ago (outreach.max_age)".to_owned()));
    }
    let Some(outreach) = open(job, desk, &tenant, &person, call_id).await? else {
        return Ok(Attempt::Skipped("an outreach to this person is under way".to_owned()));
    };
    let settings = &tenant.settings;
    let wording = Wording { text: &settings.outreach.text, template: &settings.integrations.whatsapp.template };
    match message::send(job, desk, &tenant, &person, &wording).await {
        Ok(row) => Ok(Attempt::Done(Some("sent".to_owned()), effect(desk, &tenant, outreach, row))),
        Err(attempt) => {
            match &attempt {
                // The next attempt finds it open and its own. Perhaps sent counts as sent: another missed call of the
                // same person is no reason to write a second time.
                Attempt::Retry(_) | Attempt::Wait(..) | Attempt::Refused(_) | Attempt::Unknown(_) => {}
                _ => close(desk, outreach.id, "not sent").await?,
            }
            Err(attempt)
        }
    }
}

/// An outreach, as it is opened.
#[derive(Clone, Copy)]
struct Outreach {
    id: Uuid,
    tenant_id: Uuid,
    lead_id: Uuid,
    call_id: Uuid,
    job_id: Uuid,
    started_at: DateTime<Utc>,
}

/// Opens the person's one outreach. `None`: another call's is open.
async fn open(
    job: &Job,
    desk: &Desk,
    tenant: &Tenant,
    person: &Person,
    call_id: Uuid,
) -> Result<Option<Outreach>, sqlx::Error> {
    let (tenant_id, lead_id, job_id, started_at) = (job.tenant_id, person.lead_id, job.id, desk.now());
    let window = tenant.settings.outreach.window.as_secs_f64();
    let opened =
        sqlx::query_file_scalar!("sql/jobs/open_outreach.sql", tenant_id, lead_id, call_id, job_id, started_at, window);
    let id = opened.fetch_optional(&desk.pool).await?;
    Ok(id.map(|id| Outreach { id, tenant_id, lead_id, call_id, job_id, started_at }))
}

/// Opens it once more where this server does not know it, so that nobody is written to for another missed call.
async fn restore(outreach: Outreach, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let Outreach { id, tenant_id, lead_id, call_id, job_id, started_at } = outreach;
    let restored =
        sqlx::query_file!("sql/jobs/restore_outreach.sql", id, tenant_id, lead_id, call_id, job_id, started_at);
    restored.execute(connection).await?;
    Ok(())
}

/// Ends an outreach.
pub(super) async fn close(desk: &Desk, outreach_id: Uuid, reason: &str) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/jobs/close_outreach.sql", outreach_id, desk.now(), reason).execute(&desk.pool).await?;
    Ok(())
}

/// The message, the lead's stage and the reminders, together with the job's end.
fn effect(desk: &Desk, tenant: &Tenant, outreach: Outreach, row: MessageRow) -> Effect {
    let (now, outreach_id, tenant_id) = (desk.now(), outreach.id, outreach.tenant_id);
    let waits: Vec<Duration> = tenant.settings.outreach.reminders.iter().copied().take(REMINDERS_MAX).collect();
    let row: message::SharedRow = Arc::new(row);
    Arc::new(move |connection| {
        let (row, waits) = (Arc::clone(&row), waits.clone());
        async move {
            message::write(connection, &row, outreach.lead_id).await?;
            restore(outreach, connection).await?;
            send_alert::of_outreach(connection, tenant_id, outreach_id, "sent", now).await?;
            let mut last = Duration::ZERO;
            for (number, wait) in (1..).zip(&waits) {
                let gap = wait.saturating_sub(last).as_secs();
                last = *wait;
                let job = NewJob {
                    tenant_id,
                    kind: "send_reminder",
                    key: &format!("{outreach_id}:{number}"),
                    payload: &json!({
                        "outreach_id": outreach_id, "number": number, "of": waits.len(), "gap_seconds": gap,
                    }),
                    due_at: now + TimeDelta::from_std(*wait).unwrap_or(TimeDelta::days(1)),
                };
                outbox::put(connection, &[job]).await?;
            }
            Ok(())
        }
        .boxed()
    })
}

/// An id in a job's payload.
pub(super) fn id_in(job: &Job, key: &str) -> Result<Uuid, Attempt> {
    let text = job.payload.expose().get(key).and_then(serde_json::Value::as_str);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| Attempt::Dead(format!("the job's payload has no {key}")))
}

impl From<TenantError> for Attempt {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Database(error) => error.into(),
            TenantError::Settings(reason) => Self::Refused(format!("the tenant's settings: {reason}")),
        }
    }
}
