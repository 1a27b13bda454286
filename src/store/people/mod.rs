//! People's rows, as the API and the pages read and change them. Everything here takes a scope, keeps to its tenant, and
//! masks what it may not see, so that nobody above can forget to.

mod analytics;
mod attributions;
mod call;
mod call_edits;
mod call_history;
mod calls;
mod lead;
mod lead_edits;
mod lead_history;
mod leads;
mod matching;
mod messages;
mod names;
mod notes;
mod overview;
mod responses;
mod reveal;
mod rules;
mod search;
mod sound;
mod stats;
mod tenants;
mod timeline;

pub use analytics::{AnalysisItem, list as list_analytics};
pub use attributions::{
    Attributed, RecentAttribution, attribute, attribute_matching, recent as recent_attributions, undo_attribution,
};
pub use call::{CallDetail, CallEvent, Recording, events_of as events_of_call, find as find_call};
pub use call_edits::{CallEdit, edit as edit_call, has_call, has_campaign};
pub use call_history::{EditOfCall, edits as edits_of_call};
pub use calls::{CallFilter, CallItem, Counted, count as count_calls, has_none as has_no_calls, list as list_calls};
pub use lead::{LeadDetail, LeadJob, find as find_lead};
pub use lead_edits::{LeadEdit, edit as edit_lead};
pub use lead_history::{LeadAppointment, LeadChange, LeadNote};
pub use leads::{LeadFilter, LeadItem, list as list_leads};
pub use messages::{MessageFilter, MessageItem, list as list_messages};
pub use names::{CallNames, of_calls as call_names};
pub use notes::{CallNote, Noted, add as add_call_note, check as check_note, of_call as notes_of_call};
pub use overview::{
    By, CampaignStats, Cost, Numbers, Overview, Step, StepNumbers, WINDOW_DAYS_MAX, Window, campaign_stats, overview,
    refresh_overview, steps,
};
pub use responses::{Responses, by_step as responses_by_step};
pub use reveal::{Revealed, log as log_reveal, reveals};
pub use rules::{RepeatedNumber, repeated_numbers, rule_of_number};
pub use search::{Search, Unsearchable};
pub use sound::{SoundPart, part as sound};
pub use stats::{CallStats, calls_since};
pub use tenants::{TENANTS_SHOWN_MAX, TenantItem, find as tenant, list as tenants};
pub use timeline::{Happened, Moment, TimelinePlace, page as timeline};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// Rows that a filter is looked for in, for one page: looking at them takes a moment, whatever the filter.
const LOOK_MAX: i64 = 20_000;

/// The place of a row in a list, the newest first: what a cursor says.
pub type Place = (Option<DateTime<Utc>>, Uuid);

/// From then, until then, where there are bounds.
type Within = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// A place as statements take it.
fn place(after: Option<Place>) -> (Option<DateTime<Utc>>, Option<Uuid>) {
    after.map_or((None, None), |(at, id)| (at, Some(id)))
}

/// Rows of a page, and where the next one begins.
#[derive(Clone, Debug)]
pub struct Page<T, P> {
    /// The rows.
    pub items: Vec<T>,
    /// The last row that was looked at; `None`: there are no more.
    pub next: Option<P>,
    /// Whether more numbers end in the digits of a search than were followed: rows of the others are in no page.
    pub left_out: bool,
}

/// One more row than was asked for says that there is a next page.
fn cut<T, P>(mut items: Vec<T>, limit: i64, place: impl Fn(&T) -> P) -> Page<T, P> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| is_more).map(place);
    Page { items, next, left_out: false }
}

/// JSON as the database wrote it.
fn json(text: Option<String>) -> Option<Value> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}
