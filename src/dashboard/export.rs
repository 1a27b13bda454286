//! A list as a file: a page after the other, so that a million rows need no memory; and who had how many of them.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use futures_util::{StreamExt as _, future::ready, stream};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::csv::{self, Csv};
use super::fault::Fault;
use super::shell::Shell;
use crate::access::{Right, TenantScope};
use crate::console::Console;
use crate::store::operator_log::{Action, Described, Line};
use crate::store::people::Page;

/// Rows that are read at once.
const ROWS: i64 = 500;

/// A list that one can have as a file.
pub(super) trait Export: 'static {
    /// What the file is called, there and in the operator log.
    const FILE: &'static str;
    /// Its columns; new ones come at the end.
    const COLUMNS: &'static [&'static str];
    /// Where a page ends.
    type Place: Copy;
    /// The cells of a row.
    type Cells: AsRef<[String]>;

    /// The rows after a place.
    async fn page(
        &self,
        connection: &mut PgConnection,
        scope: &TenantScope,
        after: Option<Self::Place>,
        rows: i64,
    ) -> Result<Page<Self::Cells, Self::Place>, sqlx::Error>;

    /// Which rows, with nothing of a person.
    fn described(&self) -> Value;

    /// Whether the rows are those of all tenants, and not of the one that is shown.
    fn is_of_all(&self) -> bool {
        false
    }
}

/// Where the file is.
struct State<E: Export> {
    console: Data<Console>,
    shell: Shell,
    list: E,
    log_id: Uuid,
    line: Line,
    after: Option<E::Place>,
    is_first: bool,
    is_done: bool,
}

/// The file of a list. The operator log has it with its first rows and counts each page before it goes out, so that the
/// number is that of the rows that were sent, whenever the file ends: a client that leaves asks for no further page.
pub(super) async fn download<E: Export>(console: Data<Console>, shell: Shell, list: E) -> Result<HttpResponse, Fault> {
    let tenant_id = Some(shell.within().tenant()).filter(|_| !list.is_of_all());
    let line = Line::of(shell.within().scope(), Action::Export)
        .tenant(tenant_id)
        .with("list", E::FILE)
        .with("filter", Described(list.described()))
        .with("masked", !shell.may(Right::SeeWhole));
    let log_id = Uuid::now_v7();
    let state = State { console, shell, list, log_id, line, after: None, is_first: true, is_done: false };
    // What is wrong with the question is said before the download begins.
    let (first, state) = next(state).await?;
    let rows = stream::try_unfold(state, |state| async move {
        if state.is_done {
            return Ok::<_, actix_web::Error>(None);
        }
        // A stream that breaks off is seen by the browser as a failed download, not as a short file.
        next(state).await.map(Some).map_err(actix_web::error::ErrorServiceUnavailable)
    });
    Ok(csv::download(E::FILE).streaming(stream::once(ready(Ok(first))).chain(rows)))
}

async fn next<E: Export>(mut state: State<E>) -> Result<(Bytes, State<E>), Fault> {
    let scope = *state.shell.within();
    let page = async |connection: &mut PgConnection| state.list.page(connection, &scope, state.after, ROWS).await;
    let (found, mut reading) = state.console.read(page).await?;
    if found.left_out {
        return Err(Fault::unfit("More numbers end in these digits than can be looked through: type one more digit."));
    }
    let line = state.line.clone().rows(found.items.len() as u64);
    state.console.log_step(&mut reading, line, state.log_id).await?;
    reading.commit().await?;
    let mut csv = Csv::default();
    if state.is_first {
        csv.head(E::COLUMNS, state.shell.params.is_set("bom"));
    }
    found.items.iter().for_each(|cells| csv.row(cells.as_ref()));
    state.is_first = false;
    state.is_done = found.next.is_none();
    state.after = found.next;
    Ok((csv.into_bytes(), state))
}
