//! Who wins, field by field. Pure: what we have, what the CRM has, what both agreed upon last.
//!
//! Nobody tells us who wrote a value in the CRM. What both sides agreed upon last is remembered, so a value there that
//! differs from it was written by somebody else, and is not written over.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Lead;
use crate::crypto::hex;
use crate::domain::LeadStage;
use crate::integrations::crm::{Contact, Crm, LeadCard, Module};
use crate::redact::{Email, PersonName};

/// Digests of the values that both sides agreed upon last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::jobs) struct Agreed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stage: Option<String>,
}

/// What is to be done about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Move {
    /// Both have the same.
    Agreed,
    /// It concerns nobody.
    Nothing,
    /// The CRM is to have ours.
    Write,
    /// We are to have the CRM's.
    Take,
    /// Ours counts here, and somebody wrote another value there: a person must decide.
    Differs,
}

/// What the CRM has of a lead.
#[derive(Clone, Debug)]
pub(in crate::jobs) enum Looked {
    /// This record.
    Found(Box<Contact>),
    /// None.
    Nobody,
    /// None, and there was one.
    Gone,
}

/// What follows from a look at both sides.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Agreement {
    name: Move,
    email: Move,
    stage: Move,
    /// The CRM's words, where the move says what they are for.
    theirs: Theirs,
    /// What was agreed upon before, about this record.
    before: Agreed,
    /// What a person must decide, in the words of `crm_links.differs`.
    pub(in crate::jobs) differs: BTreeSet<&'static str>,
}

#[derive(Clone, Debug, Default)]
struct Theirs {
    name: Option<PersonName>,
    email: Option<Email>,
    stage: Option<LeadStage>,
    stage_word: Option<String>,
    modified_at: Option<DateTime<Utc>>,
}

/// What of the CRM's counts over ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(in crate::jobs) struct Taken {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::jobs) name: Option<PersonName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::jobs) email: Option<Email>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::jobs) stage: Option<LeadStage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::jobs) modified_at: Option<DateTime<Utc>>,
}

impl Agreement {
    /// Compares both sides. `force`: a person has decided for ours.
    pub(in crate::jobs) fn of(lead: &Lead, looked: &Looked, crm: &dyn Crm, force: bool) -> Self {
        let contact = match looked {
            Looked::Found(contact) => Some(contact.as_ref()),
            _ => None,
        };
        let is_linked = contact.is_some_and(|contact| lead.record.as_ref() == Some(&contact.record()));
        // What was agreed upon was agreed upon about another record.
        let agreed = if is_linked { lead.agreed.clone() } else { Agreed::default() };
        let before = if contact.is_none() { lead.agreed.clone() } else { agreed.clone() };
        let theirs = contact.map(|contact| Theirs {
            name: contact.name.clone(),
            email: contact.email.clone(),
            stage: contact.stage.as_deref().and_then(|word| crm.stage_of_word(word)),
            stage_word: contact.stage.clone(),
            modified_at: contact.modified_at,
        });
        let theirs = theirs.unwrap_or_default();
        let name = text_move(
            lead.name.as_ref().map(PersonName::expose),
            lead.name_is_by_hand,
            theirs.name.as_ref().map(PersonName::expose),
            agreed.name.as_deref(),
        );
        let email = text_move(
            lead.email.as_ref().map(Email::expose),
            lead.email_is_by_hand,
            theirs.email.as_ref().map(Email::expose),
            agreed.email.as_deref(),
        );
        let stage = match contact {
            Some(contact) if contact.module == Module::Contact => Move::Nothing,
            _ => stage_move(lead, &theirs, crm.word_of_stage(lead.stage), agreed.stage.as_deref()),
        };
        let mut differs = BTreeSet::new();
        for (field, word) in [(name, "name"), (email, "email"), (stage, "stage")] {
            if field == Move::Differs && !force {
                differs.insert(word);
            }
        }
        if contact.is_some_and(|contact| contact.twins > 0) {
            differs.insert("several_records");
        }
        match (looked, &lead.record) {
            (Looked::Gone, _) if !force => {
                differs.insert("record_gone");
            }
            // A lead that was converted is a contact now: that is how it should be.
            (Looked::Found(contact), Some(record)) if !is_linked && contact.module == record.module => {
                differs.insert("other_record");
            }
            _ => {}
        }
        let decided = |field| if force && field == Move::Differs { Move::Write } else { field };
        Self { name: decided(name), email: decided(email), stage: decided(stage), theirs, before, differs }
    }

