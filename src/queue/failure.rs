//! A failure says what happens next.

use std::time::Duration;

use crate::db;

/// Why a handler did not succeed, and what that means for its event or job. The texts are stored in `last_error`
/// and logged: they hold no personal data.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// May succeed later: try again after a while, and give up after the last attempt.
    #[error("{0}")]
    Retry(String),
    /// Not yet: try again after this long, without spending an attempt.
    #[error("asked to wait {}", humantime::format_duration(*.0))]
    Snooze(Duration),
    /// Lost to others (a deadlock, a lock that somebody holds): try again soon, without spending an attempt.
    #[error("{0}")]
    Busy(String),
    /// Will never succeed: settle it as dead at once.
    #[error("{0}")]
    Dead(String),
}

impl Failure {
    /// A failure that waiting may heal.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry(reason.into())
    }

    /// A failure that waiting will not heal.
    pub fn dead(reason: impl Into<String>) -> Self {
        Self::Dead(reason.into())
    }
}

/// Database trouble retries, and a lost race costs no attempt; a value that the database can never hold does not retry. A
/// statement of a user's own that took too long has failed: it is slow as often as it runs.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let reason = db::describe(&error);
        if db::is_data_error(&error) {
            Self::Dead(reason)
        } else if db::is_batch_trouble(&error) && !db::is_timeout(&error) {
            Self::Busy(reason)
        } else {
            Self::Retry(reason)
        }
    }
}
