//! What goes away: old data, by rules that a tenant may have of its own, and people who ask to be forgotten.

mod forget;
mod kept;
mod rules;
mod run;
mod schedule;
mod search;
mod target;

pub use forget::{Person, Place, Report as ForgetReport, Unread, forget, is_ours, preview};
pub use rules::{Action, Kind, Rule, rules, set, unset};
pub use run::{Options, Report, RuleReport, run_once};
pub use schedule::{Settings, run};
