//! Why a change was not made.

use std::borrow::Cow;

use crate::db;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It cannot be, for this reason; the field stands first.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
    /// It is in use, or has an owner.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// The same was done before: a form that was sent twice.
    #[error("the same was done before")]
    Repeated,
    /// There is none, or it is not theirs.
    #[error("not found")]
    NotFound,
    /// It takes an administrator of all tenants. The text is the same whatever other tenants have.
    #[error("{0}")]
    NeedsAllTenants(&'static str),
    /// Again in a second.
    #[error("too many passwords are looked at just now: try again in a second")]
    Busy,
    /// The database would not.
    #[error("{}", db::describe(.0))]
    Database(#[from] sqlx::Error),
}
