//! `cancel_appointment`: calls the caller's appointment off.

use futures_util::FutureExt;

use super::{diary, phone, today, words};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop, Writing};

pub(super) fn function() -> Function {
    Function {
        name: "cancel_appointment".to_owned(),
        description: "Cancels an appointment of the caller's. With several, name the day, and the time if need be."
            .to_owned(),
        parameters: vec![
            Parameter::optional("date", ParameterKind::Date, "The day of the appointment, as YYYY-MM-DD"),
            Parameter::optional("time", ParameterKind::Time, "The time of the appointment, as HH:MM"),
        ],
        writes: Some(Writing::Change),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    let phone = phone(called)?;
    let today = today(called).await?;
    let theirs = diary::theirs(called, &phone).await?;
    let one = diary::pick(theirs, called.args.date("date"), called.args.time("time"), today, called)?;
    let moved_to: Option<uuid::Uuid> = None;
    sqlx::query_file!("sql/live/cancel.sql", one.id, called.tenant.id, called.now, moved_to)
        .execute(&mut *called.connection)
        .await?;
    let message = words(called).say("cancelled", &[("at", &words(called).at(one.local_at, today))]);
    Ok(Reply { message, data: diary::appointment(one.id, one.local_at) })
}
