//! Replay, skip, redrive and discard of the events of a filter: counted, asked for on a page, done step by step with a
//! progress bar. A step is a form that is sent again until nothing is left; with script it sends itself.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, SecondsFormat, Utc};

use super::PLACE;
use super::sight::{self, Sight};
use crate::admin::operations;
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page, see_other};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::inbox::Filter;
use crate::inbox::operate::{Cursor, Operation};

/// What a filter and a deed are made of: forms carry it on.
const CARRIED: [&str; 11] =
    ["do", "outcome", "provider", "type", "connection", "error", "from", "until", "id", "note", "of"];

/// What is asked before something is done to many.
#[derive(Template)]
#[template(path = "operations_confirm.html", config = "src/dashboard/askama.toml")]
pub(super) struct Confirm {
    pub(super) shell: Shell,
    pub(super) title: String,
    pub(super) explanation: &'static str,
    /// Of what: name, how many.
    pub(super) groups: Vec<(String, String)>,
    /// Where the form goes.
    pub(super) action: String,
    pub(super) button: String,
    pub(super) is_danger: bool,
    pub(super) wants_note: bool,
    pub(super) hidden: Vec<(String, String)>,
    pub(super) is_nothing: bool,
    pub(super) back: String,
}

/// How far it came.
#[derive(Template)]
#[template(path = "operations_progress.html", config = "src/dashboard/askama.toml")]
pub(super) struct Progress {
    pub(super) shell: Shell,
    pub(super) title: String,
    pub(super) action: String,
    pub(super) hidden: Vec<(String, String)>,
    pub(super) done: i64,
    pub(super) total: i64,
    pub(super) sentence: String,
    pub(super) back: String,
}

/// Says how many it would be, and asks.
pub(in crate::dashboard) async fn confirm(visit: Visit) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell(PLACE, "Are you sure?").await?;
    let sight = Sight::of(&shell, &shell.params);
    let filter = sight::filter(&shell.params, &sight, &shell)?;
    let operation = operation(&shell.params)?;
    let groups = operations::count_events(visit.pool(), &operation, &filter).await?;
    let matched: i64 = groups.iter().map(|group| group.rows).sum();
    let last_id = groups.iter().map(|group| group.last_id).max().unwrap_or_default();
    let from = Cursor::before(&groups);
    let mut hidden = carried(&shell.params);
    hidden.extend(place(from));
    hidden.push(("last".to_owned(), last_id.to_string()));
    hidden.push(("matched".to_owned(), matched.to_string()));
    let events = show::plural(matched, "event", "events");
    let (verb, explanation) = words(&operation);
    shell.title = format!("{verb} {events}?");
    page(&Confirm {
        title: shell.title.clone(),
        explanation,
        groups: groups
            .into_iter()
            .map(|group| {
                (format!("{} {}", show::platform(&group.provider), group.event_type), show::count(&group.rows))
            })
            .collect(),
        action: sight.link(&shell, "/operations/run", &[]),
        button: format!("{verb} {events}"),
        is_danger: matches!(operation, Operation::Skip(_) | Operation::Discard(_)),
        wants_note: matches!(operation, Operation::Skip(_) | Operation::Discard(_)),
        hidden,
        is_nothing: matched == 0,
        back: back(&filter, &operation, &sight, &shell),
        shell,
    })
}

