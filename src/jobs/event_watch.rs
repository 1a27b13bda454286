//! What the watch looks at in the inbox itself, a little each time: which connections have sent something, and whether a
//! pending event is missing from the queue.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;

/// How far before the newest event of the last look the next one begins: an event gets its id before it is committed, and
/// may be committed after others that came later.
const OVERLAP: Duration = Duration::from_secs(60);
/// How far back the first look goes.
const FIRST_LOOK: Duration = Duration::from_secs(7_200);
/// How far ahead of our clock that of another process may be, which made an id.
const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(3_600);
/// Events since the last look that are looked at, at most: three thousand a second. Of more the rest is old by the next
/// look.
const NEW_EVENTS_MAX: i32 = 200_000;
/// Old events that are looked at each time, some ten milliseconds: fourteen millions a day.
const OLD_EVENTS_AT_ONCE: i32 = 10_000;
/// The bits of an id below its time.
const BELOW_TIME: u32 = 80;

/// Looks at the events that have come since the last time and at some of the others; returns how many pending ones were
/// missing from the queue. They are in it now.
pub(super) async fn look(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<i64, sqlx::Error> {
    sqlx::query_file!("sql/jobs/forget_connection_hours.sql", now).execute(&mut *connection).await?;
    let beyond = id_at(Clock::system().now()).saturating_add(ms(CLOCKS_DIFFER_MAX) << BELOW_TIME);
    let marks =
        sqlx::query_file!("sql/jobs/event_marks.sql", Uuid::from_u128(beyond)).fetch_one(&mut *connection).await?;
    let Some(newest) = marks.newest else { return Ok(0) };
    let after = marks.new.map_or_else(|| earlier(newest, FIRST_LOOK), |mark| earlier(mark, OVERLAP));
    sqlx::query_file!("sql/jobs/note_connection_hours.sql", after, newest, i64::from(NEW_EVENTS_MAX))
        .execute(&mut *connection)
        .await?;
    let new = queue_lost(connection, after, newest, NEW_EVENTS_MAX).await?;
    set_mark(connection, "new", newest).await?;

    let old = queue_lost(connection, marks.old.unwrap_or(Uuid::nil()), Uuid::max(), OLD_EVENTS_AT_ONCE).await?;
    // From the end it goes back to the beginning.
    set_mark(connection, "old", old.last_id.unwrap_or(Uuid::nil())).await?;
    Ok(new.lost + old.lost)
}

struct Looked {
    lost: i64,
    last_id: Option<Uuid>,
}

async fn queue_lost(connection: &mut PgConnection, after: Uuid, until: Uuid, most: i32) -> Result<Looked, sqlx::Error> {
    sqlx::query_file_as!(Looked, "sql/jobs/queue_lost_events.sql", after, until, most).fetch_one(connection).await
}

async fn set_mark(connection: &mut PgConnection, name: &str, event_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/jobs/set_event_mark.sql", name, event_id).execute(connection).await.map(drop)
}

/// The least id of a moment before that of an event. Ids are ordered by time (UUID, version 7).
fn earlier(id: Uuid, by: Duration) -> Uuid {
    Uuid::from_u128((id.as_u128() >> BELOW_TIME).saturating_sub(ms(by)) << BELOW_TIME)
}

/// The least id of a moment.
fn id_at(at: DateTime<Utc>) -> u128 {
    u128::try_from(at.timestamp_millis()).unwrap_or_default() << BELOW_TIME
}

fn ms(duration: Duration) -> u128 {
    duration.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_moved_by_their_time() {
        let id: Uuid = "01a229af-b68b-7980-b71d-99f0579533eb".parse().unwrap();
        assert_eq!(earlier(id, Duration::from_millis(0x8b)).to_string(), "01a229af-b600-0000-0000-000000000000");
        assert_eq!(earlier(Uuid::nil(), OVERLAP), Uuid::nil());
        let at: DateTime<Utc> = "2026-11-29T12:00:00Z".parse().unwrap();
        assert!(id_at(at) < Uuid::max().as_u128() >> 1);
        assert_eq!(id_at(at) >> BELOW_TIME, u128::try_from(at.timestamp_millis()).unwrap());
    }
}
