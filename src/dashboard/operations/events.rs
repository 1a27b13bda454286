//! `/operations/events`: the newest events first, live, and what can be done to those that fit.

use actix_web::HttpResponse;
use askama::Template;

use super::PLACE;
use super::sight::{self, Sight};
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::inbox::pulse;
use crate::inbox::search::{self, EventRow};
use crate::providers;
use crate::store::roster::heard;

/// Events of a page; all of them can be chosen at once.
const ROWS: u32 = 50;
/// The states that one can look at.
const STATES: [&str; 4] = ["pending", "processed", "ignored", "dead"];

#[derive(Template)]
#[template(path = "operations_events.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    sight: Sight,
    rows: Vec<Row>,
    /// Whether newer ones are fetched as they come.
    is_live: bool,
    gave_up: bool,
    /// Nothing has ever come.
    is_first_run: bool,
    /// The way to the next page.
    next: Option<String>,
    first: String,
    /// What the filter says, again.
    hidden: Vec<(String, String)>,
    chips: Vec<Chip>,
    providers: Vec<Choice>,
    connections: Vec<Choice>,
    event_type: String,
    error: String,
    /// What can be done: word, name.
    deeds: Vec<(&'static str, &'static str)>,
    /// The same to all that fit: path, name.
    all: Vec<(String, &'static str)>,
}

struct Row {
    event: EventRow,
    platform: String,
    tone: &'static str,
    state: String,
    at: When,
    link: String,
}

struct Chip {
    name: String,
    link: String,
    is_here: bool,
}

struct Choice {
    value: String,
    name: String,
    is_chosen: bool,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Events").await?;
    let sight = Sight::of(&shell, &shell.params);
    let filter = sight::filter(&shell.params, &sight, &shell)?;
    let state = shell.params.get("state").map(sight::state).transpose()?;
    let before = shell.params.get("after").map(sight::uuid).transpose()?;
    let mut transaction = visit.console.begin().await?;
    let (events, next) = search::page(&mut transaction, &filter, state, before, ROWS).await?;
    let heard = heard::list(&mut transaction, &sight.scope).await?;
    let is_first_run = events.is_empty() && !pulse::standing(&mut transaction, None).await?.has_events;
    drop(transaction);
    let (provider, connection) = (shell.params.get("provider"), shell.params.get("connection"));
    let word = shell.params.get("state");
    let names = providers::ALL.iter().map(|provider| provider.name()).chain([crate::inbox::RESULTS_PROVIDER]);
    let deeds = deeds(word);
    let wanted: Vec<(&str, &str)> = shell
        .params
        .pairs()
        .filter(|(name, _)| ["provider", "type", "connection", "error", "from", "until"].contains(name))
        .collect();
    let is_narrow = !wanted.is_empty() || word == Some("dead") || word == Some("pending");
    let all = deeds.iter().filter(|_| is_narrow).map(|(deed, name)| {
        let outcome = word.filter(|_| *deed == "replay");
        let mut params = vec![("do", *deed)];
        params.extend(outcome.map(|outcome| ("outcome", outcome)));
        params.extend(wanted.iter().copied());
        (sight.link(&shell, "/operations/confirm", &params), *name)
    });
    page(&Page {
        is_first_run,
        gave_up: next.is_some() && events.len() < ROWS as usize,
        rows: events.into_iter().map(|event| row(event, &shell, &sight)).collect(),
        is_live: before.is_none(),
        next: next.map(|id| shell.after(&id.to_string())),
        first: shell.with("after", ""),
        hidden: hidden(&shell),
        chips: chips(&shell),
        providers: names
            .map(|name| Choice {
                value: name.to_owned(),
                name: show::platform(name).to_owned(),
                is_chosen: provider == Some(name),
            })
            .collect(),
        connections: heard
            .into_iter()
            .map(|row| Choice {
                is_chosen: connection == Some(row.id.to_string().as_str()),
                value: row.id.to_string(),
                name: format!("{} / {}", show::platform(&row.provider), row.connection),
            })
            .collect(),
        event_type: shell.params.owned("type").unwrap_or_default(),
        error: shell.params.owned("error").unwrap_or_default(),
        all: all.collect(),
        deeds,
        sight,
        shell,
    })
}

/// What makes sense for events of this state.
fn deeds(state: Option<&str>) -> Vec<(&'static str, &'static str)> {
    match state {
        Some("pending") => vec![("skip", "Skip")],
        Some("dead") => vec![("redrive", "Redrive"), ("discard", "Discard")],
        _ => vec![("replay", "Replay")],
    }
}

/// What the form of the filter repeats.
fn hidden(shell: &Shell) -> Vec<(String, String)> {
    let kept = shell.params.pairs().filter(|(name, _)| ["tenant", "of", "state", "from", "until"].contains(name));
    kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn chips(shell: &Shell) -> Vec<Chip> {
    let chosen = shell.params.get("state");
    let all = Chip { name: "All".to_owned(), link: shell.with("state", ""), is_here: chosen.is_none() };
    let others = STATES.iter().map(|state| Chip {
        name: show::words(state),
        link: shell.with("state", state),
        is_here: chosen == Some(state),
    });
    [all].into_iter().chain(others).collect()
}

fn row(event: EventRow, shell: &Shell, sight: &Sight) -> Row {
    let (tone, state) = sight::tag(event.outcome.as_deref());
    Row {
        platform: show::platform(&event.provider).to_owned(),
        tone,
        state,
        at: When::of(&event.received_at, shell),
        link: sight.link(shell, &format!("/operations/events/{}", event.id), &[]),
        event,
    }
}
