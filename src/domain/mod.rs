//! What events mean, free of any platform and any table: pure types, merge rules, and what follows from what.

mod analysis;
mod calendar;
mod call;
mod change;
mod display_name;
mod forgotten;
mod ids;
mod lead;
mod merge;
mod message;
pub mod opt_out;
pub mod phone;
mod question;
mod rank;
mod reactions;
mod recording;
mod resolve;
mod scope;
pub mod secret_strength;
pub mod spoken_text;

pub use analysis::{AnalyticsRow, CompleteRow, Completion};
pub use calendar::{AppointmentSettings, Opening, Openings};
pub use call::{CallRow, CallStatus, Direction, Disposition, Sentiment};
pub use change::{
    Analysis, AnalysisReport, CallReport, Changes, ContactReport, Cost, CrmReport, Durations, Hangup, MessageReport,
    MessageStatus, RecordingKind, RecordingReport, Transcript, Turn,
};
pub use display_name::display_name;
pub use forgotten::{Forgotten, ForgottenRows, forgotten_digest};
pub use ids::{call_id, function_row_id, lead_id, message_id, recording_id};
pub use lead::{LeadRow, LeadStage};
pub use merge::{greatest, least};
pub use message::MessageRow;
pub use question::{ConversationSettings, FunctionCall, Language, Party, Question, Told, texts};
pub use rank::{Ranked, Weight};
pub use reactions::{JobRow, Settings as OutreachSettings};
pub use recording::RecordingRow;
pub use resolve::{AgentKey, Directory, NumberOwner, Owner, Resolved, Resolver, TenantError, TenantFacts, Writes};