/// Does the next step; then it says how far it came, or that it is done.
pub(in crate::dashboard) async fn run(visit: Visit) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell(PLACE, "Working").await?;
    let sight = Sight::of(&shell, &visit.form);
    let filter = sight::filter(&visit.form, &sight, &shell)?;
    let operation = operation(&visit.form)?;
    let from = read_place(&visit.form)?;
    let last_id = sight::uuid(visit.form.get("last").unwrap_or_default())?;
    let (done, matched) = (number(&visit.form, "done"), number(&visit.form, "matched"));
    let (rows, reached) =
        operations::step_events(visit.pool(), &sight.scope, &operation, &filter, from, last_id).await?;
    let done = done.saturating_add(rows);
    let Some(cursor) = reached else {
        let rows = done.to_string();
        let said = [("said", operation.as_str()), ("rows", rows.as_str())];
        return Ok(see_other(&sight.link(&shell, PLACE, &said)));
    };
    let mut hidden = carried(&visit.form);
    hidden.extend(place(cursor));
    for (name, value) in [("last", last_id.to_string()), ("matched", matched.to_string()), ("done", done.to_string())] {
        hidden.push((name.to_owned(), value));
    }
    let (verb, _) = words(&operation);
    shell.title = format!("{verb}: {} of {}", show::count(&done), show::count(&matched));
    page(&Progress {
        title: verb.to_owned(),
        action: sight.link(&shell, "/operations/run", &[]),
        hidden,
        done,
        total: matched.max(done).max(1),
        sentence: format!("{} of {} events", show::count(&done), show::count(&matched)),
        back: sight.link(&shell, PLACE, &[]),
        shell,
    })
}

/// The deed that a URL or a form means.
fn operation(params: &Params) -> Result<Operation, Fault> {
    let note = |what: &str| {
        operations::note(what, params.get("note"))
            .map_err(|_| Fault::unfit(format!("A note has {} characters at most.", operations::NOTE_CHARS_MAX)))
    };
    Ok(match params.get("do") {
        Some("replay") => Operation::Replay(params.get("outcome").map(sight::outcome).transpose()?),
        Some("redrive") => Operation::Redrive,
        Some("skip") => Operation::Skip(note("skipped")?),
        Some("discard") => Operation::Discard(note("discarded")?),
        _ => return Err(Fault::NotFound),
    })
}

fn words(operation: &Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Replay(_) => (
            "Replay",
            "They go back into the queue and are processed again. Calls and leads stay as they are, nobody is written to \
             twice, and nothing that a person has set is lost.",
        ),
        Operation::Redrive => (
            "Redrive",
            "They go back into the queue as they came, and are tried afresh. What still cannot be processed is dead \
             again, with its reason.",
        ),
        Operation::Skip(_) => ("Skip", "They are settled as ignored, and change nothing. They can be replayed later."),
        Operation::Discard(_) => (
            "Discard",
            "They are let be: no longer dead, but ignored. Why they died stays with them, and they can be replayed later.",
        ),
    }
}

/// What is repeated by the forms.
fn carried(params: &Params) -> Vec<(String, String)> {
    let pairs = params.pairs().filter(|(name, _)| CARRIED.contains(name));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn place(cursor: Cursor) -> [(String, String); 3] {
    let due_at = cursor.due_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let (lane, id) = (cursor.lane.to_string(), cursor.id.to_string());
    [("lane".to_owned(), lane), ("due".to_owned(), due_at), ("place".to_owned(), id)]
}

fn read_place(form: &Params) -> Result<Cursor, Fault> {
    let due_at = DateTime::parse_from_rfc3339(form.get("due").unwrap_or_default()).map_err(|_| Fault::NotFound)?;
    let lane = form.get("lane").unwrap_or_default().parse().map_err(|_| Fault::NotFound)?;
    let id = sight::uuid(form.get("place").unwrap_or_default())?;
    Ok(Cursor { lane, due_at: due_at.with_timezone(&Utc), id })
}

/// A count that a form carries; it is shown, and nothing depends on it.
pub(super) fn number(form: &Params, name: &str) -> i64 {
    form.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Where one came from, more or less.
fn back(filter: &Filter, operation: &Operation, sight: &Sight, shell: &Shell) -> String {
    match (filter.ids.as_slice(), operation) {
        ([id], _) => sight.link(shell, &format!("/operations/events/{id}"), &[]),
        (_, Operation::Skip(_)) => sight.link(shell, "/operations/events", &[("state", "pending")]),
        (_, Operation::Redrive | Operation::Discard(_)) => {
            sight.link(shell, "/operations/events", &[("state", "dead")])
        }
        (_, Operation::Replay(_)) => sight.link(shell, "/operations/events", &[]),
    }
}
