//! What a handler says: reports in the platform's terms, before anybody has looked up tenants and numbers.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::call::sql_enum;
use super::{CallStatus, Direction, Disposition, LeadStage, Sentiment, Weight};
use crate::redact::{Email, Hidden, PersonName, Phone, Spoken};

/// All that one event says should be true.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// When the platform says it happened; ranks everything below.
    pub at: Option<DateTime<Utc>>,
    /// What is said of calls.
    pub calls: Vec<CallReport>,
    /// What is said of people.
    pub contacts: Vec<ContactReport>,
    /// What is said of messages.
    pub messages: Vec<MessageReport>,
    /// What our own analyses say.
    pub analyses: Vec<AnalysisReport>,
    /// What the tenant's CRM says of people.
    pub known: Vec<CrmReport>,
    /// Fields that were skipped, and why: stored with the event.
    pub notes: Vec<String>,
}

impl Changes {
    /// No change, at this time.
    pub fn at(at: Option<DateTime<Utc>>) -> Self {
        Self { at, ..Self::default() }
    }

    /// Whether it says nothing of any row.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.contacts.is_empty()
            && self.messages.is_empty()
            && self.analyses.is_empty()
            && self.known.is_empty()
    }

    /// Adds what is said of a call.
    pub fn call(mut self, call: CallReport) -> Self {
        self.calls.push(call);
        self
    }

    /// Adds what is said of a person.
    pub fn contact(mut self, contact: ContactReport) -> Self {
        self.contacts.push(contact);
        self
    }

    /// Adds what is said of a message.
    pub fn message(mut self, message: MessageReport) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds what one of our own analyses says.
    pub fn analysis(mut self, analysis: AnalysisReport) -> Self {
        self.analyses.push(analysis);
        self
    }

    /// Adds what the CRM says of a person.
    pub fn known(mut self, known: CrmReport) -> Self {
        self.known.push(known);
        self
    }

    /// Adds notes on skipped fields.
    pub fn notes(mut self, notes: Vec<String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

/// What one event says of one call. Everything but the id is optional: `None` says nothing and erases nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallReport {
    /// The platform's id of the call.
    pub call_id: String,
    /// The id of the call that this is a leg of.
    pub parent_call_id: Option<String>,
    /// Which way it goes.
    pub direction: Option<Direction>,
    /// How far it has come.
    pub status: Option<CallStatus>,
    /// The platform's own word for that.
    pub provider_status: Option<String>,
    /// How it came out.
    pub disposition: Option<Disposition>,
    /// Who calls, as written.
    pub from: Option<Phone>,
    /// Who is called, as written.
    pub to: Option<Phone>,
    /// Our number, where it is not simply `to` of an inbound and `from` of an outbound call.
    pub our_number: Option<Phone>,
    /// Their number, where it is not simply `from` of an inbound and `to` of an outbound call.
    pub contact_number: Option<Phone>,
    /// Their name, and how sure that is (1 caller id, 2 said in the call, 3 address book).
    pub contact_name: Option<(Weight, PersonName)>,
    /// Their e-mail address, and how sure that is.
    pub contact_email: Option<(Weight, Email)>,
    /// The voice agent or the person of ours, by the platform's id.
    pub agent_id: Option<String>,
    /// Their name.
    pub agent_name: Option<PersonName>,
    /// First sign of the call.
    pub initiated_at: Option<DateTime<Utc>>,
    /// First ring.
    pub ringing_at: Option<DateTime<Utc>>,
    /// First taken.
    pub answered_at: Option<DateTime<Utc>>,
    /// Over.
    pub ended_at: Option<DateTime<Utc>>,
    /// How long.
    pub durations: Option<(Weight, Durations)>,
    /// Who ended it and why.
    pub hangup: Option<Hangup>,
    /// Recordings of it.
    pub recordings: Vec<RecordingReport>,
    /// What was said.
    pub transcript: Option<(Weight, Transcript)>,
    /// What the platform made of it.
    pub analysis: Option<(Weight, Analysis)>,
    /// What the platform charges.
    pub cost: Option<(Weight, Cost)>,
}

/// How long a call took, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Durations {
    /// From first sign to end, or what the platform calls the duration.
    pub total_ms: Option<i64>,
    /// The conversation alone.
    pub talk_ms: Option<i64>,
}

/// Who ended a call and why, in the platform's words.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Hangup {
    /// Who.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What was said in a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Transcript {
    /// As plain text, one line a turn: `Agent: …`, `User: …`.
    pub text: Spoken,
    /// As turns, where the platform tells them apart.
    pub turns: Vec<Turn>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Turn {
    /// `agent`, `user`, or `tool`.
    pub role: String,
    /// What was said.
    pub text: Spoken,
    /// When it began, milliseconds from the start of the call.
    pub at_ms: Option<i64>,
}

