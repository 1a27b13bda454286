//! Why a standby is not read from.

use std::time::Duration;

/// Why pages and lists are read from the primary although a standby is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing is known of it yet.
    #[error("it was not looked at yet")]
    Unknown,
    /// It does not answer, or refuses us.
    #[error("it cannot be reached: {0}")]
    Away(String),
    /// What stands before it cannot be used.
    #[error("{0}")]
    Pooler(String),
    /// The primary does not say how far it is.
    #[error("the primary does not say how far it is: {0}")]
    PrimaryAway(String),
    /// It takes changes.
    #[error("it is no standby: it takes changes, as the primary itself does, or a copy that was promoted")]
    TakesChanges,
    /// It follows somebody else.
    #[error("it belongs to another cluster")]
    OtherCluster,
    /// It has what our primary never wrote.
    #[error(
        "it has replayed what the primary has not written: it follows another server, or was not rebuilt after a failover"
    )]
    Diverged,
    /// Another database of the same servers.
    #[error("it leads to another database than database.url")]
    OtherDatabase,
    /// Our tables are not there.
    #[error("it has no tables of Switchhook in schema {0}")]
    NoTables(String),
    /// The tables of another installation.
    #[error("its tables are those of another installation")]
    OtherInstallation,
    /// The newest migrations are not there yet.
    #[error("it does not have the newest migrations yet")]
    OldSchema,
    /// It has replayed nothing of what the primary wrote since we look.
    #[error("how far it is behind is not known yet: it has nothing of what was written since it is looked at")]
    Behind,
    /// It is too far behind.
    #[error("it is {} s behind, more than database.read_lag ({} s)", .lag.as_secs(), .longest.as_secs())]
    Late {
        /// How far it is behind.
        lag: Duration,
        /// How far it may be.
        longest: Duration,
    },
}

impl Unfit {
    /// Whether waiting mends nothing: `database.read_url` leads to something else than a standby of ours.
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Pooler(_)
            | Self::TakesChanges
            | Self::OtherCluster
            | Self::Diverged
            | Self::OtherDatabase
            | Self::NoTables(_)
            | Self::OtherInstallation => true,
            Self::Unknown
            | Self::Away(_)
            | Self::PrimaryAway(_)
            | Self::OldSchema
            | Self::Behind
            | Self::Late { .. } => false,
        }
    }
}
