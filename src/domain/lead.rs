//! A lead as the table has it: one person of one tenant, by telephone number.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::call::sql_enum;
use super::{Ranked, greatest, least};
use crate::redact::{Email, Hidden, PersonName, Phone};

sql_enum!(
    /// How far a lead has come.
    LeadStage {
        /// Nobody has spoken to them.
        New = "new",
        /// We have written to them.
        Contacted = "contacted",
        /// They have written to us, or spoken with us.
        Engaged = "engaged",
        /// Worth a call.
        Qualified = "qualified",
        /// A customer.
        Won = "won",
        /// Not interested for good.
        Lost = "lost",
    }
);

/// What is known of one lead.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/ say what each is")]
pub struct LeadRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub phone: Phone,
    pub first_seen_at: Option<DateTime<Utc>>,
    pub name: Option<Ranked<PersonName>>,
    pub email: Option<Ranked<Email>>,
    /// The smaller rank wins: the platform that saw the person first.
    pub source: Ranked<String>,
    pub stage: Option<LeadStage>,
    pub profile: Option<Ranked<Hidden<Value>>>,
    pub opted_out: Option<Ranked<bool>>,
}

impl LeadRow {
    /// Merges another piece of the same lead into this one. sql/store/upsert_leads.sql does the same.
    pub fn fold(self, other: Self) -> Self {
        Self {
            id: self.id,
            tenant_id: self.tenant_id,
            phone: self.phone,
            first_seen_at: least(self.first_seen_at, other.first_seen_at),
            name: Ranked::fold(self.name, other.name),
            email: Ranked::fold(self.email, other.email),
            stage: greatest(self.stage, other.stage),
            profile: Ranked::fold(self.profile, other.profile),
            opted_out: Ranked::fold(self.opted_out, other.opted_out),
            source: if other.source.rank < self.source.rank { other.source } else { self.source },
        }
    }
}
