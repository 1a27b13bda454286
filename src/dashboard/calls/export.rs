//! `/calls.csv`: exactly the rows of a filter, a page after the other, so that a million need no memory.

use actix_web::web::{Bytes, Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, future::ready, stream};

use super::super::csv::{self, Csv};
use super::super::fault::Fault;
use super::super::shell::Shell;
use super::filter;
use super::row::{self, Row};
use crate::console::{Console, Entry};
use crate::store::people::{self, CallFilter, Place, Revealed};

/// Rows that are read at once.
const ROWS: i64 = 500;
/// The columns; new ones come at the end.
const COLUMNS: [&str; 23] = [
    "id",
    "platform",
    "platform_call_id",
    "direction",
    "status",
    "outcome",
    "missed",
    "started_at",
    "answered_at",
    "ended_at",
    "duration_seconds",
    "talk_seconds",
    "from",
    "to",
    "person",
    "person_number",
    "our_number",
    "agent",
    "campaign",
    "sentiment",
    "converted",
    "needs_review",
    "summary",
];

/// Where the stream is.
struct State {
    console: Data<Console>,
    shell: Shell,
    filter: CallFilter,
    after: Option<Place>,
    is_first: bool,
    is_done: bool,
}

/// The rows.
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
) -> Result<HttpResponse, Fault> {
    let shell = Shell::of(&request, &entry, &console, "/calls", "Calls").await?;
    let filter = filter::read(&shell, &shell.params)?;
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
    Ok(csv::download("calls.csv").streaming(stream::once(ready(Ok(first))).chain(rows)))
}

async fn next(mut state: State) -> Result<(Bytes, State), Fault> {
    let mut transaction = state.console.begin().await?;
    let scope = *state.shell.within();
    let found = people::list_calls(&mut transaction, &scope, &state.filter, state.after, ROWS).await?;
    if found.left_out {
        return Err(Fault::unfit("More numbers end in these digits than can be looked through: type one more digit."));
    }
    let rows = row::named(&mut transaction, &scope, found.items).await?;
    people::log_reveal(&mut transaction, scope.scope(), Revealed::List("calls.csv"), rows.len()).await?;
    transaction.commit().await?;
    let mut csv = Csv::default();
    if state.is_first {
        csv.head(&COLUMNS, state.shell.params.is_set("bom"));
    }
    rows.iter().for_each(|row| csv.row(&cells(row)));
    state.is_first = false;
    state.is_done = found.next.is_none();
    state.after = found.next;
    Ok((csv.into_bytes(), state))
}

fn cells(row: &Row) -> [String; 23] {
    let call = &row.call;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = |at: &Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let seconds = |ms: Option<i64>| ms.map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000)).unwrap_or_default();
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string()).unwrap_or_default();
    [
        call.id.to_string(),
        call.provider.clone(),
        call.provider_call_id.clone(),
        text(&call.direction),
        text(&call.status),
        text(&call.disposition),
        call.is_missed.to_string(),
        time(&call.started_at),
        time(&call.answered_at),
        time(&call.ended_at),
        seconds(call.duration_ms),
        seconds(call.talk_ms),
        text(&call.from_number.clone().or_else(|| call.from_raw.clone())),
        text(&call.to_number.clone().or_else(|| call.to_raw.clone())),
        text(&row.names.person),
        text(&call.contact_number),
        text(&call.our_number),
        text(&call.agent_name.clone().or_else(|| call.agent_id.clone())),
        text(&row.names.campaign),
        text(&call.sentiment),
        flag(call.converted),
        call.needs_review.to_string(),
        text(&call.summary),
    ]
}
