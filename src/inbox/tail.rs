//! The newest events that fit a filter, for who watches: it looks at so many and no more, however rare what is sought.

use sqlx::PgConnection;
use uuid::Uuid;

use super::search::{self, EventRow, State};
use super::{Filter, Outcome};

/// Events that are looked at for one page of what is rare.
const LOOKED_AT: i64 = 20_000;

/// A page of the newest events.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The events, the newest first.
    pub events: Vec<EventRow>,
    /// Where the next page goes on; `None`: there is none.
    pub next: Option<Uuid>,
    /// Whether it stopped looking before it had a page full.
    pub gave_up: bool,
}

/// The newest events that fit, `rows` at most. Pending and dead ones are found by their own indexes, all others by
/// looking back from the newest.
pub async fn tail(
    connection: &mut PgConnection,
    filter: &Filter,
    state: Option<State>,
    before: Option<Uuid>,
    rows: u32,
) -> Result<Page, sqlx::Error> {
    let has_index = matches!(state, Some(State::Pending | State::Settled(Outcome::Dead)));
    let is_exact = filter.last_error.is_some() || filter.since.is_some() || !filter.ids.is_empty();
    if has_index || is_exact {
        let events = search::list(connection, filter, state, before, rows + 1).await?;
        return Ok(cut(events, rows, None));
    }
    let outcome = state.and_then(|state| match state {
        State::Settled(outcome) => Some(outcome.as_str()),
        State::Pending => None,
    });
    let is_sought = filter.provider.is_some()
        || filter.event_type.is_some()
        || filter.tenant_id.is_some()
        || filter.connection_id.is_some()
        || outcome.is_some();
    let looked_at = if is_sought { LOOKED_AT } else { i64::from(rows) + 1 };
    let events = sqlx::query_file_as!(
        EventRow,
        "sql/inbox/tail.sql",
        filter.provider.as_deref(),
        filter.event_type.as_deref(),
        filter.tenant_id,
        filter.connection_id,
        outcome,
        before,
        looked_at,
        i64::from(rows) + 1,
    )
    .fetch_all(&mut *connection)
    .await?;
    let end = if is_sought && events.len() <= rows as usize {
        sqlx::query_file_scalar!("sql/inbox/tail_end.sql", before, looked_at).fetch_optional(connection).await?
    } else {
        None
    };
    Ok(cut(events, rows, end))
}

/// One more than was asked for says that there is a next page; else it goes on where one stopped looking.
fn cut(mut events: Vec<EventRow>, rows: u32, end: Option<Uuid>) -> Page {
    let is_more = events.len() > rows as usize;
    events.truncate(rows as usize);
    let next = if is_more { events.last().map(|event| event.id) } else { end };
    Page { events, next, gave_up: !is_more && end.is_some() }
}
