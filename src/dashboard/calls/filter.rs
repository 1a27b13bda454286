//! Which calls a page shows: what stands in its URL, as the API names it.

use chrono::{Datelike, TimeDelta};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::params::Params;
use super::super::shell::Shell;
use super::super::show;
use crate::store::people::{CallFilter, Search};

/// A short way to a filter.
#[derive(Debug)]
pub(in crate::dashboard) struct Chip {
    pub(in crate::dashboard) name: &'static str,
    pub(in crate::dashboard) href: String,
    pub(in crate::dashboard) is_on: bool,
}

/// The parameters that are a filter; others say how a page looks.
pub(in crate::dashboard) const NAMES: [&str; 16] = [
    "search",
    "number",
    "from",
    "until",
    "provider",
    "direction",
    "status",
    "disposition",
    "answered",
    "missed",
    "sentiment",
    "agent",
    "campaign",
    "converted",
    "needs_review",
    "unattributed",
];

/// Filters without a chip of their own: name, parameter, value.
const OTHERS: [(&str, &str, &str); 8] = [
    ("Answered", "answered", "1"),
    ("Not answered", "answered", "0"),
    ("Converted", "converted", "1"),
    ("Not converted", "converted", "0"),
    ("Positive", "sentiment", "positive"),
    ("Neutral", "sentiment", "neutral"),
    ("Negative", "sentiment", "negative"),
    ("No sentiment", "sentiment", "none"),
];

/// The filter that a URL says. What it says wrongly is refused: a list that leaves a filter away shows too much.
pub(in crate::dashboard) fn read(shell: &Shell, params: &Params) -> Result<CallFilter, Fault> {
    let zone = shell.zone;
    let moment = |name: &str, is_end| match params.get(name) {
        None => Ok(None),
        Some(text) => show::read_moment(text, zone, is_end)
            .map(Some)
            .ok_or_else(|| Fault::unfit(format!("{name} is a day, such as 2026-11-20, or a time in RFC 3339."))),
    };
    let flag = |name: &str| match params.get(name) {
        None => Ok(None),
        Some("1" | "true") => Ok(Some(true)),
        Some("0" | "false") => Ok(Some(false)),
        Some(_) => Err(Fault::unfit(format!("{name} is 1 or 0."))),
    };
    let campaign = params.get("campaign").map(str::parse::<Uuid>).transpose();
    // A number is found by the search as well, which knows how people write them.
    let typed = params.get("search").or(params.get("number"));
    let search = typed.map(|text| Search::read(shell.within().scope(), text)).transpose();
    Ok(CallFilter {
        from: moment("from", false)?,
        until: moment("until", true)?,
        provider: params.owned("provider"),
        direction: params.owned("direction"),
        status: params.owned("status"),
        disposition: params.owned("disposition"),
        answered: flag("answered")?,
        missed: flag("missed")?,
        sentiment: params.owned("sentiment"),
        agent: params.owned("agent"),
        campaign_id: campaign.map_err(|_| Fault::unfit("campaign is the id of a campaign."))?,
        converted: flag("converted")?,
        needs_review: flag("needs_review")?,
        unattributed: flag("unattributed")?,
        number: None,
        search: search.map_err(|error| Fault::unfit(capital(&error.to_string())))?,
        oldest_first: params.get("order") == Some("oldest"),
    })
}

/// The chips: each adds its filter to what is asked for, or takes it away.
pub(in crate::dashboard) fn chips(shell: &Shell) -> Vec<Chip> {
    let params = &shell.params;
    let today = show::day(&shell.now, shell.zone);
    let monday = today - TimeDelta::days(i64::from(today.weekday().num_days_from_monday()));
    let time = |name, from: String| {
        let is_on = params.get("from") == Some(&from) && params.get("until").is_none();
        let to = params.with("from", Some(&from).filter(|_| !is_on).map(String::as_str)).with("until", None);
        Chip { name, href: format!("{}{}", shell.path, to.query()), is_on }
    };
    let chip = |name, key: &str, value: &str| {
        let is_on = params.get(key) == Some(value);
        Chip { name, href: shell.with(key, if is_on { "" } else { value }), is_on }
    };
    let mut chips = vec![
        time("Today", today.to_string()),
        time("This week", monday.to_string()),
        chip("Inbound", "direction", "inbound"),
        chip("Outbound", "direction", "outbound"),
        chip("Missed", "missed", "1"),
        chip("Needs review", "needs_review", "1"),
        chip("Unattributed", "unattributed", "1"),
    ];
    // Numbers and pictures lead here with these: while one is on, one sees it, and can take it away.
    let others = OTHERS.iter().map(|(name, key, value)| chip(name, key, value));
    chips.extend(others.filter(|chip| chip.is_on));
    chips
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
