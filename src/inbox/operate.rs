//! What operators do to events: replay, skip, redrive, discard. Counted first, then done in chunks, each in a
//! transaction of its own, so that a million events hold no lock for long.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Filter, Outcome};

/// An operation on all events of a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Settled events (of this outcome, if one is given) are processed again.
    Replay(Option<Outcome>),
    /// Pending events are settled as ignored, with this note.
    Skip(String),
    /// Dead events are processed again.
    Redrive,
    /// Dead events become ignored, with this note.
    Discard(String),
}

impl Operation {
    /// The word in the log and in the commands.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Replay(_) => "replay",
            Self::Skip(_) => "skip",
            Self::Redrive => "redrive",
            Self::Discard(_) => "discard",
        }
    }
}

/// Events of one type that an operation is for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Group {
    /// The platform.
    pub provider: String,
    /// What they are.
    pub event_type: String,
    /// How many.
    pub rows: i64,
    /// The first by id.
    #[serde(skip)]
    pub first_id: Uuid,
    /// The last by id.
    #[serde(skip)]
    pub last_id: Uuid,
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cursor {
    /// The last event's lane; for [`Operation::Skip`], which goes along the queue.
    pub lane: i16,
    /// When the last event was due; for [`Operation::Skip`], which goes along the queue.
    pub due_at: DateTime<Utc>,
    /// The last event's id.
    pub id: Uuid,
}

impl Cursor {
    /// Before the first of these events.
    pub fn before(groups: &[Group]) -> Self {
        // Not the nil id itself: it may be an event's.
        let first = groups.iter().map(|group| group.first_id).min().unwrap_or_default();
        Self { lane: i16::MIN, due_at: DateTime::UNIX_EPOCH, id: Uuid::from_u128(first.as_u128().saturating_sub(1)) }
    }
}

/// Counts the events of an operation, by type.
pub async fn count(
    connection: &mut PgConnection,
    operation: &Operation,
    filter: &Filter,
) -> Result<Vec<Group>, sqlx::Error> {
    let Filter { provider, event_type, tenant_id, since, until, ids, connection_id, last_error } = filter;
    let (provider, event_type, error) = (provider.as_deref(), event_type.as_deref(), last_error.as_deref());
    macro_rules! count {
        ($file:literal $(, $more:expr)?) => {
            sqlx::query_file_as!(Group, $file, provider, event_type, *tenant_id, *since, *until, ids $(, $more)?, *connection_id, error)
                .fetch_all(connection)
                .await
        };
    }
    match operation {
        Operation::Replay(outcome) => count!("sql/inbox/count_settled.sql", outcome.map(Outcome::as_str)),
        Operation::Skip(_) => count!("sql/inbox/count_pending.sql"),
        Operation::Redrive | Operation::Discard(_) => count!("sql/inbox/count_dead.sql"),
    }
}

/// Does an operation to the next events after `from`, `chunk` at most; `last_id` is the last that [`count`] found: what
/// came later stays as it is.
/// Returns how many were changed and how far it came; `None`: to the end.
pub async fn step(
    connection: &mut PgConnection,
    operation: &Operation,
    filter: &Filter,
    from: Cursor,
    last_id: Uuid,
    chunk: u32,
) -> Result<(i64, Option<Cursor>), sqlx::Error> {
    let Filter { provider, event_type, tenant_id, since, until, ids, connection_id, last_error } = filter;
    let (provider, event_type, error) = (provider.as_deref(), event_type.as_deref(), last_error.as_deref());
    let chunk = i64::from(chunk);
    macro_rules! step {
        ($file:literal, $($more:expr),+ $(; $($last:expr),+)?) => {
            sqlx::query_file!($file, provider, event_type, *tenant_id, *since, *until, ids, $($more),+, *connection_id, error $($(, $last)+)?)
                .fetch_one(connection)
                .await?
        };
    }
    let on = |id| Cursor { id, ..from };
    Ok(match operation {
        Operation::Replay(outcome) => {
            let row = step!("sql/inbox/replay.sql", outcome.map(Outcome::as_str), from.id, last_id, chunk);
            (row.rows, row.last_id.map(on))
        }
        Operation::Redrive => {
            let row = step!("sql/inbox/redrive.sql", from.id, last_id, chunk);
            (row.rows, row.last_id.map(on))
        }
        Operation::Discard(note) => {
            let row = step!("sql/inbox/discard.sql", from.id, last_id, chunk, note);
            (row.rows, row.last_id.map(on))
        }
        Operation::Skip(note) => {
            let row = step!("sql/inbox/skip.sql", from.due_at, from.id, chunk, note; last_id, from.lane);
            let last = row.last_lane.zip(row.last_due_at).zip(row.last_id);
            (row.rows, last.map(|((lane, due_at), id)| Cursor { lane, due_at, id }))
        }
    })
}
