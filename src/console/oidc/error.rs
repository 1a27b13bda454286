//! Why nobody was signed in. The texts are for the log and for the person, and hold nothing of what was sent.

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The browser has begun no sign-in.
    #[error("no sign-in was begun in this browser")]
    NoAttempt,
    /// The state is not of the sign-in that this browser has begun.
    #[error("the state is not of the sign-in that this browser has begun")]
    State,
    /// The sign-in was used or is too old.
    #[error("the sign-in was used already, or is too old")]
    Stale,
    /// Several providers were mixed up.
    #[error("the answer is of another issuer")]
    OtherIssuer,
    /// The answer has neither a code nor an error.
    #[error("the provider sent no code")]
    NoCode,
    /// The provider would not.
    #[error("the provider refused: {0}")]
    Refused(&'static str),
    /// What the provider says of itself.
    #[error("the provider's description: {0}")]
    Discovery(String),
    /// The code was not redeemed.
    #[error("the code could not be redeemed: {0}")]
    Exchange(String),
    /// The ID token is none that counts.
    #[error("the ID token does not count: {0}")]
    Token(&'static str),
    /// No key of the provider made the signature.
    #[error("the ID token does not count: none of the provider's keys signed it")]
    Signature,
    /// The provider would not tell more.
    #[error("the provider's user info: {0}")]
    UserInfo(String),
    /// There is no address that the provider has verified.
    #[error("the provider has verified no e-mail address (email_verified)")]
    Unverified,
    /// Their address is of another domain.
    #[error("the e-mail address is of none of oidc.allowed_domains")]
    Domain,
    /// None of their groups leads to a role.
    #[error("none of the groups is in oidc.roles, and there is no oidc.default_role")]
    NoRole,
    /// Their groups lead to several tenants.
    #[error("the groups lead to one role of several tenants: name one group less in oidc.roles")]
    Ambiguous,
    /// Their groups lead to a tenant that does not exist.
    #[error("the groups lead to a tenant that does not exist (oidc.roles)")]
    NoTenant,
    /// Somebody else has their address as a login name.
    #[error("another user has this e-mail address as a login name")]
    LoginTaken,
    /// Too many from one network; again after so many seconds.
    #[error("too many sign-ins from one network, or at once")]
    TooMany(u64),
    /// The database would not.
    #[error("the database could not be used: {}", crate::db::describe(.0))]
    Away(sqlx::Error),
}

impl OidcError {
    /// Whether the person is known by now, and may not come in: their sessions end.
    pub(super) fn is_about_person(&self) -> bool {
        matches!(self, Self::Unverified | Self::Domain | Self::NoRole | Self::Ambiguous | Self::NoTenant)
    }

    /// What the person reads.
    pub fn shown(&self) -> &'static str {
        match self {
            Self::NoAttempt | Self::State | Self::Stale => {
                "This sign-in was begun in another browser or tab, was used already, or took too long. Begin again."
            }
            Self::Refused(_) => "The identity provider did not sign you in. Try again, or ask your administrator.",
            Self::Discovery(_) | Self::Exchange(_) | Self::UserInfo(_) => {
                "The identity provider could not be asked. Try again in a moment."
            }
            Self::OtherIssuer | Self::NoCode | Self::Token(_) | Self::Signature => {
                "The answer of the identity provider could not be verified. Begin again."
            }
            Self::Unverified => "The identity provider has not verified your e-mail address.",
            Self::Domain => "Your e-mail address is of a domain that may not sign in here.",
            Self::NoRole => "None of your groups may sign in here. Ask your administrator.",
            Self::Ambiguous | Self::NoTenant => {
                "Your groups lead to no one tenant here. Ask your administrator to look at the log."
            }
            Self::LoginTaken => {
                "Another user here has your e-mail address as a login name. An admin can remove that user, and then you \
                 can sign in."
            }
            Self::TooMany(_) => "Too many people from your network sign in at once. Wait a minute, and begin again.",
            Self::Away(_) => "The database is away. Try again in a moment.",
        }
    }
}
