//! The verify token of a connection: what a person types into a platform's form beside the URL, so that the program can
//! show that the URL is its own.

use std::path::Path;

use super::input;
use crate::providers;
use crate::redact::Secret;
use crate::store::directory::unguessable;

/// A token, and whether we made it: only then somebody must be told.
pub(super) struct VerifyToken {
    pub(super) secret: Secret,
    is_new: bool,
}

impl VerifyToken {
    /// The one in the file, else a random one; none for a platform that asks for none.
    pub(super) fn of(provider: &str, file: Option<&Path>) -> anyhow::Result<Option<Self>> {
        if !providers::find(provider).is_some_and(|provider| provider.shakes_hands()) {
            return Ok(None);
        }
        Ok(Some(match file {
            Some(path) => Self { secret: input::secret_from_file(path)?, is_new: false },
            None => Self { secret: Secret::new(unguessable()), is_new: true },
        }))
    }

    /// The token, if it is to be shown.
    pub(super) fn shown(&self) -> Option<&str> {
        self.is_new.then(|| self.secret.expose())
    }
}
