//! `/operations/jobs`: what must happen next; begin afresh, call off, pause a kind.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::PLACE;
use super::sight::{self, Sight};
use crate::admin::operations::{self, JOBS_AT_ONCE};
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{Shell, page, see_other};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::outbox::dead::{self, Which};
use crate::outbox::operate::{self, JobItem};

/// Jobs of a page.
const ROWS: usize = 50;
/// The states that one can look at.
const STATES: [&str; 5] = ["pending", "done", "skipped", "cancelled", "dead"];

#[derive(Template)]
#[template(path = "operations_jobs.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    sight: Sight,
    said: Option<String>,
    rows: Vec<Row>,
    next: Option<String>,
    chips: Vec<(String, String, bool)>,
    kinds: Vec<(&'static str, String, bool)>,
    hidden: Vec<(String, String)>,
    error: String,
    /// Whether a filter is set.
    is_narrow: bool,
    retry: String,
    cancel: String,
}

struct Row {
    job: JobItem,
    link: String,
    kind: String,
    tone: &'static str,
    state: String,
    due: When,
    settled: Option<When>,
}

/// The page.
pub(in crate::dashboard) async fn show(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Jobs").await?;
    let sight = Sight::of(&shell, &shell.params);
    let (kind, state) = (shell.params.get("kind"), shell.params.get("state"));
    let error = shell.params.owned("error");
    let before = shell.params.get("after").map(sight::uuid).transpose()?;
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut transaction = visit.console.begin().await?;
    let mut jobs = if state == Some("dead") {
        let which = Which { kind: kind.map(str::to_owned), last_error: error.clone(), tenant_id: sight.tenant_id() };
        dead::list(&mut transaction, &which, before, limit).await?
    } else {
        operate::page(&mut *transaction, kind, state, sight.tenant_id(), None, before, limit).await?
    };
    drop(transaction);
    let is_more = jobs.len() > ROWS;
    jobs.truncate(ROWS);
    let next = jobs.last().filter(|_| is_more).map(|job| shell.after(&job.id.to_string()));
    let all = ("All".to_owned(), shell.with("state", ""), state.is_none());
    let chips = STATES.iter().map(|word| (show::words(word), shell.with("state", word), state == Some(word)));
    let kinds = crate::jobs::all().iter().map(|known| known.policy().name).collect::<Vec<_>>();
    page(&Page {
        said: super::said(&shell),
        rows: jobs.into_iter().map(|job| row(job, &shell)).collect(),
        next,
        chips: [all].into_iter().chain(chips).collect(),
        kinds: kinds.into_iter().map(|name| (name, show::words(name), kind == Some(name))).collect(),
        hidden: shell
            .params
            .pairs()
            .filter(|(name, _)| ["tenant", "of", "state"].contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        is_narrow: kind.is_some() || state.is_some() || error.is_some() || before.is_some(),
        error: error.unwrap_or_default(),
        retry: sight.link(&shell, "/operations/jobs/retry", &[]),
        cancel: sight.link(&shell, "/operations/jobs/cancel", &[]),
        sight,
        shell,
    })
}

fn row(job: JobItem, shell: &Shell) -> Row {
    let (tone, state) = tag(&job);
    Row {
        link: shell.to(&format!("/operations/jobs/{}", job.id)),
        kind: show::words(&job.kind),
        tone,
        state,
        due: When::of(&job.due_at, shell),
        settled: When::maybe(job.settled_at, shell),
        job,
    }
}

/// The state of a job, and how it is coloured.
pub(super) fn tag(job: &JobItem) -> (&'static str, String) {
    match job.state.as_str() {
        "pending" if job.lease_until.is_some() => ("on", "In hand".to_owned()),
        "pending" => ("warn", "Pending".to_owned()),
        state => sight::tag(Some(state)),
    }
}

/// Begins the chosen ones afresh.
pub(in crate::dashboard) async fn retry(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Jobs").await?;
    let changed = operations::retry_jobs(visit.pool(), &shell.scope, &ids(&visit.form)?).await?;
    Ok(told(&shell, "/operations/jobs", "retry", changed))
}

/// Calls the chosen ones off.
pub(in crate::dashboard) async fn cancel(visit: Visit) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Jobs").await?;
    let reason = reason(&visit.form, "cancelled by hand")?;
    let changed = operations::cancel_jobs(visit.pool(), &shell.scope, &ids(&visit.form)?, &reason).await?;
    Ok(told(&shell, "/operations/jobs", "cancel", changed))
}

/// Lets no job of a kind begin, of any tenant.
pub(in crate::dashboard) async fn pause(visit: Visit, kind: Path<String>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Jobs").await?;
    check_kind(&shell, &kind)?;
    operations::pause_kind(visit.pool(), &shell.scope, &kind, &reason(&visit.form, "paused by hand")?).await?;
    Ok(told(&shell, PLACE, "pause", 1))
}

/// Lets the jobs of a kind begin again.
pub(in crate::dashboard) async fn resume(visit: Visit, kind: Path<String>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Jobs").await?;
    check_kind(&shell, &kind)?;
    let changed = operations::resume_kind(visit.pool(), &shell.scope, &kind).await?;
    Ok(told(&shell, PLACE, "resume", u64::from(changed)))
}

/// A pause is for everybody, so it is for who sees everybody.
fn check_kind(shell: &Shell, kind: &str) -> Result<(), Fault> {
    if shell.scope.tenant_id().is_some() {
        return Err(Fault::Forbidden);
    }
    if crate::jobs::all().iter().any(|known| known.policy().name == kind) { Ok(()) } else { Err(Fault::NotFound) }
}

fn ids(form: &Params) -> Result<Vec<Uuid>, Fault> {
    let ids: Vec<Uuid> = form.all("id").map(sight::uuid).collect::<Result<_, _>>()?;
    match ids.len() {
        0 => Err(Fault::unfit("Choose at least one.")),
        1..=JOBS_AT_ONCE => Ok(ids),
        _ => Err(Fault::unfit(format!("At most {JOBS_AT_ONCE} can be named at once."))),
    }
}

fn reason(form: &Params, fallback: &str) -> Result<String, Fault> {
    let sentence = operations::sentence(form.get("reason"));
    let sentence = sentence
        .map_err(|_| Fault::unfit(format!("A reason has {} characters at most.", operations::NOTE_CHARS_MAX)))?;
    Ok(sentence.unwrap_or_else(|| fallback.to_owned()))
}

fn told(shell: &Shell, path: &str, said: &str, rows: u64) -> HttpResponse {
    let of = if shell.params.get("of") == Some("tenant") { "&of=tenant" } else { "" };
    see_other(&shell.to(&format!("{path}?said={said}&rows={rows}{of}")))
}
