//! Roles, and the rights that each has.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, and sees masks.
    Viewer,
    /// Sees people whole, and sets what people own.
    Agent,
    /// And sees payloads, replays, redrives, and works on jobs.
    Operator,
    /// Everything.
    Admin,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Lists and details, masked.
    Look,
    /// Whole telephone numbers, names and e-mail addresses.
    SeeWhole,
    /// What was said and written: transcripts, summaries, messages, extracted data.
    ReadTranscripts,
    /// Links to recordings.
    Listen,
    /// Set what people own: names, stages, conversions, campaigns of calls.
    Edit,
    /// What platforms sent, as they sent it.
    ReadPayloads,
    /// Replay, skip, redrive, discard; jobs.
    Operate,
    /// Connections, tokens, users.
    Administer,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Agent, Self::Operator, Self::Admin];

    /// The word in tables, commands and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of this word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether it has this right.
    pub fn may(self, right: Right) -> bool {
        self >= right.needs()
    }
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 8] = [
        Self::Look,
        Self::SeeWhole,
        Self::ReadTranscripts,
        Self::Listen,
        Self::Edit,
        Self::ReadPayloads,
        Self::Operate,
        Self::Administer,
    ];

    /// The least role that has it.
    pub fn needs(self) -> Role {
        match self {
            Self::Look => Role::Viewer,
            Self::SeeWhole | Self::ReadTranscripts | Self::Listen | Self::Edit => Role::Agent,
            Self::ReadPayloads | Self::Operate => Role::Operator,
            Self::Administer => Role::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_what_the_one_below_has() {
        for right in Right::ALL {
            let held: Vec<bool> = Role::ALL.iter().map(|role| role.may(right)).collect();
            assert!(held.is_sorted(), "{right:?}");
        }
        assert!(!Role::Viewer.may(Right::SeeWhole) && !Role::Agent.may(Right::Operate));
        assert!(!Role::Operator.may(Right::Administer) && Role::Admin.may(Right::ReadPayloads));
        assert!(Role::ALL.iter().all(|role| Role::read(role.as_str()) == Some(*role)) && Role::read("root").is_none());
    }
}
