//! A lead as the CRM is told of it, what is known of its record there, and what a look at both leaves behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

use super::agree::{Agreed, Taken};
use super::{Agreement, Looked, NAME};
use crate::domain::LeadStage;
use crate::domain::spoken_text::line;
use crate::integrations::crm::{Crm, Module, Record};
use crate::jobs::{Attempt, Desk, Effect, analysis};
use crate::outbox::Job;
use crate::redact::{Email, PersonName, Phone};

/// The longest name that a CRM is told: names come from callers, and its users see them among their own.
const NAME_CHARS_MAX: usize = 100;
/// How long the CRM's search may not find a record that was just written. Zoho does not say how long that is.
const INDEX_DELAY: TimeDelta = TimeDelta::minutes(15);

/// A lead.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Lead {
    pub(in crate::jobs) id: Uuid,
    pub(in crate::jobs) phone: Phone,
    pub(in crate::jobs) name: Option<PersonName>,
    pub(in crate::jobs) name_is_by_hand: bool,
    pub(in crate::jobs) email: Option<Email>,
    pub(in crate::jobs) email_is_by_hand: bool,
    pub(in crate::jobs) stage: LeadStage,
    pub(in crate::jobs) stage_is_by_hand: bool,
    pub(in crate::jobs) score: Option<i32>,
    pub(in crate::jobs) last_call_at: Option<DateTime<Utc>>,
    /// Of all that the CRM is told.
    pub(in crate::jobs) digest: Vec<u8>,
    /// Jobs that were put up to push it.
    pub(in crate::jobs) pushes: i32,
    pub(in crate::jobs) record: Option<Record>,
    pub(in crate::jobs) agreed: Agreed,
    /// When this record was found or made.
    pub(in crate::jobs) linked_at: Option<DateTime<Utc>>,
    pub(in crate::jobs) looked_at: Option<DateTime<Utc>>,
}

/// Why nothing was found out.
pub(in crate::jobs) enum NotPulled {
    /// There is no such lead any more.
    NoLead,
    /// This is what the attempt comes to.
    Failed(Attempt),
}

impl From<sqlx::Error> for NotPulled {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Lead {
    /// Reads it.
    pub(in crate::jobs) async fn find(desk: &Desk, id: Uuid, tenant_id: Uuid) -> Result<Self, NotPulled> {
        let found = sqlx::query_file!("sql/jobs/crm_lead.sql", id, tenant_id).fetch_optional(&desk.pool).await?;
        let row = found.ok_or(NotPulled::NoLead)?;
        let module = match row.module.as_deref() {
            Some("contact") => Module::Contact,
            _ => Module::Lead,
        };
        let stage = LeadStage::ALL.iter().copied().find(|stage| stage.as_str() == row.stage);
        Ok(Self {
            id,
            phone: Phone::new(row.phone),
            name: row.name.map(|name| line(&name, NAME_CHARS_MAX)).filter(|name| !name.is_empty()).map(PersonName::new),
            name_is_by_hand: row.name_is_by_hand,
            email: row.email.map(Email::new),
            email_is_by_hand: row.email_is_by_hand,
            stage: stage.unwrap_or(LeadStage::New),
            stage_is_by_hand: row.stage_is_by_hand,
            score: row.score,
            last_call_at: row.last_call_at,
            digest: row.digest,
            pushes: row.pushes,
            record: row.record_id.map(|id| Record { id, module }),
            agreed: serde_json::from_str(&row.pushed).unwrap_or_default(),
            linked_at: row.linked_at,
            looked_at: row.looked_at,
        })
    }

    /// Looks it up in the CRM.
    pub(in crate::jobs) async fn look(&self, crm: &dyn Crm, now: DateTime<Utc>) -> Result<Looked, Attempt> {
        let found = crm.find_by_phone(&self.phone, self.record.as_ref(), now).await;
        let found = found.map_err(|error| Attempt::of(error.verdict(), error.to_string()))?;
        let may_be_unlisted = self.linked_at.is_some_and(|at| now - at < INDEX_DELAY);
        Ok(match found {
            Some(contact) => Looked::Found(Box::new(contact)),
            None if self.record.is_some() && !may_be_unlisted => Looked::Gone,
            None => Looked::Nobody,
        })
    }

    /// What would be told, without the person in it.
    pub(in crate::jobs) fn preview(&self) -> String {
        let mut fields = vec![format!("stage {}", self.stage.as_str())];
        fields.extend(self.name.iter().map(|_| "a name".to_owned()));
        fields.extend(self.email.iter().map(|_| "an e-mail address".to_owned()));
        fields.extend(self.score.map(|score| format!("score {score}")));
        fields.extend(self.last_call_at.map(|at| format!("last call {}", at.format("%Y-%m-%d %H:%M UTC"))));
        format!("CRM, {}: {}", self.phone, fields.join(", "))
    }
}

/// What is written together with the end of a job that looked: the link, and what of the CRM's counts over ours, as an
/// event. `record`: where the lead is now. `is_written`: the CRM took the card.
pub(in crate::jobs) fn effect(
    desk: &Desk,
    job: &Job,
    lead: &Lead,
    crm: &dyn Crm,
    agreement: &Agreement,
    record: Option<Record>,
    is_written: bool,
) -> Effect {
    let (now, id, tenant_id, seen_at) = (desk.now(), lead.id, job.tenant_id, lead.looked_at);
    let agreed = serde_json::to_string(&agreement.agreed(lead, crm, is_written)).unwrap_or_default();
    let differs: Vec<String> = words(&agreement.differs);
    let asked = is_written.then(|| lead.digest.clone());
    let event = agreement.taken().map(|taken| event(desk, job, lead, &taken, record.as_ref()));
    let shared = Arc::new((agreed, differs, asked, record));
    Arc::new(move |connection| {
        let (shared, event) = (Arc::clone(&shared), event.clone());
        async move {
            let (agreed, differs, asked, record) = &*shared;
            let (module, record_id) =
                (record.as_ref().map(|r| r.module.as_str()), record.as_ref().map(|r| r.id.as_str()));
            sqlx::query_file!("sql/jobs/crm_touch.sql", id).execute(&mut *connection).await?;
            sqlx::query_file!(
                "sql/jobs/crm_link.sql",
                id,
                tenant_id,
                module,
                record_id,
                agreed,
                differs,
                now,
                asked.as_deref(),
                seen_at,
            )
            .execute(&mut *connection)
            .await?;
            match event {
                Some(event) => event(connection).await,
                None => Ok(()),
            }
        }
        .boxed()
    })
}

fn event(desk: &Desk, job: &Job, lead: &Lead, taken: &Taken, record: Option<&Record>) -> Effect {
    let payload = json!({
        "event": "contact_pulled",
        "lead_id": lead.id,
        "phone": lead.phone,
        "source": NAME,
        "record_id": record.map(|record| &record.id),
        "module": record.map(|record| record.module.as_str()),
        "name": taken.name,
        "email": taken.email,
        "stage": taken.stage,
        "modified_at": taken.modified_at,
    });
    analysis::result(desk, job, lead.id, "contact_pulled", &payload)
}

fn words(differs: &BTreeSet<&'static str>) -> Vec<String> {
    differs.iter().map(|word| (*word).to_owned()).collect()
}
