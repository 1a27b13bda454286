//! `pull_from_crm`: asks the CRM whether it knows a caller, so that somebody known is greeted as one. What counts over
//! what we have comes back as an event.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::crm::{self, Agreement, Lead, Looked};
use super::start_outreach::id_in;
use super::{Attempt, Desk, Kind, Policy};
use crate::outbox::Job;

/// The kind.
pub(super) struct PullFromCrm;

impl Kind for PullFromCrm {
    fn policy(&self) -> Policy {
        crm::policy("pull_from_crm")
    }

    fn run<'a>(&'a self, job: &'a Job, desk: &'a Desk) -> BoxFuture<'a, Attempt> {
        run(job, desk).map(|result| result.unwrap_or_else(|attempt| attempt)).boxed()
    }
}

async fn run(job: &Job, desk: &Desk) -> Result<Attempt, Attempt> {
    let tenant = desk.tenant(job.tenant_id).await?;
    let lead = Lead::find(desk, id_in(job, "lead_id")?, job.tenant_id).await?;
    let Some(crm) = crm::open(desk, &tenant) else {
        return Ok(Attempt::DryRun(format!("CRM: who is {}?", lead.phone)));
    };
    let crm = crm.as_ref();
    let looked = lead.look(crm, desk.now()).await?;
    let agreement = Agreement::of(&lead, &looked, crm, false);
    let (note, record) = match &looked {
        Looked::Found(contact) => ("the CRM knows them", Some(contact.record())),
        Looked::Nobody => ("the CRM does not know them", lead.record.clone()),
        Looked::Gone => ("the record is gone from the CRM", lead.record.clone()),
    };
    Ok(Attempt::Done(Some(note.to_owned()), crm::effect(desk, job, &lead, crm, &agreement, record, false)))
}
