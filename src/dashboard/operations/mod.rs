//! `/operations`: what waits, what failed and why, what is refused, and the way to set it right.

mod bulk;
mod chart;
mod event;
mod events;
mod job;
mod jobs;
mod jobs_bulk;
mod rejections;
mod sight;

use actix_web::HttpResponse;
use askama::Template;

use super::fault::Fault;
use super::shell::{Shell, page};
use super::show;
use super::visit::Visit;
use super::when::When;
use crate::inbox::Filter;
use crate::inbox::pulse::{self, Beat, COUNTED_MAX, Standing};
use crate::inbox::search::{self, Cause};
use crate::outbox::operate::{self, KindCount};
use crate::outbox::{self};
use crate::store::incidents::{self, IncidentItem};
use crate::store::rejections::{self as refused, Reason};
use crate::store::roster::heard::{self, HeardRow};
use chart::Chart;
use sight::Sight;

pub(super) use bulk::{confirm, run};
pub(super) use event::show as event;
pub(super) use events::show as events;
pub(super) use job::show as job;
pub(super) use jobs::{cancel, pause, resume, retry, show as jobs};
pub(super) use jobs_bulk::{confirm as confirm_jobs, run as run_jobs};
pub(super) use rejections::{confirm as confirm_reverify, run as reverify, show as rejections};

/// The place that these pages belong to.
const PLACE: &str = "/operations";
/// Dead events that are looked at to say what they died of.
const DEAD_LOOKED_AT: i64 = 20_000;
/// Incidents that are shown.
const INCIDENTS: i64 = 20;
/// Connections and types that are shown at once.
const SENDERS_SHOWN: usize = 12;
/// What "just now" is: minutes whose rates are shown.
const JUST_NOW: usize = 5;

#[derive(Template)]
#[template(path = "operations.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    sight: Sight,
    said: Option<String>,
    figures: Vec<Figure>,
    has_events: bool,
    is_day: bool,
    lag: Chart,
    flow: Chart,
    looked_since: Option<When>,
    incidents: Vec<Incident>,
    causes: Vec<CauseRow>,
    dead_jobs: Vec<JobCause>,
    senders: Vec<SenderRow>,
    /// Those beyond the first.
    more_senders: Vec<SenderRow>,
    heard: Vec<Heard>,
    reasons: Vec<Refused>,
    kinds: Vec<KindCount>,
    paused: Vec<operate::Pause>,
    links: Links,
}

/// Where the page leads to.
struct Links {
    events: String,
    jobs: String,
    rejections: String,
    all: String,
    one: String,
    redrive_all: String,
    /// What the forms keep of the URL.
    query: String,
}

struct Figure {
    label: &'static str,
    value: String,
    link: Option<String>,
}

struct Incident {
    item: IncidentItem,
    tone: &'static str,
    opened: When,
}

struct CauseRow {
    cause: Cause,
    rows: String,
    platform: String,
    newest: When,
    list: String,
    sample: String,
    redrive: String,
    discard: String,
}

struct JobCause {
    cause: outbox::dead::Cause,
    rows: String,
    newest: Option<When>,
    list: String,
    retry: String,
}

struct SenderRow {
    sender: pulse::Sender,
    platform: String,
    wait: String,
    last: When,
    link: String,
}

struct Heard {
    row: HeardRow,
    platform: String,
    heard: Option<When>,
}

struct Refused {
    reason: Reason,
    requests: String,
    last: When,
}

