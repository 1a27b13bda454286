//! A call as the table has it, and how two pieces of one call merge.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::change::{Analysis, Cost, Durations, Hangup, Transcript};
use super::{Ranked, greatest, least};
use crate::redact::{PersonName, Phone};

/// Declares an enum that is also an enum in Postgres: same words, same order, so `Ord` here is `<` there.
macro_rules! sql_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}
pub(super) use sql_enum;

sql_enum!(
    /// Which way a call went.
    Direction {
        /// They called us.
        Inbound = "inbound",
        /// We called them.
        Outbound = "outbound",
        /// Among ourselves.
        Internal = "internal",
    }
);
sql_enum!(
    /// How far a call has come. It never goes back.
    CallStatus {
        /// Planned for later.
        Scheduled = "scheduled",
        /// Waiting for a line or an agent.
        Queued = "queued",
        /// Being dialled.
        Initiated = "initiated",
        /// Ringing.
        Ringing = "ringing",
        /// People, or a person and an agent, are talking.
        InProgress = "in_progress",
        /// Over.
        Ended = "ended",
    }
);
sql_enum!(
    /// How a call came out; answered beats everything.
    Disposition {
        /// Nobody took it.
        NoAnswer = "no_answer",
        /// The line was busy, or the call was declined.
        Busy = "busy",
        /// Given up by the caller, or by us.
        Canceled = "canceled",
        /// It could not be put through.
        Failed = "failed",
        /// A machine took it.
        Voicemail = "voicemail",
        /// It was taken.
        Answered = "answered",
    }
);
sql_enum!(
    /// How the other side felt, as somebody's analysis says.
    Sentiment {
        /// The analysis does not know.
        Unknown = "unknown",
        /// Negative.
        Negative = "negative",
        /// Neutral.
        Neutral = "neutral",
        /// Positive.
        Positive = "positive",
    }
);

/// What is known of one call: a patch, a row, and the fold of any number of them are the same thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct CallRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub provider: String,
    pub provider_call_id: String,
    pub parent_call_id: Option<String>,
    pub direction: Option<Direction>,
    pub status: Option<CallStatus>,
    pub provider_status: Option<Ranked<String>>,
    pub disposition: Option<Disposition>,
    pub from_raw: Option<Phone>,
    pub from_number: Option<Phone>,
    pub to_raw: Option<Phone>,
    pub to_number: Option<Phone>,
    pub our_number: Option<Phone>,
    pub contact_number: Option<Phone>,
    pub agent_id: Option<String>,
    pub agent_name: Option<PersonName>,
    pub campaign_rank: Option<String>,
    pub initiated_at: Option<DateTime<Utc>>,
    pub ringing_at: Option<DateTime<Utc>>,
    pub answered_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub durations: Option<Ranked<Durations>>,
    pub hangup: Option<Ranked<Hangup>>,
    pub recording_url: Option<Ranked<String>>,
    pub transcript: Option<Ranked<Transcript>>,
    pub analysis: Option<Ranked<Analysis>>,
    pub cost: Option<Ranked<Cost>>,
}

impl CallRow {
    /// Merges another piece of the same call into this one. sql/store/upsert_calls.sql does the same.
    pub fn fold(self, other: Self) -> Self {
        Self {
            id: self.id,
            tenant_id: self.tenant_id,
            provider: self.provider,
            provider_call_id: self.provider_call_id,
            parent_call_id: greatest(self.parent_call_id, other.parent_call_id),
            direction: greatest(self.direction, other.direction),
            status: greatest(self.status, other.status),
            provider_status: Ranked::fold(self.provider_status, other.provider_status),
            disposition: greatest(self.disposition, other.disposition),
            from_raw: greatest(self.from_raw, other.from_raw),
            from_number: greatest(self.from_number, other.from_number),
            to_raw: greatest(self.to_raw, other.to_raw),
            to_number: greatest(self.to_number, other.to_number),
            our_number: greatest(self.our_number, other.our_number),
            contact_number: greatest(self.contact_number, other.contact_number),
            agent_id: greatest(self.agent_id, other.agent_id),
            agent_name: greatest(self.agent_name, other.agent_name),
            campaign_rank: greatest(self.campaign_rank, other.campaign_rank),
            initiated_at: least(self.initiated_at, other.initiated_at),
            ringing_at: least(self.ringing_at, other.ringing_at),
            answered_at: least(self.answered_at, other.answered_at),
            ended_at: greatest(self.ended_at, other.ended_at),
            durations: Ranked::fold(self.durations, other.durations),
            hangup: Ranked::fold(self.hangup, other.hangup),
            recording_url: Ranked::fold(self.recording_url, other.recording_url),
            transcript: Ranked::fold(self.transcript, other.transcript),
            analysis: Ranked::fold(self.analysis, other.analysis),
            cost: Ranked::fold(self.cost, other.cost),
        }
    }
}
