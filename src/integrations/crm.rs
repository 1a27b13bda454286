//! What a CRM is to us: somewhere to ask whether a caller is known, and to tell what became of a lead. One vendor is
//! behind it: [`zoho`](super::zoho).

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use super::{TransportError, Verdict};
use crate::domain::LeadStage;
use crate::redact::{Email, Hidden, PersonName, Phone, Spoken};

/// Cards in one upsert at most: what Zoho takes in one request.
pub const CARDS_MAX: usize = 100;

/// A CRM.
pub trait Crm: Send + Sync {
    /// The person with this number (E.164), if the CRM knows one. Of several that have it, `linked` is taken, else the
    /// one that was changed last.
    fn find_by_phone<'a>(
        &'a self,
        phone: &'a Phone,
        linked: Option<&'a Record>,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Option<Contact>, CrmError>>;

    /// Makes the CRM agree with the cards, [`CARDS_MAX`] at most. What came of each is in the order of the cards;
    /// the whole is an error if no request came through. Repeating it is harmless, but two of one number must not run
    /// side by side: a CRM may then insert both.
    fn upsert<'a>(
        &'a self,
        cards: &'a [LeadCard],
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Vec<Result<Upserted, CrmError>>, CrmError>>;

    /// The CRM's word for a stage of ours; `None`: people set it there.
    fn word_of_stage(&self, stage: LeadStage) -> Option<&'static str>;

    /// Our stage for a word of the CRM's; `None`: a word that means nothing to us.
    fn stage_of_word(&self, word: &str) -> Option<LeadStage>;
}

/// Where a person is in the CRM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The CRM's id.
    pub id: String,
    /// The kind of the record.
    pub module: Module,
}

/// What kind of record a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// Somebody who may become a customer.
    Lead,
    /// Somebody known.
    Contact,
}

/// A person as the CRM knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The CRM's id of the record.
    pub id: String,
    /// The kind of the record.
    pub module: Module,
    /// The whole name.
    pub name: Option<PersonName>,
    /// The address.
    pub email: Option<Email>,
    /// The number that was found, as somebody wrote it there.
    pub phone: Phone,
    /// The company, which may be a person's name.
    pub company: Option<Hidden<String>>,
    /// Whose contact it is in the CRM.
    pub owner: Option<PersonName>,
    /// The stage, in the CRM's words; leads only.
    pub stage: Option<String>,
    /// The free text of the record.
    pub note: Option<Spoken>,
    /// When it was changed last, by whomever.
    pub modified_at: Option<DateTime<Utc>>,
    /// How many more records of this kind have the number.
    pub twins: usize,
}

/// What we know of a lead, for the CRM. What is `None` is left as it is there.
#[derive(Clone, Debug)]
pub struct LeadCard {
    /// E.164.
    pub phone: Phone,
    /// The record that [`Crm::find_by_phone`] found: it is changed, whatever form its number has and whether it is a
    /// lead or a contact, and keeps its name where the card has none. `None`: the CRM looks for the number itself, and
    /// inserts a lead where it finds none in exactly this form.
    pub known: Option<Contact>,
    /// The whole name.
    pub name: Option<PersonName>,
    /// The address.
    pub email: Option<Email>,
    /// The company.
    pub company: Option<Hidden<String>>,
    /// The stage.
    pub stage: Option<LeadStage>,
    /// The lead's score.
    pub score: Option<i32>,
    /// When they last called, or were called.
    pub last_call_at: Option<DateTime<Utc>>,
    /// What a person should read.
    pub note: Option<Spoken>,
}

/// A card that the CRM took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// The CRM's id of the record.
    pub id: String,
    /// Whether the record is new.
    pub created: bool,
}

/// Why the CRM did not answer, or not do it. The codes are the vendor's, and hold nothing of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrmError {
    /// No answer.
    #[error("crm: {cause}")]
    NoAnswer {
        /// Why.
        cause: TransportError,
        /// Whether the request would have changed something; a question that was not answered has done nothing.
        changes: bool,
    },
    /// An answer that is none.
    #[error("crm: the answer cannot be read")]
    Unreadable {
        /// As in [`CrmError::NoAnswer`].
        changes: bool,
    },
    /// Credentials, permissions.
    #[error("crm: not authorized: {code}")]
    NotAuthorized {
        /// The vendor's word.
        code: String,
    },
    /// A limit that only time lifts.
    #[error("crm: limit reached: {code}")]
    Limited {
        /// The vendor's word.
        code: String,
        /// How long it takes.
        wait: Duration,
    },
    /// Not now; in a while.
    #[error("crm: busy: {code}")]
    Busy {
        /// The vendor's word.
        code: String,
    },
    /// The request or the record is wrong.
    #[error("crm: rejected: {code} {}", field.as_deref().unwrap_or_default())]
    Rejected {
        /// The vendor's word.
        code: String,
        /// The field that it is about.
        field: Option<String>,
    },
    /// More cards than [`CARDS_MAX`]; none was sent.
    #[error("crm: more than {CARDS_MAX} cards at once")]
    TooMany,
    /// The token that processes share could not be read.
    #[error("crm: the shared token cannot be read")]
    TokenStore,
}

impl Contact {
    /// Where it is.
    pub fn record(&self) -> Record {
        Record { id: self.id.clone(), module: self.module }
    }
}

impl Module {
    /// Its word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Contact => "contact",
        }
    }
}

impl LeadCard {
    /// Where the record is known to be.
    pub fn module(&self) -> Option<Module> {
        self.known.as_ref().map(|known| known.module)
    }
}

impl CrmError {
    /// What it means for the job.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::NoAnswer { cause, changes: true } => cause.verdict(),
            Self::NoAnswer { cause: TransportError::NotMade, changes: false } => Verdict::Refused,
            Self::NoAnswer { changes: false, .. } => Verdict::Retry,
            Self::Unreadable { changes } => {
                if *changes {
                    Verdict::Unknown
                } else {
                    Verdict::Retry
                }
            }
            Self::NotAuthorized { .. } => Verdict::Refused,
            Self::Limited { wait, .. } => Verdict::Wait(*wait),
            Self::Busy { .. } | Self::TokenStore => Verdict::Retry,
            Self::Rejected { .. } | Self::TooMany => Verdict::Stop,
        }
    }
}
