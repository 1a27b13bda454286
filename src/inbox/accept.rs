//! Storing what came in, once.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// A proven webhook, to be stored.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Ours: time-ordered.
    pub id: Uuid,
    /// Who sent it.
    pub connection_id: Uuid,
    /// Whose it is; `None`: the connection is shared.
    pub tenant_id: Option<Uuid>,
    /// The platform.
    pub provider: Cow<'static, str>,
    /// What it is.
    pub event_type: String,
    /// What makes it one.
    pub external_event_id: String,
    /// When it happened.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The JSON text.
    pub payload: String,
}

/// Audio that came with an event and is kept beside it.
#[derive(Clone, Debug)]
pub struct Audio {
    /// The id of its row in `recordings`.
    pub id: Uuid,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What they are.
    pub media_type: Cow<'static, str>,
    /// Their digest.
    pub sha256: String,
}

/// What became of an event that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, and now on disk.
    New(Uuid),
    /// It was there before, under this id.
    Duplicate(Uuid),
    /// It is on disk beside the database, which cannot take it now, and will be stored.
    Spooled(Uuid),
}

impl Accepted {
    /// The id of its row, now or later.
    pub fn id(self) -> Uuid {
        let (Self::New(id) | Self::Duplicate(id) | Self::Spooled(id)) = self;
        id
    }
}

/// Runs one of the statements, which take the same.
macro_rules! insert {
    ($file:literal, $connection:ident, $sorted:ident $(, $more:expr)?) => {
        sqlx::query_file_scalar!(
            $file,
            $sorted.iter().map(|event| event.id).collect::<Vec<_>>() as _,
            $sorted.iter().map(|event| event.connection_id).collect::<Vec<_>>() as _,
            $sorted.iter().map(|event| event.tenant_id).collect::<Vec<_>>() as _,
            $sorted.iter().map(|event| &*event.provider).collect::<Vec<_>>() as _,
            $sorted.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>() as _,
            $sorted.iter().map(|event| event.external_event_id.as_str()).collect::<Vec<_>>() as _,
            $sorted.iter().map(|event| event.occurred_at).collect::<Vec<_>>() as _,
            $sorted.iter().map(|event| event.payload.as_str()).collect::<Vec<_>>() as _,
            $($more as _,)?
        )
        .fetch_all(&mut *$connection)
        .await?
    };
}

/// Stores events in one statement and one commit, and says of each what became of it, in the order given.
pub async fn accept(connection: &mut PgConnection, events: &[&NewEvent]) -> Result<Vec<Accepted>, sqlx::Error> {
    let sorted = sorted(events);
    let inserted = insert!("sql/inbox/accept.sql", connection, sorted);
    outcomes(connection, events, sorted, inserted).await
}

/// The same for events that were fetched from the platform because their webhooks never came, and are marked so.
pub async fn accept_reconciled(
    connection: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<Vec<Accepted>, sqlx::Error> {
    let sorted = sorted(events);
    let inserted = insert!("sql/inbox/accept_reconciled.sql", connection, sorted);
    outcomes(connection, events, sorted, inserted).await
}

/// The same for events that waited in a file, with the time at which each came.
pub async fn accept_spooled(
    connection: &mut PgConnection,
    events: &[(&NewEvent, DateTime<Utc>)],
) -> Result<Vec<Accepted>, sqlx::Error> {
    let mut pairs = events.to_vec();
    pairs.sort_by(|a, b| key(a.0).cmp(&key(b.0)));
    let (sorted, received_at): (Vec<&NewEvent>, Vec<DateTime<Utc>>) = pairs.into_iter().unzip();
    let inserted = insert!("sql/inbox/accept_spooled.sql", connection, sorted, received_at);
    let events: Vec<&NewEvent> = events.iter().map(|(event, _)| *event).collect();
    outcomes(connection, &events, sorted, inserted).await
}

/// The same for one event with the audio that it brought.
pub async fn accept_spooled_with_audio(
    connection: &mut PgConnection,
    event: &NewEvent,
    received_at: DateTime<Utc>,
    audio: &Audio,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let accepted = accept_spooled(&mut transaction, &[(event, received_at)]).await?;
    let accepted = accepted.first().copied().ok_or(sqlx::Error::RowNotFound)?;
    keep_audio(&mut transaction, accepted, audio).await?;
    transaction.commit().await
}

/// Stores one event together with the audio it brought, in one transaction.
pub async fn accept_with_audio(
    connection: &mut PgConnection,
    event: &NewEvent,
    audio: &Audio,
) -> Result<Accepted, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let accepted = accept(&mut transaction, &[event]).await?;
    let accepted = accepted.first().copied().ok_or(sqlx::Error::RowNotFound)?;
    keep_audio(&mut transaction, accepted, audio).await?;
    transaction.commit().await?;
    Ok(accepted)
}

