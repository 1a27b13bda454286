//! Secrets and ids. Secrets are sealed under master keys, which never lie in the database; ids and digests are made with
//! a key of their own, which is random, lies sealed in the database, is made once and never changes.

mod digest;
mod issued;
mod key_file;
mod master;

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::PgPool;
use tokio::sync::OnceCell;

use crate::redact::Secret;

pub use digest::{DigestKey, hex, random, random_letters};
pub use key_file::{Settings, VARIABLE};
pub use master::{MasterKeys, is_sealed, new_master_key, sealed_under};

/// The row of the table `secrets` with the key of ids and digests, and what that value is sealed for.
pub const DIGEST_KEY: &str = "digest_key";

/// What values are sealed for: the column that they stand in. Settings of tenants are sealed for their key.
pub mod purpose {
    /// A secret of a connection.
    pub const CONNECTION_SECRET: &str = "connection_secrets.secret";
    /// The value of a static header of a connection.
    pub const HEADER_VALUE: &str = "connections.header_value";
    /// An access token of a vendor.
    pub const OAUTH_TOKEN: &str = "oauth_tokens.token";
    /// The seed of a second factor.
    pub const SECOND_FACTOR: &str = "second_factors.secret";
    /// Webhooks that wait in files for the database.
    pub const SPOOL: &str = "spool";
    /// A request that was not verified, and is kept until its secret is mended.
    pub const KEPT_REQUEST: &str = "kept_requests.request";
    /// Settings of tenants that are secrets.
    pub const SETTINGS: &[&str] = &[
        "integrations.whatsapp.token",
        "integrations.openai.api_key",
        "integrations.slack.webhook_url",
        "integrations.email.smtp_url",
        "integrations.twilio.auth_token",
        "integrations.zoho.client_secret",
        "integrations.zoho.refresh_token",
        "integrations.bolna.api_key",
        "integrations.dialpad.api_key",
        "integrations.elevenlabs.api_key",
        "integrations.retell.api_key",
        "integrations.voicenter.api_key",
    ];
}

/// Why there are no keys, or not the right ones. The texts hold ids of keys, never a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nobody has set one.
    #[error(
        "no master key: put one into SWITCHHOOK_MASTER_KEY, or into a file that secrets.key_file names; `switchhook \
         secrets new-key` makes one. Keep it apart from the database: without it nobody can read what is sealed there"
    )]
    Missing,
    /// It is no key.
    #[error("{place}: {reason}; `switchhook secrets new-key` makes a key")]
    Malformed {
        /// The variable or the file, and which of its keys.
        place: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The file cannot be read or made.
    #[error("the key file {path} cannot be {deed}: {kind}")]
    File {
        /// Which.
        path: String,
        /// Read or made.
        deed: &'static str,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// Others may read the file.
    #[error("the key file {path} can be read by other users (mode {mode:03o}): run `chmod 600 {path}`")]
    Open {
        /// Which.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// The private database has secrets, and its key file is gone.
    #[error(
        "the key file {path} is missing, and the database holds secrets that were sealed with it: put the file back, or \
         its key into SWITCHHOOK_MASTER_KEY. Nothing was changed"
    )]
    Gone {
        /// Where it should be.
        path: String,
    },
    /// The database was sealed with another key.
    #[error(
        "wrong master key: the database is sealed under key {sealed}, and the given keys are {given}. Give that one too, \
         after the newest (SWITCHHOOK_MASTER_KEY, secrets.key_file). Nothing was changed"
    )]
    Wrong {
        /// The id of the key that is needed.
        sealed: String,
        /// The ids of those there are.
        given: String,
    },
    /// What the database holds is not what was sealed.
    #[error("the table secrets is damaged: its {DIGEST_KEY} cannot be opened; restore it from a backup")]
    Damaged,
    /// The database has not been reached since the program started.
    #[error("the key of ids has not been read from the database yet")]
    NotLoaded,
}

impl KeyError {
    /// The key trouble that a database function met, if that is what it was.
    pub fn of(error: &sqlx::Error) -> Option<&Self> {
        match error {
            sqlx::Error::Configuration(error) => error.downcast_ref(),
            _ => None,
        }
    }

    /// Whether waiting mends it.
    pub fn passes(&self) -> bool {
        matches!(self, Self::NotLoaded)
    }
}

/// Functions that work with rows and keys fail with one error.
impl From<KeyError> for sqlx::Error {
    fn from(error: KeyError) -> Self {
        Self::Configuration(Box::new(error))
    }
}

/// Why a sealed value cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is in clear, or nothing of ours.
    #[error("not a sealed value")]
    NotSealed,
    /// None of our keys has this id.
    #[error("sealed under master key {0}, which is not among those given")]
    UnknownKey(String),
    /// It was changed, or sealed for another purpose.
    #[error("the sealed value is damaged, or was sealed for another purpose")]
    Damaged,
}

