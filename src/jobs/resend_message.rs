//! `resend_message`: a message that WhatsApp had accepted has failed. The same table as for a refused request says what
//! that means.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::carry_out::REFUSED_WAIT;
use super::message::{self, Wording};
use super::person;
use super::start_outreach::{close, id_in, policy};
use super::{Attempt, Desk, Effect, Kind, Policy};
use crate::integrations::Verdict;
use crate::integrations::whatsapp::{Class, class_of};
use crate::outbox::Job;

/// Messages of one outreach that may fail; then it is given up.
const FAILURES_MAX: i64 = 3;

/// The kind.
pub(super) struct ResendMessage;

impl Kind for ResendMessage {
    fn policy(&self) -> Policy {
        policy("resend_message")
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let message_id = id_in(job, "message_id")?;
    let found =
        sqlx::query_file!("sql/jobs/failed_message.sql", message_id, job.tenant_id).fetch_optional(&desk.pool).await?;
    let Some(failed) = found.filter(|message| message.status.as_deref() == Some("failed")) else {
        return Ok(Attempt::Skipped("it has been delivered after all".to_owned()));
    };
    let (Some(outreach_id), Some(call_id)) = (failed.outreach_id, failed.call_id) else {
        return Ok(Attempt::Skipped("its outreach is over".to_owned()));
    };
    let code = failed.error.as_deref().and_then(|code| code.parse().ok());
    let class = code.map_or(Class::Unlisted, class_of);
    let reason = format!("whatsapp refuses it: {class} ({})", failed.error.as_deref().unwrap_or("no code"));
    let is_again = matches!(class, Class::Transient | Class::Later | Class::WindowClosed | Class::Credentials);
    if !is_again || failed.failures > FAILURES_MAX {
        close(desk, outreach_id, "a message failed").await?;
        return Ok(Attempt::Dead(reason));
    }
    // Held back by Meta, or until a person acts: not before the time that a refused request would wait. Then it is
    // sent, and what WhatsApp says to that counts.
    let waited = (desk.now() - job.waiting_since).to_std().unwrap_or_default();
    match class.verdict() {
        Verdict::Wait(wait) if waited < wait => return Ok(Attempt::Wait(wait, reason)),
        Verdict::Refused if waited < REFUSED_WAIT => return Ok(Attempt::Refused(reason)),
        _ => {}
    }
    let Some(person) = person::find(desk, call_id, failed.started_at).await? else {
        return Ok(Attempt::Cancelled("the person is gone".to_owned()));
    };
    if let Some(reason) = person.reason_not_to {
        close(desk, outreach_id, reason.as_str()).await?;
        return Ok(Attempt::Cancelled(reason.as_str().to_owned()));
    }
    let tenant = desk.tenant(job.tenant_id).await?;
    // By template, which every window allows.
    let wording = Wording { text: "", template: &tenant.settings.integrations.whatsapp.template };
    let row: message::SharedRow = Arc::new(message::send(job, desk, &tenant, &person, &wording).await?);
    let lead_id = person.lead_id;
    let effect: Effect = Arc::new(move |connection| {
        let row = Arc::clone(&row);
        async move { message::write(connection, &row, lead_id).await }.boxed()
    });
    Ok(Attempt::Done(Some("sent again".to_owned()), effect))
}
