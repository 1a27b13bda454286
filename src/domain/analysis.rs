//! An analysis as the table has it: individual (one a call) for now from what the platform itself analysed.

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
