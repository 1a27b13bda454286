//! `push_to_crm`: tells the CRM what became of a lead. Many changes within `crm.push_delay` are one push, because the job
//! looks at the present state when it runs.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::crm::{self, Agreement, Lead, Looked, NotPulled};
use super::start_outreach::id_in;
use super::{Attempt, Desk, Kind, Policy};
use crate::integrations::crm::{CrmError, Module, Record};
use crate::outbox::Job;

/// The kind.
pub(super) struct PushToCrm;

impl Kind for PushToCrm {
    fn policy(&self) -> Policy {
        crm::policy("push_to_crm")
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let tenant = desk.tenant(job.tenant_id).await?;
    let lead = Lead::find(desk, id_in(job, "lead_id")?, job.tenant_id).await?;
    let payload = job.payload.expose();
    // Two pushes of one number must not run side by side: the CRM may insert both.
    if payload["number"].as_i64().is_some_and(|number| number < i64::from(lead.pushes)) {
        return Ok(Attempt::Skipped("a later push of the same lead was put up".to_owned()));
    }
    let Some(crm) = crm::open(desk, &tenant) else { return Ok(Attempt::DryRun(lead.preview())) };
    let crm = crm.as_ref();
    let force = payload["force"] == true;
    let looked = lead.look(crm, desk.now()).await?;
    let mut agreement = Agreement::of(&lead, &looked, crm, force);
    let known = match looked {
        Looked::Found(contact) => Some(*contact),
        Looked::Gone if !force => {
            // Somebody took it away, and may have had a reason.
            let effect = crm::effect(desk, job, &lead, crm, &agreement, lead.record.clone(), false);
            return Ok(Attempt::Done(Some("the record is gone from the CRM: nothing was told".to_owned()), effect));
        }
        Looked::Gone | Looked::Nobody => None,
    };
    if !desk.begin(job).await? {
        return Err(Attempt::Retry("the lease was lost before telling".to_owned()));
    }
    let module = known.as_ref().map(|known| known.module);
    let card = agreement.card(&lead, known);
    let answer = crm.upsert(&[card], desk.now()).await.and_then(|mut answers| {
        // One card, one answer.
        answers.pop().unwrap_or(Err(CrmError::Unreadable { changes: true }))
    });
    let told = answer.map_err(|error| Attempt::of(error.verdict(), error.to_string()))?;
    if told.created && lead.record.is_some() && !force {
        agreement.differs.insert("other_record");
    }
    let module = module.unwrap_or(Module::Lead);
    let effect = crm::effect(desk, job, &lead, crm, &agreement, Some(Record { id: told.id, module }), true);
    Ok(Attempt::Done(
        Some(if told.created { "a record was made" } else { "the record was changed" }.to_owned()),
        effect,
    ))
}

impl From<NotPulled> for Attempt {
    fn from(reason: NotPulled) -> Self {
        match reason {
            NotPulled::NoLead => Self::Skipped("the lead is gone".to_owned()),
            NotPulled::Failed(attempt) => attempt,
        }
    }
}