/// Stores an event whose request was kept unverified until its secret was mended, within a transaction of the caller's, and
/// marks it so.
pub async fn accept_recovered(
    connection: &mut PgConnection,
    event: &NewEvent,
    audio: Option<&Audio>,
) -> Result<Accepted, sqlx::Error> {
    let inserted = sqlx::query_file_scalar!(
        "sql/inbox/accept_recovered.sql",
        event.id,
        event.connection_id,
        event.tenant_id,
        &*event.provider,
        event.event_type,
        event.external_event_id,
        event.occurred_at,
        event.payload
    )
    .fetch_all(&mut *connection)
    .await?;
    let outcomes = outcomes(connection, &[event], vec![event], inserted).await?;
    let accepted = outcomes.first().copied().ok_or(sqlx::Error::RowNotFound)?;
    if let Some(audio) = audio {
        keep_audio(connection, accepted, audio).await?;
    }
    Ok(accepted)
}

/// A duplicate brings no audio back that retention or erasure has taken away: its first copy brought it.
async fn keep_audio(connection: &mut PgConnection, accepted: Accepted, audio: &Audio) -> Result<(), sqlx::Error> {
    if let Accepted::New(_) = accepted {
        sqlx::query_file!("sql/inbox/keep_audio.sql", audio.id, &audio.bytes, &*audio.media_type, &audio.sha256)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// By key, so that two that meet the same keys wait for each other in one order.
fn sorted<'e>(events: &[&'e NewEvent]) -> Vec<&'e NewEvent> {
    let mut sorted = events.to_vec();
    sorted.sort_by(|a, b| key(a).cmp(&key(b)));
    sorted
}

async fn outcomes(
    connection: &mut PgConnection,
    events: &[&NewEvent],
    sorted: Vec<&NewEvent>,
    inserted: Vec<Uuid>,
) -> Result<Vec<Accepted>, sqlx::Error> {
    let inserted: std::collections::HashSet<Uuid> = inserted.into_iter().collect();
    let known: Vec<&NewEvent> = sorted.into_iter().filter(|event| !inserted.contains(&event.id)).collect();
    let known = find_duplicates(connection, &known).await?;
    events
        .iter()
        .map(|event| match inserted.contains(&event.id) {
            true => Ok(Accepted::New(event.id)),
            // Neither stored now nor found: the row that was in the way is gone again. Nobody may be told that it is here.
            false => known.get(&key(event)).map(|id| Accepted::Duplicate(*id)).ok_or(sqlx::Error::RowNotFound),
        })
        .collect()
}

async fn find_duplicates<'e>(
    connection: &mut PgConnection,
    events: &[&'e NewEvent],
) -> Result<HashMap<(Uuid, &'e str), Uuid>, sqlx::Error> {
    if events.is_empty() {
        return Ok(HashMap::new());
    }
    let connections: Vec<Uuid> = events.iter().map(|event| event.connection_id).collect();
    let externals: Vec<&str> = events.iter().map(|event| event.external_event_id.as_str()).collect();
    let rows =
        sqlx::query_file!("sql/inbox/find_duplicates.sql", &connections, externals as _).fetch_all(connection).await?;
    let ids: HashMap<(Uuid, String), Uuid> =
        rows.into_iter().map(|row| ((row.connection_id, row.external_event_id), row.id)).collect();
    let found = events.iter().filter_map(|event| {
        let (connection_id, external) = key(event);
        ids.get(&(connection_id, external.to_owned())).map(|id| ((connection_id, external), *id))
    });
    Ok(found.collect())
}

fn key(event: &NewEvent) -> (Uuid, &str) {
    (event.connection_id, &event.external_event_id)
}
