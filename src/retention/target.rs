//! Where each kind of data lies, how what is old is found there, and how it goes.

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::rules::{Action, Kind};

/// Rows of one table that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Payloads,
    Transcripts,
    Recordings,
    RecordingLinks,
    Messages,
    Analytics,
    CallAnalyses,
    Rejections,
    KeptRequests,
}

impl Kind {
    /// Where it lies.
    pub(super) fn targets(self) -> &'static [Target] {
        match self {
            Self::Payloads => &[Target::Payloads],
            Self::Transcripts => &[Target::Transcripts],
            Self::Recordings => &[Target::Recordings, Target::RecordingLinks],
            Self::Messages => &[Target::Messages],
            Self::Analytics => &[Target::Analytics, Target::CallAnalyses],
            Self::Rejections => &[Target::Rejections, Target::KeptRequests],
        }
    }
}

impl Target {
    /// The table, and what of it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Payloads => "webhook_events.payload",
            Self::Transcripts => "calls.transcript",
            Self::Recordings => "recordings",
            Self::RecordingLinks => "calls.recording_url",
            Self::Messages => "messages",
            Self::Analytics => "lead_analytics",
            Self::CallAnalyses => "calls.analysis",
            Self::Rejections => "rejections",
            Self::KeptRequests => "kept_requests",
        }
    }

    /// What is old by this rule, `limit` rows at most.
    pub(super) async fn find(
        self,
        connection: &mut PgConnection,
        rule_id: Uuid,
        limit: i64,
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        macro_rules! find {
            ($file:literal) => {
                sqlx::query_file_scalar!($file, rule_id, limit).fetch_all(connection).await
            };
        }
        match self {
            Self::Payloads => find!("sql/retention/find_payloads.sql"),
            Self::Transcripts => find!("sql/retention/find_transcripts.sql"),
            Self::Recordings => find!("sql/retention/find_recordings.sql"),
            Self::RecordingLinks => find!("sql/retention/find_recording_links.sql"),
            Self::Messages => find!("sql/retention/find_messages.sql"),
            Self::Analytics => find!("sql/retention/find_analytics.sql"),
            Self::CallAnalyses => find!("sql/retention/find_call_analyses.sql"),
            Self::Rejections => find!("sql/retention/find_rejections.sql"),
            Self::KeptRequests => find!("sql/retention/find_kept_requests.sql"),
        }
    }

    /// How much is old by this rule.
    pub(super) async fn count(self, connection: &mut PgConnection, rule_id: Uuid) -> Result<u64, sqlx::Error> {
        macro_rules! count {
            ($file:literal) => {
                sqlx::query_file_scalar!($file, rule_id, i64::MAX)
                    .fetch(connection)
                    .try_fold(0, |count, _| std::future::ready(Ok(count + 1)))
                    .await
            };
        }
        match self {
            Self::Payloads => count!("sql/retention/find_payloads.sql"),
            Self::Transcripts => count!("sql/retention/find_transcripts.sql"),
            Self::Recordings => count!("sql/retention/find_recordings.sql"),
            Self::RecordingLinks => count!("sql/retention/find_recording_links.sql"),
            Self::Messages => count!("sql/retention/find_messages.sql"),
            Self::Analytics => count!("sql/retention/find_analytics.sql"),
            Self::CallAnalyses => count!("sql/retention/find_call_analyses.sql"),
            Self::Rejections => count!("sql/retention/find_rejections.sql"),
            Self::KeptRequests => count!("sql/retention/find_kept_requests.sql"),
        }
    }

    /// Takes these away. Returns how many went: rows that somebody holds are passed by.
    pub(super) async fn remove(
        self,
        connection: &mut PgConnection,
        ids: &[Uuid],
        action: Action,
    ) -> Result<u64, sqlx::Error> {
        macro_rules! update {
            ($file:literal) => {
                sqlx::query_file!($file, ids, action.as_str())
                    .execute(connection)
                    .await
                    .map(|result| result.rows_affected())
            };
        }
        macro_rules! either {
            ($file:literal) => {
                sqlx::query_file_scalar!($file, ids, action.as_str())
                    .fetch_one(connection)
                    .await
                    .map(|rows: i64| rows.unsigned_abs())
            };
        }
        match self {
            Self::Payloads => update!("sql/retention/remove_payloads.sql"),
            Self::Transcripts => update!("sql/retention/remove_transcripts.sql"),
            Self::Recordings => either!("sql/retention/remove_recordings.sql"),
            Self::RecordingLinks => update!("sql/retention/remove_recording_links.sql"),
            Self::Messages => either!("sql/retention/remove_messages.sql"),
            Self::Analytics => either!("sql/retention/remove_analytics.sql"),
            Self::CallAnalyses => update!("sql/retention/remove_call_analyses.sql"),
            Self::Rejections => either!("sql/retention/remove_rejections.sql"),
            Self::KeptRequests => either!("sql/retention/remove_kept_requests.sql"),
        }
    }
}
