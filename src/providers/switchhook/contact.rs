//! What the CRM knows of a person, and what becomes of it.

use chrono::{DateTime, Utc};

use crate::domain::{Changes, CrmReport, LeadStage};
use crate::inbox::Event;
use crate::providers::{Notes, Reader};
use crate::queue::Failure;
use crate::redact::Email;

/// A record of the CRM: the job that asked has left in it what counts over what we have, and nothing else.
pub(super) fn contact_pulled(event: &Event) -> Result<Changes, Failure> {
    let json = event.json()?;
    let notes = Notes::default();
    let root = Reader::new(&json, &notes);
    let stage = root.text("stage");
    let modified_at: Option<DateTime<Utc>> = root.text("modified_at").and_then(|text| text.parse().ok());
    let report = CrmReport {
        phone: root.phone("phone").ok_or_else(|| Failure::dead("phone is missing"))?,
        at: modified_at.or(event.occurred_at),
        name: root.name("name"),
        email: root.text("email").map(Email::new),
        stage: LeadStage::ALL.iter().copied().find(|known| Some(known.as_str()) == stage.as_deref()),
    };
    Ok(Changes::at(event.occurred_at).known(report).notes(notes.into_vec()))
}
