//! `/leads.csv`: exactly the rows of a filter, a page after the other, so that any number of them needs no memory.

use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, future::ready, stream};
use uuid::Uuid;

use super::super::csv::{self, Csv};
use super::super::fault::Fault;
use super::super::shell::Shell;
use super::filter;
use crate::console::{Console, Entry};
use crate::store::people::{self, LeadFilter, LeadItem, Revealed};

/// Rows that are read at once.
const ROWS: i64 = 500;
/// The columns; new ones come at the end.
const COLUMNS: [&str; 12] = [
    "id",
    "phone",
    "name",
    "email",
    "stage",
    "source",
    "tags",
    "first_seen_at",
    "opted_out",
    "calls",
    "missed",
    "last_call_at",
];

/// Where the stream is.
struct State {
    console: Data<Console>,
    shell: Shell,
    filter: LeadFilter,
    after: Option<Uuid>,
    is_first: bool,
    is_done: bool,
}

/// The rows.
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, "/leads", "Leads").await?;
    let filter = filter::read(&shell)?;
    let state = State { console, shell, filter, after: None, is_first: true, is_done: false };
    // What is wrong with the question is said before the download begins.
    let (first, state) = next(state).await?;
    let rows = stream::try_unfold(state, |state| async move {
        if state.is_done {
            return Ok::<_, actix_web::Error>(None);
        }
        // A stream that breaks off is seen by the browser as a failed download, not as a short file.
        next(state).await.map(Some).map_err(actix_web::error::ErrorServiceUnavailable)
    });
    Ok(csv::download("leads.csv").streaming(stream::once(ready(Ok(first))).chain(rows)))
}

async fn next(mut state: State) -> Result<(Bytes, State), Fault> {
    let mut transaction = state.console.begin().await?;
    let scope = *state.shell.within();
    let found = people::list_leads(&mut transaction, &scope, &state.filter, state.after, ROWS).await?;
    if found.left_out {
        return Err(Fault::unfit("More numbers end in these digits than can be looked through: type one more digit."));
    }
    people::log_reveal(&mut transaction, scope.scope(), Revealed::List("leads.csv"), found.items.len()).await?;
    transaction.commit().await?;
    let mut csv = Csv::default();
    if state.is_first {
        csv.head(&COLUMNS, state.shell.params.is_set("bom"));
    }
    found.items.iter().for_each(|lead| csv.row(&cells(lead)));
    state.is_first = false;
    state.is_done = found.next.is_none();
    state.after = found.next;
    Ok((csv.into_bytes(), state))
}

fn cells(lead: &LeadItem) -> [String; 12] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = |at: &Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    [
        lead.id.to_string(),
        text(&lead.phone),
        text(&lead.name),
        text(&lead.email),
        lead.stage.clone(),
        text(&lead.source),
        lead.tags.join(", "),
        time(&lead.first_seen_at),
        lead.opted_out.to_string(),
        lead.calls.to_string(),
        lead.missed.to_string(),
        time(&lead.last_call_at),
    ]
}