/// The page.
pub(super) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Operations").await?;
    let sight = Sight::of(&shell, &shell.params);
    let tenant_id = sight.tenant_id();
    let is_day = shell.params.get("span") == Some("day");
    let (seconds, spans) = if is_day { pulse::DAY } else { pulse::HOUR };
    let mut transaction = visit.console.begin().await?;
    let standing = pulse::standing(&mut transaction, tenant_id).await?;
    let beats = pulse::beats(&mut transaction, tenant_id, seconds, spans).await?;
    let mut senders = pulse::senders(&mut transaction, tenant_id, seconds * f64::from(spans)).await?;
    let filter = Filter { tenant_id, ..Filter::default() };
    let causes = search::dead_by_cause(&mut transaction, &filter, Some(DEAD_LOOKED_AT)).await?;
    let dead_jobs = outbox::dead::by_cause(&mut transaction, tenant_id).await?;
    let incidents = incidents::list(&mut transaction, &sight.scope, true, None, INCIDENTS).await?;
    let reasons = refused::reasons(&mut transaction, &sight.scope).await?;
    let heard = heard::list(&mut transaction, &sight.scope).await?;
    // A kind is worked on for all tenants, and so are its numbers.
    let kinds = if sight.is_all { kinds(operate::counts(&mut *transaction).await?) } else { Vec::new() };
    let paused = operate::pauses(&mut *transaction).await?;
    drop(transaction);
    let more_senders = senders.split_off(SENDERS_SHOWN.min(senders.len()));
    let link = |path: &str, params: &[(&str, &str)]| sight.link(&shell, path, params);
    page(&Page {
        said: said(&shell),
        figures: figures(&standing, &beats, is_day, &link),
        has_events: standing.has_events,
        is_day,
        lag: chart::lag(&beats, shell.zone),
        flow: chart::flow(&beats, shell.zone),
        looked_since: When::maybe(beats.first().and_then(|beat| beat.looked_since), &shell),
        incidents: incidents.into_iter().map(|item| incident(item, &shell)).collect(),
        causes: causes.into_iter().map(|cause| cause_row(cause, &shell, &link)).collect(),
        dead_jobs: dead_jobs.into_iter().map(|cause| job_cause(cause, &shell, &link)).collect(),
        senders: senders.into_iter().map(|sender| sender_row(sender, &shell, &link)).collect(),
        more_senders: more_senders.into_iter().map(|sender| sender_row(sender, &shell, &link)).collect(),
        heard: heard
            .into_iter()
            .map(|row| Heard {
                platform: show::platform(&row.provider).to_owned(),
                heard: When::maybe(row.heard_at, &shell),
                row,
            })
            .collect(),
        reasons: reasons
            .into_iter()
            .map(|reason| Refused {
                requests: show::count(&reason.requests),
                last: When::of(&reason.last_at, &shell),
                reason,
            })
            .collect(),
        kinds,
        paused,
        links: Links {
            events: link("/operations/events", &[]),
            jobs: link("/operations/jobs", &[]),
            rejections: link("/operations/rejections", &[]),
            all: shell.with("of", ""),
            one: shell.with("of", "tenant"),
            redrive_all: link("/operations/confirm", &[("do", "redrive")]),
            query: link("", &[]),
        },
        sight,
        shell,
    })
}

/// Every kind there is, with its counts.
fn kinds(mut counts: Vec<KindCount>) -> Vec<KindCount> {
    counts.retain(|count| crate::jobs::all().iter().any(|kind| kind.policy().name == count.kind));
    counts
}

fn figures(standing: &Standing, beats: &[Beat], is_day: bool, link: Link<'_>) -> Vec<Figure> {
    let events = |state: &str| Some(link("/operations/events", &[("state", state)]));
    let jobs = |state: &str| Some(link("/operations/jobs", &[("state", state)]));
    let oldest = standing.oldest_pending_seconds.map_or_else(|| show::NOTHING.to_owned(), chart::seconds);
    let mut figures = vec![
        Figure { label: "Pending events", value: bounded(standing.pending), link: events("pending") },
        Figure { label: "The oldest waits", value: oldest, link: None },
        Figure { label: "Being retried", value: bounded(standing.retrying), link: None },
        Figure { label: "Dead events", value: bounded(standing.dead), link: events("dead") },
        Figure { label: "Jobs pending", value: bounded(standing.jobs_pending), link: jobs("pending") },
        Figure { label: "Jobs due", value: bounded(standing.jobs_due), link: None },
        Figure { label: "Dead jobs", value: bounded(standing.jobs_dead), link: jobs("dead") },
    ];
    if !is_day {
        let just_now = &beats[beats.len().saturating_sub(JUST_NOW)..];
        let rate = |count: fn(&Beat) -> i64| {
            let sum: i64 = just_now.iter().map(count).sum();
            format!("{:.1}/min", sum as f64 / JUST_NOW as f64)
        };
        figures.insert(2, Figure { label: "Come in", value: rate(|beat| beat.received), link: None });
        figures.insert(3, Figure { label: "Settled", value: rate(|beat| beat.settled), link: None });
    }
    figures
}

