//! `reschedule_appointment`: moves the caller's appointment to a free slot, or leaves it as it is.

use futures_util::FutureExt;

use super::{Contact, diary, today, verified, words};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop, Writing};
use crate::domain::function_row_id;

pub(super) fn function() -> Function {
    Function {
        name: "reschedule_appointment".to_owned(),
        description: "Moves an appointment of the caller's to another day or time. With several, name the one that is \
                      meant."
            .to_owned(),
        parameters: vec![
            Parameter::required("new_date", ParameterKind::Date, "The new day, as YYYY-MM-DD"),
            Parameter::required("new_time", ParameterKind::Time, "The new time by our clock, as HH:MM"),
            Parameter::optional("date", ParameterKind::Date, "The day that it is on now, as YYYY-MM-DD"),
            Parameter::optional("time", ParameterKind::Time, "The time that it is at now, as HH:MM"),
        ],
        writes: Some(Writing::Change),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    diary::must_be_open(called)?;
    let contact = verified(called)?;
    let (Some(date), Some(time)) = (called.args.date("new_date"), called.args.time("new_time")) else {
        return Err(Stop::refused(words(called).say("failed", &[])));
    };
    let (at, today) = (date.and_time(time), today(called).await?);
    let theirs = diary::theirs(called, &contact.phone).await?;
    let one = diary::pick(theirs, called.args.date("date"), called.args.time("time"), today, called)?;
    if one.local_at == at {
        let message = words(called).say("already_booked", &[("at", &words(called).at(at, today))]);
        return Err(Stop::AlreadyDone(Reply { message, data: diary::appointment(one.id, at) }));
    }
    // Given up first, so that it may be moved by less than its own length; if nothing is free then, all of this is
    // taken back.
    let moved_to = Some(function_row_id(called.ids, called.event_id, "appointment"));
    sqlx::query_file!("sql/live/cancel.sql", one.id, called.tenant.id, called.now, moved_to)
        .execute(&mut *called.connection)
        .await?;
    // Moved by its owner, it still says what somebody said whom nobody vouched for.
    let contact = Contact { is_unverified: one.is_unverified, ..contact };
    let details = diary::Details { contact: &contact, name: one.name.as_deref(), purpose: one.purpose.as_deref() };
    let id = diary::take(called, at, details, today).await?;
    let message = words(called).say("moved", &[("at", &words(called).at(at, today))]);
    Ok(Reply { message, data: diary::appointment(id, at) })
}