/// All keys of the program. A clone is the same keys.
#[derive(Clone)]
pub struct Keys {
    master: Arc<MasterKeys>,
    digest: Arc<OnceCell<DigestKey>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("master", &self.master).finish_non_exhaustive()
    }
}

impl Keys {
    /// Over these master keys. The key of ids and digests is read from the database once it can be reached ([`Keys::load`]).
    pub fn new(master: MasterKeys) -> Self {
        Self { master: Arc::new(master), digest: Arc::default() }
    }

    /// Seals a value under the newest master key. It opens for the same purpose only, which names the column.
    pub fn seal(&self, purpose: &'static str, secret: &Secret) -> String {
        self.master.seal(purpose, secret)
    }

    /// Opens what was sealed for this purpose, under whichever of the master keys.
    pub fn open(&self, purpose: &'static str, sealed: &str) -> Result<Secret, OpenError> {
        self.master.open(purpose, sealed)
    }

    /// Seals bytes, as bytes.
    pub fn seal_bytes(&self, purpose: &'static str, clear: &[u8]) -> Vec<u8> {
        self.master.seal_bytes(purpose, clear)
    }

    /// Opens bytes that were sealed for this purpose.
    pub fn open_bytes(&self, purpose: &'static str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.master.open_bytes(purpose, sealed)
    }

    /// The same of a value that may stand in clear: one that somebody has written with SQL, say.
    pub fn open_or_clear(&self, purpose: &'static str, text: &str) -> Result<Secret, OpenError> {
        if is_sealed(text) { self.open(purpose, text) } else { Ok(Secret::new(text)) }
    }

    /// A value under the newest master key; `None`: it is already. What stands in clear is sealed.
    pub fn reseal(&self, purpose: &'static str, text: &str) -> Result<Option<String>, OpenError> {
        if sealed_under(text) == self.master.ids().next() {
            return self.open(purpose, text).map(|_| None);
        }
        self.open_or_clear(purpose, text).map(|secret| Some(self.seal(purpose, &secret)))
    }

    /// What to say of a value that is sealed under a key which is not there.
    pub fn wrong(&self, error: OpenError) -> KeyError {
        match error {
            OpenError::UnknownKey(sealed) => {
                KeyError::Wrong { sealed, given: self.master_ids().collect::<Vec<_>>().join(", ") }
            }
            OpenError::NotSealed | OpenError::Damaged => KeyError::Damaged,
        }
    }

    /// The ids of the master keys, the newest first.
    pub fn master_ids(&self) -> impl Iterator<Item = &str> {
        self.master.ids()
    }

    /// The key of ids and digests: from the database at first, made if there is none, and from memory ever after.
    pub async fn load(&self, pool: &PgPool) -> Result<&DigestKey, sqlx::Error> {
        self.digest.get_or_try_init(|| self.read(pool)).await
    }

    /// The key of ids and digests, if it was loaded.
    pub fn digests(&self) -> Result<&DigestKey, KeyError> {
        self.digest.get().ok_or(KeyError::NotLoaded)
    }

    /// A keyed digest of a text ([`DigestKey::digest`]), if the key was loaded.
    pub fn digest(&self, purpose: &'static str, text: &str) -> Result<[u8; 32], KeyError> {
        Ok(self.digests()?.digest(purpose, text))
    }

    /// Whether the database holds a key of ids: then the master key that it is sealed under must be there.
    pub async fn is_sealed(pool: &PgPool) -> Result<bool, sqlx::Error> {
        Ok(sqlx::query_file_scalar!("sql/crypto/find_secret.sql", DIGEST_KEY).fetch_optional(pool).await?.is_some())
    }

    async fn read(&self, pool: &PgPool) -> Result<DigestKey, sqlx::Error> {
        if let Some(sealed) =
            sqlx::query_file_scalar!("sql/crypto/find_secret.sql", DIGEST_KEY).fetch_optional(pool).await?
        {
            return Ok(self.opened(&sealed)?);
        }
        let sealed = self.seal(DIGEST_KEY, &random());
        // Whoever is first makes it for all.
        sqlx::query_file!("sql/crypto/add_secret.sql", DIGEST_KEY, sealed).execute(pool).await?;
        let sealed = sqlx::query_file_scalar!("sql/crypto/find_secret.sql", DIGEST_KEY).fetch_one(pool).await?;
        Ok(self.opened(&sealed)?)
    }

    fn opened(&self, sealed: &str) -> Result<DigestKey, KeyError> {
        let opened = self.open(DIGEST_KEY, sealed).map_err(|error| self.wrong(error))?;
        let bytes = URL_SAFE_NO_PAD.decode(opened.expose()).map_err(|_| KeyError::Damaged)?;
        Ok(DigestKey::new(bytes.try_into().map_err(|_| KeyError::Damaged)?))
    }
}
