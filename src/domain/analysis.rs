//! Analyses as the table has them: individual ones (one a call), from what the platform or we ourselves analysed, and
//! complete ones (one a person).

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Analysis, Ranked, greatest};
use crate::redact::Phone;

/// What is known of one individual analysis.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct AnalyticsRow {
    pub tenant_id: Uuid,
    pub call_id: Uuid,
    pub phone: Option<Phone>,
    pub source: String,
    pub analysis: Ranked<Analysis>,
}

impl AnalyticsRow {
    /// Merges another piece of the same analysis into this one. sql/store/upsert_analytics.sql does the same.
    pub fn fold(self, other: Self) -> Self {
        let phone = greatest(self.phone.clone(), other.phone.clone());
        let winner = if other.analysis.rank > self.analysis.rank { other } else { self };
        Self { phone, ..winner }
    }
}

/// What is known of one complete analysis.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct CompleteRow {
    /// The lead; the key is tenant and phone.
    pub lead_id: Uuid,
    pub tenant_id: Uuid,
    pub phone: Phone,
    pub source: String,
    pub analysis: Ranked<Analysis>,
}

impl CompleteRow {
    /// Merges another analysis of the same person into this one. sql/store/upsert_complete.sql does the same.
    pub fn fold(self, other: Self) -> Self {
        if other.analysis.rank > self.analysis.rank { other } else { self }
    }
}

/// That a call was analysed, and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "calls.completed_at")]
pub struct Completion {
    pub call_id: Uuid,
    pub at: DateTime<Utc>,
}

impl Completion {
    /// The earlier one. sql/store/complete_calls.sql does the same.
    pub fn fold(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }
}