/// What the platform's own analysis says of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Analysis {
    /// In a few sentences.
    pub summary: Option<Spoken>,
    /// How they felt.
    pub sentiment: Option<Sentiment>,
    /// Whether the call reached its aim.
    pub successful: Option<bool>,
    /// How good a lead, 0 to 100; only our own analyses say it. Left out of the rank where it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Everything else it extracted, as the platform wrote it.
    pub data: Option<Hidden<Value>>,
}

/// What one of our own analyses says: of a call, or of a person over all their calls.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisReport {
    /// The platform and the call; `None`: it is about the person.
    pub call: Option<(String, String)>,
    /// The person's number.
    pub phone: Option<Phone>,
    /// Who analysed: `openai`.
    pub source: String,
    /// What it says.
    pub analysis: Analysis,
    /// Their name, and how sure that is.
    pub name: Option<(Weight, PersonName)>,
    /// Their e-mail address, and how sure that is.
    pub email: Option<(Weight, Email)>,
    /// The six behaviour scores.
    pub profile: Option<Hidden<Value>>,
    /// How far the lead has come by it.
    pub stage: Option<LeadStage>,
}

/// What the tenant's CRM says of a person, where that counts more than what we have.
#[derive(Clone, Debug, PartialEq)]
pub struct CrmReport {
    /// Their number, E.164.
    pub phone: Phone,
    /// When the record was changed last.
    pub at: Option<DateTime<Utc>>,
    /// Their name.
    pub name: Option<PersonName>,
    /// Their e-mail address.
    pub email: Option<Email>,
    /// How far the lead has come.
    pub stage: Option<LeadStage>,
}

/// What the platform charges for a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// How much.
    pub amount: f64,
    /// Of what: `usd_cents`, `ils_agorot`, `credits`.
    pub unit: &'static str,
}

sql_enum!(
    /// What a recording holds.
    RecordingKind {
        /// Made by an administrator's rule.
        Admin = "admin",
        /// The conversation.
        Call = "call",
        /// A message left.
        Voicemail = "voicemail",
    }
);

/// A recording of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingReport {
    /// What it holds.
    pub kind: RecordingKind,
    /// The platform's id of the recording, else its URL; the external event id of audio that came in the webhook.
    pub key: String,
    /// The connection of audio that came in the webhook, which the door keeps under it and the key. Never from a payload.
    pub stored: Option<Uuid>,
    /// Where to fetch it.
    pub url: Option<String>,
    /// How long it is, in milliseconds.
    pub duration_ms: Option<i64>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
}

/// What one event says of a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactReport {
    /// When this was said; `None`: [`Changes::at`].
    pub at: Option<DateTime<Utc>>,
    /// Their number, as written.
    pub phone: Phone,
    /// Our number that they said it to, where a shared connection's tenant is found by it.
    pub our_number: Option<Phone>,
    /// Their name, and how sure that is.
    pub name: Option<(Weight, PersonName)>,
    /// Their e-mail address, and how sure that is.
    pub email: Option<(Weight, Email)>,
    /// Whether they want no more messages: said with a switch of the platform, not with words, which are looked for in
    /// every message that comes in.
    pub opt_out: Option<bool>,
}

sql_enum!(
    /// How far a message has come. A person with several devices yields both "failed" and "delivered", in either order:
    /// what has reached one of them was not lost.
    MessageStatus {
        /// Not yet sent.
        Pending = "pending",
        /// On its way.
        Sent = "sent",
        /// Not delivered.
        Failed = "failed",
        /// On their phone.
        Delivered = "delivered",
        /// Seen.
        Read = "read",
        /// Listened to.
        Played = "played",
        /// Came in from them.
        Received = "received",
    }
);

/// What one event says of one message.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageReport {
    /// When this was said of the message; `None`: [`Changes::at`].
    pub at: Option<DateTime<Utc>>,
    /// The platform's id of the message.
    pub message_id: String,
    /// `sms` or `whatsapp`.
    pub channel: &'static str,
    /// `Inbound` or `Outbound`.
    pub direction: Direction,
    /// Who sends, as written.
    pub from: Option<Phone>,
    /// Who gets it, as written.
    pub to: Option<Phone>,
    /// Their name, and how sure that is.
    pub contact_name: Option<(Weight, PersonName)>,
    /// What it says.
    pub body: Option<Spoken>,
    /// How far it has come.
    pub status: Option<MessageStatus>,
    /// Why it failed, in the platform's word.
    pub error: Option<String>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// What we gave the platform along with it. The id of a job tells which job sent it, even where the platform's answer
    /// was lost.
    pub callback_data: Option<String>,
}
