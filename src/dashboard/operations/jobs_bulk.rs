//! All dead jobs of a cause begin afresh: counted, asked for, done step by step, as with events.

use actix_web::HttpResponse;
use uuid::Uuid;

use super::PLACE;
use super::bulk::{Confirm, Progress, number};
use super::sight::{self, Sight};
use crate::admin::operations;
use crate::dashboard::fault::Fault;
use crate::dashboard::params::Params;
use crate::dashboard::shell::{page, see_other};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::outbox::dead::{self, Which};

/// Says how many it would be, and asks.
pub(in crate::dashboard) async fn confirm(visit: Visit) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell(PLACE, "Are you sure?").await?;
    let sight = Sight::of(&shell, &shell.params);
    let which = which(&shell.params, &sight);
    let mut transaction = visit.console.begin().await?;
    let (matched, last_id) = dead::count(&mut transaction, &which).await?;
    drop(transaction);
    let mut hidden = carried(&shell.params);
    let last_id = last_id.unwrap_or_default().to_string();
    for (name, value) in [("place", Uuid::nil().to_string()), ("last", last_id), ("matched", matched.to_string())] {
        hidden.push((name.to_owned(), value));
    }
    let jobs = show::plural(matched, "dead job", "dead jobs");
    shell.title = format!("Retry {jobs}?");
    page(&Confirm {
        title: shell.title.clone(),
        explanation: "They begin afresh, with all their attempts. A job of which nobody knows whether it was sent is left \
                      alone.",
        groups: vec![(
            which.kind.as_deref().map_or_else(|| "Of any kind".to_owned(), show::words),
            show::count(&matched),
        )],
        action: sight.link(&shell, "/operations/jobs/run", &[]),
        button: format!("Retry {jobs}"),
        is_danger: false,
        wants_note: false,
        hidden,
        is_nothing: matched == 0,
        back: sight.link(&shell, "/operations/jobs", &[("state", "dead")]),
        shell,
    })
}

/// Does the next step; then it says how far it came, or that it is done.
pub(in crate::dashboard) async fn run(visit: Visit) -> Result<HttpResponse, Fault> {
    let mut shell = visit.shell(PLACE, "Working").await?;
    let sight = Sight::of(&shell, &visit.form);
    let id = |name: &str| sight::uuid(visit.form.get(name).unwrap_or_default());
    let (from, last_id) = (id("place")?, id("last")?);
    let (changed, reached) =
        operations::step_dead_jobs(visit.pool(), &sight.scope, &which(&visit.form, &sight), from, last_id).await?;
    let done = number(&visit.form, "done").saturating_add(i64::try_from(changed).unwrap_or(i64::MAX));
    let matched = number(&visit.form, "matched");
    let Some(place) = reached else {
        let rows = done.to_string();
        let said = [("state", "dead"), ("said", "retry"), ("rows", rows.as_str())];
        return Ok(see_other(&sight.link(&shell, "/operations/jobs", &said)));
    };
    let mut hidden = carried(&visit.form);
    let carried_on = [
        ("place", place.to_string()),
        ("last", last_id.to_string()),
        ("matched", matched.to_string()),
        ("done", done.to_string()),
    ];
    hidden.extend(carried_on.map(|(name, value)| (name.to_owned(), value)));
    shell.title = format!("Retry: {} of {}", show::count(&done), show::count(&matched));
    page(&Progress {
        title: "Retry".to_owned(),
        action: sight.link(&shell, "/operations/jobs/run", &[]),
        hidden,
        done,
        total: matched.max(done).max(1),
        sentence: format!("{} of {} jobs", show::count(&done), show::count(&matched)),
        back: sight.link(&shell, "/operations/jobs", &[("state", "dead")]),
        shell,
    })
}

fn which(params: &Params, sight: &Sight) -> Which {
    Which { kind: params.owned("kind"), last_error: params.owned("error"), tenant_id: sight.tenant_id() }
}

fn carried(params: &Params) -> Vec<(String, String)> {
    let pairs = params.pairs().filter(|(name, _)| ["kind", "error", "of"].contains(name));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
