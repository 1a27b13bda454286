//! `send_reminder`: the first and second reminder after an outreach that was not answered.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::message::{self, Wording};
use super::person;
use super::start_outreach::{close, id_in, policy};
use super::{Attempt, Desk, Effect, Kind, Policy};
use crate::outbox::Job;

/// How often a reminder looks whether it is its turn.
const TURN_WAIT: Duration = Duration::from_secs(60);

/// The kind.
pub(super) struct SendReminder;

impl Kind for SendReminder {
    fn policy(&self) -> Policy {
        policy("send_reminder")
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let outreach_id = id_in(job, "outreach_id")?;
    let before = format!("{outreach_id}:{}", number(job, "number").saturating_sub(1));
    let found = sqlx::query_file!("sql/jobs/find_outreach.sql", outreach_id, before).fetch_optional(&desk.pool).await?;
    let Some(outreach) = found else {
        return Ok(Attempt::Cancelled("the outreach is gone".to_owned()));
    };
    if outreach.ended_at.is_some() {
        let reason = outreach.end_reason.unwrap_or_default();
        return Ok(Attempt::Cancelled(format!("the outreach has ended: {reason}")));
    }
    if outreach.is_not_its_turn {
        return Ok(Attempt::Wait(TURN_WAIT, "the reminder before it is not sent yet".to_owned()));
    }
    let Some(person) = person::find(desk, outreach.call_id, Some(outreach.started_at)).await? else {
        return Ok(Attempt::Cancelled("the person is gone".to_owned()));
    };
    if let Some(reason) = person.reason_not_to {
        close(desk, outreach_id, reason.as_str()).await?;
        return Ok(Attempt::Cancelled(reason.as_str().to_owned()));
    }
    // After an outage both reminders are due: then the second waits for its turn.
    let gap = TimeDelta::seconds(number(job, "gap_seconds").try_into().unwrap_or(0)) / 2;
    if let Some(early) =
        person.last_written_at.map(|at| at + gap - desk.now()).filter(|early| *early > TimeDelta::zero())
    {
        let wait = early.to_std().unwrap_or_default();
        return Ok(Attempt::Wait(wait, "the message before was sent late".to_owned()));
    }
    let tenant = desk.tenant(job.tenant_id).await?;
    let settings = &tenant.settings;
    let template = match settings.outreach.reminder_template.as_str() {
        "" => &settings.integrations.whatsapp.template,
        template => template,
    };
    let wording = Wording { text: &settings.outreach.reminder_text, template };
    let row = message::send(job, desk, &tenant, &person, &wording).await?;
    let is_last = number(job, "number") >= number(job, "of");
    let (row, now, lead_id): (message::SharedRow, _, _) = (Arc::new(row), desk.now(), person.lead_id);
    let effect: Effect = Arc::new(move |connection| {
        let row = Arc::clone(&row);
        async move {
            message::write(connection, &row, lead_id).await?;
            if is_last {
                let reason = "the last reminder was sent";
                sqlx::query_file!("sql/jobs/close_outreach.sql", outreach_id, now, reason).execute(connection).await?;
            }
            Ok(())
        }
        .boxed()
    });
    Ok(Attempt::Done(Some("sent".to_owned()), effect))
}

fn number(job: &Job, key: &str) -> u64 {
    job.payload.expose().get(key).and_then(Value::as_u64).unwrap_or(1)
}