/// A count that ends somewhere.
fn bounded(count: i64) -> String {
    if count >= COUNTED_MAX { format!("{}+", show::count(&COUNTED_MAX)) } else { show::count(&count) }
}

fn incident(item: IncidentItem, shell: &Shell) -> Incident {
    let tone = match item.severity.as_str() {
        "critical" => "bad",
        "warning" => "warn",
        _ => "",
    };
    Incident { tone, opened: When::of(&item.opened_at, shell), item }
}

/// A path and what is asked of it, as a link that stays with whose rows are seen.
type Link<'l> = &'l dyn Fn(&str, &[(&str, &str)]) -> String;

fn cause_row(cause: Cause, shell: &Shell, link: Link<'_>) -> CauseRow {
    let of = [
        ("provider", cause.provider.as_str()),
        ("type", cause.event_type.as_str()),
        ("error", cause.last_error.as_str()),
    ];
    let with = |name: &'static str, value: &'static str| [[(name, value)].as_slice(), of.as_slice()].concat();
    CauseRow {
        rows: show::count(&cause.rows),
        platform: show::platform(&cause.provider).to_owned(),
        newest: When::of(&cause.newest_at, shell),
        list: link("/operations/events", &with("state", "dead")),
        sample: link(&format!("/operations/events/{}", cause.newest_id), &[("payload", "1")]),
        redrive: link("/operations/confirm", &with("do", "redrive")),
        discard: link("/operations/confirm", &with("do", "discard")),
        cause,
    }
}

fn job_cause(cause: outbox::dead::Cause, shell: &Shell, link: Link<'_>) -> JobCause {
    let of = [("kind", cause.kind.as_str()), ("error", cause.last_error.as_str())];
    JobCause {
        rows: show::count(&cause.rows),
        newest: When::maybe(cause.newest_at, shell),
        list: link("/operations/jobs", &[[("state", "dead")].as_slice(), of.as_slice()].concat()),
        retry: link("/operations/jobs/confirm", &of),
        cause,
    }
}

fn sender_row(sender: pulse::Sender, shell: &Shell, link: Link<'_>) -> SenderRow {
    let connection = sender.connection_id.to_string();
    SenderRow {
        platform: show::platform(&sender.provider).to_owned(),
        wait: sender.p50_seconds.map_or_else(|| show::NOTHING.to_owned(), chart::seconds),
        last: When::of(&sender.last_at, shell),
        link: link("/operations/events", &[("connection", &connection), ("type", &sender.event_type)]),
        sender,
    }
}

/// What was done, as a sentence.
fn said(shell: &Shell) -> Option<String> {
    let rows = shell.params.get("rows").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let events = || show::plural(rows, "event", "events");
    let jobs = || show::plural(rows, "job", "jobs");
    Some(match shell.params.get("said")? {
        "redrive" => format!("Back in the queue, no longer dead: {}.", events()),
        "replay" => format!("Back in the queue: {}.", events()),
        "skip" => format!("Skipped: {}.", events()),
        "discard" => format!("Discarded: {}.", events()),
        "reverify" => format!("Verified after all, and stored: {}.", show::plural(rows, "request", "requests")),
        "retry" => format!("Begin afresh: {}.", jobs()),
        "cancel" => format!("Called off: {}.", jobs()),
        "pause" => "The kind is paused: none of its jobs begins until it is resumed.".to_owned(),
        "resume" => "The kind goes on.".to_owned(),
        _ => return None,
    })
}
