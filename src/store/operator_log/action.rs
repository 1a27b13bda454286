//! What can be done, as the operator log names it.

use serde::{Deserialize, Serialize};

/// Declares the enum with the word of each action, which stands in the table, in filters and on the page.
macro_rules! actions {
    ($($(#[$comment:meta])* $name:ident = $word:literal,)*) => {
        /// What was done. A new kind of change is a line here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the words say what each is")]
        pub enum Action {
            $($(#[$comment])* #[serde(rename = $word)] $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in the table.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

actions! {
    // The directory.
    AddTenant = "add_tenant",
    SetSetting = "set_setting",
    UnsetSetting = "unset_setting",
    /// Secrets are sealed anew, under the newest master key.
    RotateMasterKey = "rotate_master_key",
    SetRate = "set_rate",
    AddCredit = "add_credit",
    AddNumber = "add_number",
    AssignNumber = "assign_number",
    RemoveNumber = "remove_number",
    RuleOfNumber = "rule_of_number",
    AddAgent = "add_agent",
    AssignAgent = "assign_agent",
    RemoveAgent = "remove_agent",
    AddCampaign = "add_campaign",
    RemoveCampaign = "remove_campaign",
    SetRetention = "set_retention",
    UnsetRetention = "unset_retention",
    // Sources.
    AddConnection = "add_connection",
    RotateSecret = "rotate_secret",
    AddSourceToken = "add_source_token",
    EndLiveTokens = "end_live_tokens",
    SetVerifyToken = "set_verify_token",
    /// A sample is sent: what verifies it ends by itself within minutes.
    AddTemporaryCredential = "add_temporary_credential",
    DisableConnection = "disable_connection",
    EnableConnection = "enable_connection",
    TestEvent = "test_event",
    // Tokens and users.
    AddToken = "add_token",
    RevokeToken = "revoke_token",
    AddUser = "add_user",
    RemoveUser = "remove_user",
    SetPassword = "set_password",
    // Signing in, and people's own accounts.
    SignIn = "sign_in",
    SignInFailed = "sign_in_failed",
    SignOut = "sign_out",
    EndSessions = "end_sessions",
    ChangePassword = "change_password",
    TurnOnSecondFactor = "turn_on_second_factor",
    TurnOffSecondFactor = "turn_off_second_factor",
    NewRecoveryCodes = "new_recovery_codes",
    ResetSecondFactor = "reset_second_factor",
    RequireSecondFactor = "require_second_factor",
    ChangeRole = "change_role",
    // Events and jobs.
    Replay = "replay",
    Skip = "skip",
    Redrive = "redrive",
    Discard = "discard",
    /// Requests that were kept unverified are verified once more, and stored.
    Reverify = "reverify",
    RetryJobs = "retry_jobs",
    CancelJobs = "cancel_jobs",
    PauseJobs = "pause_jobs",
    ResumeJobs = "resume_jobs",
    // Calls and leads.
    EditCall = "edit_call",
    NoteCall = "note_call",
    AttributeCalls = "attribute_calls",
    UndoAttribution = "undo_attribution",
    JoinCalls = "join_calls",
    PartCalls = "part_calls",
    LeaveCalls = "leave_calls",
    EditLead = "edit_lead",
    DoNotContact = "do_not_contact",
    // Looking, and taking along.
    RevealList = "reveal_list",
    RevealCall = "reveal_call",
    RevealLead = "reveal_lead",
    RevealPayload = "reveal_payload",
    /// A source was told of a caller while the phone rang, or during the call.
    RevealCaller = "reveal_caller",
    Export = "export",
    // What goes away.
    Forget = "forget",
    Retention = "retention",
    // Beside other systems.
    PullFromCrm = "pull_from_crm",
    PushToCrm = "push_to_crm",
    Reconcile = "reconcile",
}

impl Action {
    /// The action of this word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == word)
    }
}
