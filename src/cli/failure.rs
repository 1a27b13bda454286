//! How a command's failure is told: its exit code, and its text without a value of anybody's.

use sqlx::migrate::MigrateError;

use crate::admin::AdminError;
use crate::crypto::KeyError;
use crate::db;

/// The command line is wrong in a way that its grammar cannot say: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(String);

impl Usage {
    /// What is wrong, and how it is right.
    pub(super) fn error(message: impl Into<String>) -> anyhow::Error {
        Self(message.into()).into()
    }
}

/// The exit code: 2 for what the caller must change, 1 for everything else.
pub(super) fn code(error: &anyhow::Error) -> u8 {
    let database = match error.downcast_ref() {
        Some(AdminError::Database(error)) => Some(error),
        _ => error.downcast_ref(),
    };
    let is_key = error.is::<KeyError>() || database.and_then(KeyError::of).is_some();
    let is_invalid = matches!(error.downcast_ref(), Some(AdminError::Invalid(_)));
    if is_key || is_invalid || error.is::<Usage>() { 2 } else { 1 }
}

/// The error and its causes. Postgres quotes the values it chokes on, so the database's own words are left out.
pub(super) fn text(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        let database = match cause.downcast_ref() {
            Some(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Some(error),
            _ => cause.downcast_ref::<sqlx::Error>(),
        };
        if let Some(error) = database {
            parts.push(db::describe(error));
            break;
        }
        parts.push(cause.to_string());
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_databases_own_words_are_left_out() {
        let error = Err::<(), _>(sqlx::Error::Protocol("+15550100123".to_owned())).context("connections").unwrap_err();
        assert_eq!(text(&error), "connections: the database driver failed");
        assert_eq!(code(&error), 1);
    }

    #[test]
    fn wrong_usage_is_exit_code_two() {
        let error = Usage::error("say --yes");
        assert_eq!((code(&error), text(&error)), (2, "say --yes".to_owned()));
    }
}
