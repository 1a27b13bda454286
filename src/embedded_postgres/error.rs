//! What can go wrong, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why there is no private cluster. The messages are for the person at the terminal: they say what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable binaries, and fetching them did not work either.
    #[error(
        "no Postgres (14 to 18) was found on this machine, and {fetching}; install it (Debian, Ubuntu: apt-get install \
         postgresql; macOS: brew install postgresql@17), or set DATABASE_URL to a Postgres of your own"
    )]
    NoBinaries {
        /// Why they could not be fetched.
        fetching: String,
    },
    /// The data need a major version that is not here.
    #[error(
        "the data in {} were written by Postgres {major}, this machine has {found}, and {fetching}; install Postgres \
         {major} (Debian, Ubuntu: apt-get install postgresql-{major}; macOS: brew install postgresql@{major}), or move \
         the folder away to begin afresh", .data.display()
    )]
    OtherVersion {
        /// The data directory.
        data: PathBuf,
        /// The major version it was made by.
        major: u32,
        /// The versions found, in words.
        found: String,
        /// Why the right one could not be fetched.
        fetching: String,
    },
    /// Run as root, with no user to drop to.
    #[error(
        "postgres refuses to run as root, and there is neither a user postgres nor a user nobody to run it as; run \
         switchhook as an ordinary user, or set DATABASE_URL"
    )]
    NoUser,
    /// The folder is somebody else's.
    #[error("{} belongs to another user (uid {owner}); run switchhook as that user, or remove the folder", .folder.display())]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// The user that owns it.
        owner: u32,
    },
    /// A throw-away cluster, whose folder is deleted with it, was asked for in a folder that holds something.
    #[error("{} holds something already; choose another folder for a throw-away cluster", .0.display())]
    NotEmpty(PathBuf),
    /// Another process has the folder and its server does not answer.
    #[error(
        "another process holds the cluster in {}, and its Postgres did not answer within {seconds} s; see postgres.log \
         there, and stop that process", .folder.display()
    )]
    Busy {
        /// The folder of the cluster.
        folder: PathBuf,
        /// How long we waited.
        seconds: u64,
    },
    /// `initdb` failed.
    #[error("initdb could not create the cluster in {}:\n{log}", .folder.display())]
    Initdb {
        /// The folder of the cluster.
        folder: PathBuf,
        /// What it said last.
        log: String,
    },
    /// `pg_basebackup` failed.
    #[error("pg_basebackup could not copy the cluster into {}:\n{log}", .folder.display())]
    Copy {
        /// The folder of the copy.
        folder: PathBuf,
        /// What it said last.
        log: String,
    },
    /// Postgres ended, or did not become ready.
    #[error("Postgres {what} (log: {}):\n{log}", .file.display())]
    Server {
        /// What it did.
        what: String,
        /// Its log.
        file: PathBuf,
        /// The last lines of it.
        log: String,
    },
    /// The server answers, and refuses the password.
    #[error(
        "the Postgres of {} refuses the password in the file `password` there; one of them was changed by hand", .0.display()
    )]
    Password(PathBuf),
    /// The cluster belongs to another process, so it is not ours to restart.
    #[error("the cluster was started by another process, which alone may restart it")]
    NotOwned,
    /// The server answered, and a statement failed.
    #[error("the private cluster answers, and {doing} failed: {source}")]
    Database {
        /// What we were doing.
        doing: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The system refused something.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What we were doing, with the path.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what we were doing when the system refused.
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
