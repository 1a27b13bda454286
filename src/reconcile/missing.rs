//! What is missing: what a platform's record says of a call, beside what the table has.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::{CallReport, CallStatus, Disposition, Weight};

/// What of a call is missing; the first thing found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It is not there at all.
    Call,
    /// That it is over.
    End,
    /// How it came out.
    Outcome,
    /// How long it took.
    Duration,
    /// Who hung up.
    Hangup,
    /// Its recording.
    Recording,
    /// What was said.
    Transcript,
    /// What the platform made of it.
    Analysis,
    /// What it cost.
    Cost,
}

impl Missing {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::End => "end",
            Self::Outcome => "outcome",
            Self::Duration => "duration",
            Self::Hangup => "hangup",
            Self::Recording => "recording",
            Self::Transcript => "transcript",
            Self::Analysis => "analysis",
            Self::Cost => "cost",
        }
    }
}

/// What the table has of a call. Groups count by the weight that they have: what retention took away left that behind,
/// and is not fetched again.
#[derive(Debug)]
pub(super) struct Known {
    has_ended: bool,
    disposition: Option<Disposition>,
    has_end: bool,
    duration: Option<String>,
    hangup: Option<String>,
    recording: Option<String>,
    transcript: Option<String>,
    analysis: Option<String>,
    cost: Option<String>,
    is_forgotten: bool,
}

/// What the table has of these calls, by the platform's id.
pub(super) async fn known(
    pool: &PgPool,
    provider: &str,
    tenant_id: Option<Uuid>,
    call_ids: &[String],
) -> Result<HashMap<String, Known>, sqlx::Error> {
    let rows =
        sqlx::query_file!("sql/reconcile/known_calls.sql", call_ids, provider, tenant_id).fetch_all(pool).await?;
    let known = rows.into_iter().map(|row| {
        let disposition = |word: &str| Disposition::ALL.iter().copied().find(|known| known.as_str() == word);
        let known = Known {
            has_ended: row.has_ended,
            disposition: row.disposition.as_deref().and_then(disposition),
            has_end: row.has_end,
            duration: row.duration_weight,
            hangup: row.hangup_weight,
            recording: row.recording_weight,
            transcript: row.transcript_weight,
            analysis: row.analysis_weight,
            cost: row.cost_weight,
            is_forgotten: row.is_forgotten,
        };
        (row.call_id, known)
    });
    Ok(known.collect())
}

/// What the table lacks of what the report says; `None`: nothing. A call whose person was erased lacks nothing.
pub(super) fn missing(report: &CallReport, known: Option<&Known>) -> Option<Missing> {
    let Some(known) = known else { return Some(Missing::Call) };
    let lacks = |weight: Option<Weight>, known: &Option<String>| {
        weight.is_some_and(|weight| known.as_deref() < Some(format!("{:x}", weight.0.min(15)).as_str()))
    };
    let has_ended = report.status == Some(CallStatus::Ended);
    let checks = [
        (has_ended && !known.has_ended || report.ended_at.is_some() && !known.has_end, Missing::End),
        (report.disposition > known.disposition, Missing::Outcome),
        (lacks(report.durations.as_ref().map(|(weight, _)| *weight), &known.duration), Missing::Duration),
        (report.hangup.is_some() && known.hangup.is_none(), Missing::Hangup),
        (!report.recordings.is_empty() && known.recording.is_none(), Missing::Recording),
        (lacks(report.transcript.as_ref().map(|(weight, _)| *weight), &known.transcript), Missing::Transcript),
        (lacks(report.analysis.as_ref().map(|(weight, _)| *weight), &known.analysis), Missing::Analysis),
        (lacks(report.cost.as_ref().map(|(weight, _)| *weight), &known.cost), Missing::Cost),
    ];
    let first = checks.into_iter().find_map(|(is_missing, what)| is_missing.then_some(what));
    first.filter(|_| !known.is_forgotten)
}

/// Whether the short item of a list leaves it open if something is missing: somebody talked, and nothing is known of what
/// was said.
pub(super) fn may_miss_a_transcript(report: &CallReport, known: Option<&Known>) -> bool {
    report.disposition == Some(Disposition::Answered)
        && known.is_some_and(|known| known.transcript.is_none() && !known.is_forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cost, Durations, Hangup, Transcript};

    fn whole() -> CallReport {
        CallReport {
            status: Some(CallStatus::Ended),
            disposition: Some(Disposition::Answered),
            durations: Some((Weight::WHOLE, Durations::default())),
            hangup: Some(Hangup::default()),
            transcript: Some((Weight::WHOLE, Transcript::default())),
            cost: Some((Weight::FINAL, Cost { amount: 1.0, unit: "usd_cents" })),
            ..CallReport::default()
        }
    }

    fn known() -> Known {
        let weight = |weight: &str| Some(weight.to_owned());
        Known {
            has_ended: true,
            disposition: Some(Disposition::Answered),
            has_end: true,
            duration: weight("2"),
            hangup: weight("2"),
            recording: None,
            transcript: weight("2"),
            analysis: None,
            cost: weight("3"),
            is_forgotten: false,
        }
    }

    #[test]
    fn a_call_is_missing_by_what_its_row_lacks() {
        assert_eq!(missing(&whole(), None), Some(Missing::Call));
        assert_eq!(missing(&whole(), Some(&known())), None);
        let lacks = |known: Known| missing(&whole(), Some(&known));
        assert_eq!(lacks(Known { has_ended: false, ..known() }), Some(Missing::End));
        assert_eq!(lacks(Known { disposition: Some(Disposition::NoAnswer), ..known() }), Some(Missing::Outcome));
        assert_eq!(lacks(Known { transcript: Some("1".to_owned()), ..known() }), Some(Missing::Transcript));
        assert_eq!(lacks(Known { cost: Some("2".to_owned()), ..known() }), Some(Missing::Cost));
        assert_eq!(lacks(Known { duration: Some("8".to_owned()), ..known() }), None);
        assert_eq!(lacks(Known { transcript: None, is_forgotten: true, ..known() }), None);
        assert_eq!(missing(&CallReport::default(), Some(&known())), None);
    }
}
