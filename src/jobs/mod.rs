//! What the outbox does: one file a kind of job. A job looks at the present state when it runs, asks a vendor, and its
//! effects commit together with its end.

mod analysis;
mod analyze_call;
mod analyze_lead;
mod carry_out;
pub mod crm;
mod desk;
mod event_watch;
mod in_hand;
mod kind;
mod message;
mod note_alert;
mod person;
pub mod prompts;
mod pull_from_crm;
mod push_to_crm;
mod resend_message;
mod runner;
mod send_alert;
mod send_reminder;
mod sent;
mod settings;
mod start_outreach;
mod watch;

use std::sync::Arc;

pub use desk::{Desk, TenantError};
pub use kind::{Attempt, Effect, Kind, OnUnknown, Policy};
pub use runner::{Report, Runner};
pub use settings::{AlertSettings, AnalysisSettings, CrmSettings, Integrations, Settings, TenantSettings};

pub use watch::Watcher;

/// Every kind of job. Everything about one follows from its line here.
pub fn all() -> Vec<Arc<dyn Kind>> {
    vec![
        Arc::new(start_outreach::StartOutreach),
        Arc::new(send_reminder::SendReminder),
        Arc::new(resend_message::ResendMessage),
        Arc::new(analyze_call::AnalyzeCall),
        Arc::new(analyze_lead::AnalyzeLead),
        Arc::new(send_alert::SendAlert),
        Arc::new(push_to_crm::PushToCrm),
        Arc::new(pull_from_crm::PullFromCrm),
    ]
}
