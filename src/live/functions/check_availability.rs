//! `check_availability`: when one can come.

use futures_util::FutureExt;

use super::{diary, today, words};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop};

pub(super) fn function() -> Function {
    Function {
        name: "check_availability".to_owned(),
        description: "Says which appointments are free on a day; without a day, today or the next day with one."
            .to_owned(),
        parameters: vec![Parameter::optional("date", ParameterKind::Date, "The day, as YYYY-MM-DD")],
        writes: None,
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    diary::must_be_open(called)?;
    let today = today(called).await?;
    let day = called.args.date("date").unwrap_or(today);
    let slots = diary::of_day(called, day).await?;
    if slots.is_empty() {
        return Ok(diary::nothing(called, day, today).await?);
    }
    let times = words(called).times(slots.iter().map(|slot| slot.local_at));
    Ok(Reply { message: words(called).say("slots", &[("times", &times)]), data: diary::told(&slots) })
}
