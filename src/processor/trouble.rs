//! Why a batch, or an attempt at a part of it, was rolled back.

use crate::db;
use crate::queue::Failure;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// For what one of the events says. Which one is not known, unless there was only one.
    #[error("{0}")]
    Event(Failure),
    /// Others were in the way, for too long: the events are tried again, and none has failed.
    #[error("{0}")]
    Busy(String),
    /// The connection is gone, or the database takes nothing.
    #[error("{}", db::describe(.0))]
    Lost(sqlx::Error),
}

impl Trouble {
    /// The label of the metric.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Busy(_) => "busy",
            Self::Lost(_) => "lost",
        }
    }

    /// The program itself broke off: a mistake of ours, or in a user's function.
    pub(super) fn panicked() -> Self {
        Self::Event(Failure::retry("the program panicked; its log says where"))
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        if !db::is_statement_error(&error) {
            Self::Lost(error)
        } else if db::is_batch_trouble(&error) {
            Self::Busy(db::describe(&error))
        } else {
            Self::Event(error.into())
        }
    }
}
