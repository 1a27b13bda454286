//! Which leads a page shows: what stands in its URL, as the API names it. Who called or was called last comes first,
//! unless one asks for the order of numbers.

use super::super::fault::Fault;
use super::super::shell::Shell;
use crate::domain::LeadStage;
use crate::store::people::{LeadFilter, Search};

/// A short way to a filter.
#[derive(Debug)]
pub(super) struct Chip {
    pub(super) name: &'static str,
    pub(super) href: String,
    pub(super) is_on: bool,
}

/// The parameters that are a filter; others say how a page looks.
pub(super) const NAMES: [&str; 4] = ["search", "stage", "tag", "opted_out"];

/// The filter that a URL says. What it says wrongly is refused: a list that leaves a filter away shows too much.
pub(super) fn read(shell: &Shell) -> Result<LeadFilter, Fault> {
    let params = &shell.params;
    let opted_out = match params.get("opted_out") {
        None => None,
        Some("1" | "true") => Some(true),
        Some("0" | "false") => Some(false),
        Some(_) => return Err(Fault::unfit("opted_out is 1 or 0.")),
    };
    let stage = params.owned("stage");
    if stage.as_deref().is_some_and(|word| LeadStage::ALL.iter().all(|stage| stage.as_str() != word)) {
        return Err(Fault::unfit("stage is new, contacted, engaged, qualified, won or lost."));
    }
    let recent_first = match params.get("order") {
        None | Some("recent") => true,
        Some("number") => false,
        Some(_) => return Err(Fault::unfit("order is recent or number.")),
    };
    let search = params.get("search").map(|text| Search::read(shell.within().scope(), text)).transpose();
    let search = search.map_err(|error| Fault::unfit(format!("That is not searched for: {error}.")))?;
    Ok(LeadFilter { stage, tag: params.owned("tag"), opted_out, number: None, search, recent_first })
}

/// The chips: each adds its filter to what is asked for, or takes it away.
pub(super) fn chips(shell: &Shell) -> Vec<Chip> {
    let chip = |name, key: &str, value: &str| {
        let is_on = shell.params.get(key) == Some(value);
        Chip { name, href: shell.with(key, if is_on { "" } else { value }), is_on }
    };
    vec![
        chip("Qualified", "stage", "qualified"),
        chip("Engaged", "stage", "engaged"),
        chip("Won", "stage", "won"),
        chip("Do not contact", "opted_out", "1"),
        chip("By number, with all who never called", "order", "number"),
    ]
}
