//! `request_callback`: a person should call back.

use chrono::NaiveTime;
use futures_util::FutureExt;

use super::note::{self, Note};
use super::{NOTE_CHARS_MAX, PHONE, contact, today, words, write_contact};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop, Writing};
use crate::domain::{LeadRow, LeadStage};

pub(super) fn function() -> Function {
    Function {
        name: "request_callback".to_owned(),
        description: "Asks a colleague to call the caller back.".to_owned(),
        parameters: vec![
            Parameter::required("reason", ParameterKind::Text(NOTE_CHARS_MAX), "What the call is to be about"),
            Parameter::optional("date", ParameterKind::Date, "The day on which they want to be called, as YYYY-MM-DD"),
            Parameter::optional("time", ParameterKind::Time, "The time at which they want to be called, as HH:MM"),
            PHONE,
        ],
        writes: Some(Writing::Callback),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    let contact = contact(called)?;
    let today = today(called).await?;
    let args = called.args;
    let (date, time) = (args.date("date"), args.time("time"));
    let wanted_at = date.or(time.map(|_| today)).map(|date| date.and_time(time.unwrap_or(NaiveTime::MIN)));
    let body = args.text("reason").unwrap_or_default();
    let note_id = note::add(called, &contact, Note { kind: "callback", body, wanted_at }).await?;
    write_contact(called, contact, |lead| LeadRow { stage: Some(LeadStage::Engaged), ..lead }).await?;
    note::tell(called, note_id).await?;
    let message = match (wanted_at, time) {
        (Some(at), Some(_)) => words(called).say("callback_at", &[("at", &words(called).at(at, today))]),
        (Some(at), None) => words(called).say("callback_at", &[("at", &words(called).date(at.date(), today))]),
        (None, _) => words(called).say("callback", &[]),
    };
    Ok(Reply { message, ..Reply::default() })
}
