//! Reading and writing appointments; what the four functions about them share.

use chrono::{NaiveDate, NaiveDateTime};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Contact, words};
use crate::dispatch::{Called, Reply, Stop};
use crate::domain::function_row_id;
use crate::live::calendar::{self, PER_DAY, Slot};
use crate::live::words::time;
use crate::redact::Phone;

/// Seats that may be lost to others before a slot counts as taken; each loss is somebody's booking.
const SEATS_TRIED_MAX: u16 = 20;

/// An appointment of the caller's.
pub(super) struct Theirs {
    pub(super) id: Uuid,
    pub(super) local_at: NaiveDateTime,
    pub(super) name: Option<String>,
    pub(super) purpose: Option<String>,
    pub(super) is_unverified: bool,
}

/// What is to be written down of a new one.
pub(super) struct Details<'a> {
    pub(super) contact: &'a Contact,
    pub(super) name: Option<&'a str>,
    pub(super) purpose: Option<&'a str>,
}

/// Refuses where the tenant has no opening hours.
pub(super) fn must_be_open(called: &Called<'_>) -> Result<(), Stop> {
    match called.tenant.appointments.hours.is_empty() {
        true => Err(Stop::refused(words(called).say("no_calendar", &[]))),
        false => Ok(()),
    }
}

/// The caller's appointments that are to come.
pub(super) async fn theirs(called: &mut Called<'_>, phone: &Phone) -> Result<Vec<Theirs>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/live/appointments_of.sql",
        called.tenant.id,
        phone.expose(),
        called.now,
        called.tenant.time_zone
    )
    .fetch_all(&mut *called.connection)
    .await?;
    called.reveals |= !rows.is_empty();
    let theirs = rows.into_iter().map(|row| Theirs {
        id: row.id,
        local_at: row.local_at,
        name: row.name,
        purpose: row.purpose,
        is_unverified: row.unverified,
    });
    Ok(theirs.collect())
}

/// Which of several is meant: the one on this day and at this time, as far as they are given; else they are asked.
pub(super) fn pick(
    theirs: Vec<Theirs>,
    date: Option<NaiveDate>,
    at: Option<chrono::NaiveTime>,
    today: NaiveDate,
    called: &Called<'_>,
) -> Result<Theirs, Stop> {
    let fits = |one: &Theirs| {
        date.is_none_or(|date| one.local_at.date() == date) && at.is_none_or(|at| one.local_at.time() == at)
    };
    let mut meant: Vec<Theirs> = theirs.into_iter().filter(fits).collect();
    match meant.len() {
        0 => Err(Stop::refused(words(called).say("no_appointment", &[]))),
        1 => Ok(meant.remove(0)),
        _ => {
            let times: Vec<String> = meant.iter().map(|one| words(called).at(one.local_at, today)).collect();
            let times = words(called).list(&times);
            Err(Stop::refused(words(called).say("which_appointment", &[("times", &times)])))
        }
    }
}

/// Takes the slot at this time of the tenant's clock, or says which others are free.
pub(super) async fn take(
    called: &mut Called<'_>,
    at: NaiveDateTime,
    details: Details<'_>,
    today: NaiveDate,
) -> Result<Uuid, Stop> {
    sqlx::query_file!("sql/live/open_calendar.sql", called.tenant.id).execute(&mut *called.connection).await?;
    let settings = &called.tenant.appointments;
    let id = function_row_id(called.ids, called.event_id, "appointment");
    for _ in 0..settings.capacity.min(SEATS_TRIED_MAX) {
        let Some(slot) = calendar::at(called.connection, called.tenant, called.now, at).await? else { break };
        let taken = sqlx::query_file_scalar!(
            "sql/live/book.sql",
            id,
            called.tenant.id,
            slot.starts_at,
            settings.slot.as_secs_f64(),
            settings.step().as_secs_f64(),
            i32::from(settings.capacity),
            details.contact.phone.expose(),
            details.name,
            details.purpose,
            called.event_id,
            details.contact.is_unverified,
        )
        .fetch_optional(&mut *called.connection)
        .await?;
        if taken.is_some() {
            return Ok(id);
        }
    }
    Err(Stop::Refused(others(called, at.date(), today).await?))
}

/// What else is free: that day, else the first time after.
async fn others(called: &mut Called<'_>, day: NaiveDate, today: NaiveDate) -> Result<Reply, sqlx::Error> {
    let slots = of_day(called, day).await?;
    if slots.is_empty() {
        return nothing(called, day, today).await;
    }
    let times = words(called).times(slots.iter().map(|slot| slot.local_at));
    Ok(Reply { message: words(called).say("taken", &[("times", &times)]), data: told(&slots) })
}

/// The free slots of a day.
pub(super) async fn of_day(called: &mut Called<'_>, day: NaiveDate) -> Result<Vec<Slot>, sqlx::Error> {
    let days = (Some(day), Some(day));
    calendar::free(called.connection, called.tenant, called.now, days, PER_DAY, PER_DAY).await
}

/// Nothing is free that day: the first time that is, after it or else at all.
pub(super) async fn nothing(called: &mut Called<'_>, day: NaiveDate, today: NaiveDate) -> Result<Reply, sqlx::Error> {
    for from in [Some(day), None] {
        let next = calendar::free(called.connection, called.tenant, called.now, (from, None), 1, 1).await?;
        if let Some(next) = next.first() {
            let at = words(called).at(next.local_at, today);
            return Ok(Reply { message: words(called).say("no_slots", &[("at", &at)]), data: told(&[*next]) });
        }
    }
    Ok(Reply { message: words(called).say("no_slots_at_all", &[]), data: told(&[]) })
}

/// Slots as facts for the model.
pub(super) fn told(slots: &[Slot]) -> Map<String, Value> {
    let slots: Vec<Value> = slots
        .iter()
        .map(|slot| json!({ "date": slot.local_at.format("%Y-%m-%d").to_string(), "time": time(slot.local_at) }))
        .collect();
    Map::from_iter([("free".to_owned(), Value::Array(slots))])
}

/// An appointment as facts for the model.
pub(super) fn appointment(id: Uuid, at: NaiveDateTime) -> Map<String, Value> {
    Map::from_iter([
        ("appointment_id".to_owned(), json!(id)),
        ("date".to_owned(), json!(at.format("%Y-%m-%d").to_string())),
        ("time".to_owned(), json!(time(at))),
    ])
}