    /// What the CRM is to be told.
    pub(in crate::jobs) fn card(&self, lead: &Lead, known: Option<Contact>) -> LeadCard {
        let writes = |field| field == Move::Write;
        LeadCard {
            phone: lead.phone.clone(),
            known,
            name: lead.name.clone().filter(|_| writes(self.name)),
            email: lead.email.clone().filter(|_| writes(self.email)),
            company: None,
            stage: Some(lead.stage).filter(|_| writes(self.stage)),
            score: lead.score,
            last_call_at: lead.last_call_at,
            note: None,
        }
    }

    /// What we are to be told. `None`: nothing of it counts over ours.
    pub(in crate::jobs) fn taken(&self) -> Option<Taken> {
        let takes = |field| field == Move::Take;
        let taken = Taken {
            name: self.theirs.name.clone().filter(|_| takes(self.name)),
            email: self.theirs.email.clone().filter(|_| takes(self.email)),
            stage: self.theirs.stage.filter(|_| takes(self.stage)),
            modified_at: None,
        };
        let is_some = taken != Taken::default();
        is_some.then_some(Taken { modified_at: self.theirs.modified_at, ..taken })
    }

    /// What both sides agree upon from now on. `is_written`: the CRM took the card.
    pub(in crate::jobs) fn agreed(&self, lead: &Lead, crm: &dyn Crm, is_written: bool) -> Agreed {
        let next = |field: Move, ours: Option<&str>, before: &Option<String>| match field {
            Move::Agreed => ours.map(digest),
            Move::Write if is_written => ours.map(digest),
            _ => before.clone(),
        };
        Agreed {
            name: next(self.name, lead.name.as_ref().map(PersonName::expose), &self.before.name),
            email: next(self.email, lead.email.as_ref().map(Email::expose), &self.before.email),
            stage: next(self.stage, crm.word_of_stage(lead.stage), &self.before.stage),
        }
    }
}

/// Name and e-mail: by hand counts over the CRM, the CRM over what platforms say.
fn text_move(ours: Option<&str>, is_by_hand: bool, theirs: Option<&str>, agreed: Option<&str>) -> Move {
    let is_untouched = theirs.map(digest).as_deref() == agreed;
    match (ours, theirs) {
        (None, None) => Move::Nothing,
        (None, Some(_)) => Move::Take,
        (Some(ours), Some(theirs)) if digest(ours) == digest(theirs) => Move::Agreed,
        (Some(_), _) if is_untouched || agreed.is_none() && (is_by_hand || theirs.is_none()) => Move::Write,
        (Some(_), Some(_)) if !is_by_hand => Move::Take,
        // Changed, or taken out, by somebody who may have had a reason.
        (Some(_), _) => Move::Differs,
    }
}

/// The stage: the furthest counts, in the order of ours. A word that means nothing to us is left where it is.
fn stage_move(lead: &Lead, theirs: &Theirs, ours: Option<&str>, agreed: Option<&str>) -> Move {
    let word = theirs.stage_word.as_deref();
    let is_ahead = theirs.stage.is_some_and(|stage| stage > lead.stage);
    if is_ahead && !lead.stage_is_by_hand && word.map(digest).as_deref() != agreed {
        return Move::Take;
    }
    let Some(ours) = ours else { return Move::Nothing };
    match word {
        Some(word) if word == ours => Move::Agreed,
        word if word.map(digest).as_deref() == agreed => Move::Write,
        _ if agreed.is_some() => Move::Differs,
        None => Move::Write,
        Some(_) if lead.stage_is_by_hand || theirs.stage.is_some() => Move::Write,
        Some(_) => Move::Nothing,
    }
}

/// Of a value without what a CRM may change of itself: case, and white space at the ends and in between.
pub(super) fn digest(text: &str) -> String {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    hex(&Sha256::digest(plain)[..16])
}
