//! `book_appointment`: takes a free slot.

use futures_util::FutureExt;

use super::{APPOINTMENTS_MAX, NAME_CHARS_MAX, PHONE, contact, diary, today, words, write_contact};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop, Writing};
use crate::domain::{LeadRow, LeadStage, Ranked, Weight};
use crate::redact::PersonName;

pub(super) fn function() -> Function {
    Function {
        name: "book_appointment".to_owned(),
        description: "Books an appointment for the caller. Say the day and time back to them and let them agree first."
            .to_owned(),
        parameters: vec![
            Parameter::required("date", ParameterKind::Date, "The day, as YYYY-MM-DD"),
            Parameter::required("time", ParameterKind::Time, "The time by our clock, as HH:MM"),
            Parameter::optional("name", ParameterKind::Text(NAME_CHARS_MAX), "The caller's name"),
            Parameter::optional("purpose", ParameterKind::Text(NAME_CHARS_MAX), "What the appointment is about"),
            PHONE,
        ],
        writes: Some(Writing::Booking),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    diary::must_be_open(called)?;
    let contact = contact(called)?;
    let (Some(date), Some(time)) = (called.args.date("date"), called.args.time("time")) else {
        return Err(Stop::refused(words(called).say("failed", &[])));
    };
    let (at, today) = (date.and_time(time), today(called).await?);
    // What is booked under a number is read to nobody but its owner.
    let theirs = if contact.is_unverified { Vec::new() } else { diary::theirs(called, &contact.phone).await? };
    // An agent that was not sure whether it worked asks again.
    if let Some(one) = theirs.iter().find(|one| one.local_at == at) {
        let message = words(called).say("already_booked", &[("at", &words(called).at(at, today))]);
        return Err(Stop::AlreadyDone(Reply { message, data: diary::appointment(one.id, at) }));
    }
    // What others booked under this number does not keep its owner from booking.
    if theirs.iter().filter(|one| !one.is_unverified).count() >= APPOINTMENTS_MAX {
        return Err(Stop::refused(words(called).say("too_many", &[])));
    }
    let args = called.args;
    let details = diary::Details { contact: &contact, name: args.text("name"), purpose: args.text("purpose") };
    let id = diary::take(called, at, details, today).await?;
    let (name, now) = (args.text("name").map(PersonName::new), called.now);
    write_contact(called, contact, |lead| LeadRow {
        name: name.map(|name| Ranked::new(Weight::WHOLE, Some(now), name)),
        stage: Some(LeadStage::Engaged),
        ..lead
    })
    .await?;
    let message = words(called).say("booked", &[("at", &words(called).at(at, today))]);
    Ok(Reply { message, data: diary::appointment(id, at) })
}
