//! `/operations/jobs/{id}`: what is to be done, how it went, and, for who asks, with what.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use uuid::Uuid;

use super::PLACE;
use super::sight::Sight;
use crate::access::Right;
use crate::dashboard::fault::Fault;
use crate::dashboard::shell::{Shell, page};
use crate::dashboard::show;
use crate::dashboard::visit::Visit;
use crate::dashboard::when::When;
use crate::outbox::operate::{self, JobItem};
use crate::store::people::Revealed;

#[derive(Template)]
#[template(path = "operations_job.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    job: JobItem,
    kind: String,
    tone: &'static str,
    state: String,
    created: When,
    due: When,
    settled: Option<When>,
    in_hand_until: Option<When>,
    payload: Option<String>,
    payload_link: String,
    retry: String,
    cancel: String,
    back: String,
}

/// The page; with `?payload=1` also what the job was given, which is logged.
pub(in crate::dashboard) async fn show(visit: Visit, id: Path<Uuid>) -> Result<HttpResponse, Fault> {
    let shell = visit.shell(PLACE, "Job").await?;
    let sight = Sight::of(&shell, &shell.params);
    let mut transaction = visit.console.begin().await?;
    // Of all that they see: a link holds whatever tenant is shown.
    let found = operate::page(&mut *transaction, None, None, shell.scope.tenant_id(), Some(*id), None, 1).await?.pop();
    let job = found.ok_or(Fault::NotFound)?;
    let payload = if shell.params.is_set("payload") && shell.may(Right::ReadPayloads) {
        let payload = operate::find_payload(&mut transaction, *id).await?;
        visit.console.log_reveal(&mut transaction, &shell.scope, Revealed::Payload(*id), 1).await?;
        payload.map(|payload| payload.expose().clone())
    } else {
        None
    };
    transaction.commit().await?;
    let (tone, state) = super::jobs::tag(&job);
    page(&Page {
        kind: show::words(&job.kind),
        tone,
        state,
        created: When::of(&job.created_at, &shell),
        due: When::of(&job.due_at, &shell),
        settled: When::maybe(job.settled_at, &shell),
        in_hand_until: When::maybe(job.lease_until, &shell),
        payload,
        payload_link: sight.link(&shell, &format!("/operations/jobs/{id}"), &[("payload", "1")]),
        retry: sight.link(&shell, "/operations/jobs/retry", &[]),
        cancel: sight.link(&shell, "/operations/jobs/cancel", &[]),
        back: sight.link(&shell, "/operations/jobs", &[]),
        job,
        shell,
    })
}
