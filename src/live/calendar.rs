//! A tenant's free slots, as Postgres finds them: it knows every time zone.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::dispatch::TenantView;
use crate::domain::AppointmentSettings;

/// Slots of one day that are told at most: nobody keeps more in mind.
pub(super) const PER_DAY: i32 = 8;

/// A free slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) starts_at: DateTime<Utc>,
    /// By the tenant's clock.
    pub(super) local_at: NaiveDateTime,
}

/// The earliest and the latest that can be booked now.
pub(super) fn bounds(settings: &AppointmentSettings, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let notice = TimeDelta::from_std(settings.notice).unwrap_or_default();
    (now + notice, now + TimeDelta::days(i64::from(settings.horizon_days)))
}

/// Free slots between two days of the tenant's, `most` of them.
pub(super) async fn free(
    connection: &mut PgConnection,
    tenant: &TenantView,
    now: DateTime<Utc>,
    days: (Option<NaiveDate>, Option<NaiveDate>),
    per_day: i32,
    most: i32,
) -> Result<Vec<Slot>, sqlx::Error> {
    let settings = &tenant.appointments;
    let openings = settings.openings();
    let (earliest, latest) = bounds(settings, now);
    let rows = sqlx::query_file!(
        "sql/live/slots.sql",
        tenant.id,
        tenant.time_zone,
        &openings.weekdays,
        &openings.opens,
        &openings.closes,
        &settings.holidays,
        settings.slot.as_secs_f64(),
        settings.step().as_secs_f64(),
        i32::from(settings.capacity),
        earliest,
        days.0,
        days.1,
        latest,
        per_day,
        most,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| Slot { starts_at: row.starts_at, local_at: row.local_at }).collect())
}

/// The free slot at this time of the tenant's clock, if it is one. Where an hour comes twice, the first that is free.
pub(super) async fn at(
    connection: &mut PgConnection,
    tenant: &TenantView,
    now: DateTime<Utc>,
    local_at: NaiveDateTime,
) -> Result<Option<Slot>, sqlx::Error> {
    let day = Some(local_at.date());
    // A whole day of five-minute slots.
    let slots = free(connection, tenant, now, (day, day), 300, 300).await?;
    Ok(slots.into_iter().find(|slot| slot.local_at == local_at))
}
