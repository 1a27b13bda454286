//! Finding what is there of a person.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::forget::{Place, Sought, Unread};
use crate::db;

/// Events that one statement looks at: their payloads may be large.
const PAGE_EVENTS: i64 = 1_000;
/// A platform's id of this length is nothing else; a shorter one might be any number in a payload.
const MIN_ID_CHARS: usize = 8;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) calls: Vec<Uuid>,
    /// The platforms' ids of these calls.
    pub(super) platform_ids: Vec<String>,
    pub(super) messages: Vec<Uuid>,
    /// Outreaches to them, which jobs are about.
    pub(super) outreaches: Vec<Uuid>,
    pub(super) jobs: Vec<Uuid>,
    pub(super) leads: u64,
    pub(super) analytics: u64,
    pub(super) recordings: u64,
    pub(super) appointments: u64,
    pub(super) notes: u64,
    pub(super) events: u64,
    /// Requests that were kept because nothing verified them.
    pub(super) kept: u64,
}

impl Found {
    /// By table; `mentions`: texts of others.
    pub(super) fn places(&self, mentions: u64) -> Vec<Place> {
        let places = [
            ("leads", self.leads),
            ("calls", self.calls.len() as u64),
            ("messages", self.messages.len() as u64),
            ("lead_analytics", self.analytics),
            ("recordings", self.recordings),
            ("appointments", self.appointments),
            ("lead_notes", self.notes),
            ("jobs", self.jobs.len() as u64),
            ("webhook_events", self.events),
            ("kept_requests", self.kept),
            ("texts of others", mentions),
        ];
        places.map(|(place, rows)| Place { place: place.to_owned(), rows }).into()
    }

    /// Ids by which other rows refer to the person: those of their calls, at the platform and here, and of their lead.
    fn ids(&self, sought: &Sought) -> Vec<String> {
        let ours = self.calls.iter().chain(&sought.lead_ids).map(Uuid::to_string);
        self.platform_ids.iter().cloned().chain(ours).collect()
    }
}

/// Finds calls and messages, and counts what hangs from them.
pub(super) async fn rows(pool: &PgPool, sought: &Sought, found: &mut Found) -> Result<(), sqlx::Error> {
    let mut reading = db::patient(pool).await?;
    let (tenants, pattern) = (&sought.tenants, sought.pattern.expose());
    let calls =
        sqlx::query_file!("sql/retention/find_persons_calls.sql", tenants, pattern).fetch_all(&mut *reading).await?;
    for row in calls {
        found.calls.push(row.id);
        found.platform_ids.push(row.platform_id);
    }
    found.messages = sqlx::query_file_scalar!("sql/retention/find_persons_messages.sql", tenants, pattern)
        .fetch_all(&mut *reading)
        .await?;
    found.outreaches = sqlx::query_file_scalar!("sql/retention/find_persons_outreaches.sql", &sought.lead_ids)
        .fetch_all(&mut *reading)
        .await?;
    let counts = sqlx::query_file!(
        "sql/retention/count_persons_rows.sql",
        &sought.lead_ids,
        tenants,
        sought.number.expose(),
        &found.calls
    )
    .fetch_one(&mut *reading)
    .await?;
    found.leads = counts.leads.unsigned_abs();
    found.analytics = counts.analyses.unsigned_abs();
    found.recordings = counts.recordings.unsigned_abs();
    found.appointments = counts.appointments.unsigned_abs();
    found.notes = counts.notes.unsigned_abs();
    reading.rollback().await
}

/// Adds calls that came in since.
pub(super) async fn latest_calls(
    connection: &mut PgConnection,
    sought: &Sought,
    found: &mut Found,
) -> Result<(), sqlx::Error> {
    let calls =
        sqlx::query_file!("sql/retention/find_persons_latest_calls.sql", &sought.tenants, sought.number.expose())
            .fetch_all(connection)
            .await?;
    for row in calls {
        if !found.calls.contains(&row.id) {
            found.calls.push(row.id);
            found.platform_ids.push(row.platform_id);
        }
    }
    Ok(())
}

/// Events of one page that are the person's.
pub(super) struct Page {
    pub(super) ids: Vec<Uuid>,
    pub(super) last_id: Uuid,
}

/// Looks at the next page of events; `None`: there is no further one.
pub(super) async fn events(
    pool: &PgPool,
    sought: &Sought,
    found: &Found,
    after: Option<Uuid>,
) -> Result<Option<Page>, sqlx::Error> {
    let ids = found.ids(sought);
    let long_ids: Vec<String> = ids.iter().filter(|id| id.chars().count() >= MIN_ID_CHARS).cloned().collect();
    let mut reading = db::patient(pool).await?;
    let page = sqlx::query_file!(
        "sql/retention/find_persons_events.sql",
        &sought.tenants,
        sought.with_unowned,
        sought.pattern.expose(),
        &ids,
        &long_ids,
        after,
        PAGE_EVENTS,
    )
    .fetch_one(&mut *reading)
    .await?;
    reading.rollback().await?;
    Ok(page.last_id.map(|last_id| Page { ids: page.ids, last_id }))
}

/// Jobs about the person.
pub(super) async fn jobs(pool: &PgPool, sought: &Sought, found: &Found) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids: Vec<String> = found
        .calls
        .iter()
        .chain(&found.messages)
        .chain(&found.outreaches)
        .chain(&sought.lead_ids)
        .map(Uuid::to_string)
        .collect();
    let mut reading = db::patient(pool).await?;
    let jobs =
        sqlx::query_file_scalar!("sql/retention/find_persons_jobs.sql", &sought.tenants, sought.pattern.expose(), &ids)
            .fetch_all(&mut *reading)
            .await?;
    reading.rollback().await?;
    Ok(jobs)
}

/// Texts that name the number, by table and id.
pub(super) async fn mentions(pool: &PgPool, sought: &Sought) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
    let mut reading = db::patient(pool).await?;
    let rows = sqlx::query_file!("sql/retention/find_mentions.sql", &sought.tenants, sought.pattern.expose())
        .fetch_all(&mut *reading)
        .await?;
    reading.rollback().await?;
    Ok(rows.into_iter().map(|row| (row.place, row.id)).collect())
}

/// Columns of any table where the number is found, and tables that could not be looked at.
pub(super) async fn left(
    pool: &PgPool,
    sought: &Sought,
    tenant_id: Option<Uuid>,
) -> Result<(Vec<Place>, Vec<Unread>), sqlx::Error> {
    let tenants: Option<Vec<Uuid>> = tenant_id.map(|tenant_id| vec![tenant_id]);
    let mut reading = db::patient(pool).await?;
    let rows = sqlx::query_file!("sql/retention/places_of.sql", sought.pattern.expose(), tenants.as_deref())
        .fetch_all(&mut *reading)
        .await?;
    reading.rollback().await?;
    let (mut left, mut unread) = (Vec::new(), Vec::new());
    for row in rows {
        match row.unread {
            Some(code) => unread.push(Unread { place: row.place, reason: db::condition(&code) }),
            None => left.push(Place { place: row.place, rows: row.rows.unwrap_or_default().unsigned_abs() }),
        }
    }
    Ok((left, unread))
}
