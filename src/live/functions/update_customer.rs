//! `update_customer`: what the caller says of themselves.

use futures_util::FutureExt;

use super::note::{self, Note};
use super::{NAME_CHARS_MAX, NOTE_CHARS_MAX, verified, words, write_lead};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop, Writing};
use crate::domain::{LeadRow, Ranked, Weight};
use crate::redact::{Email, PersonName};

pub(super) fn function() -> Function {
    Function {
        name: "update_customer".to_owned(),
        description: "Writes down the caller's name, e-mail address or preferences, as they say them.".to_owned(),
        parameters: vec![
            Parameter::optional("name", ParameterKind::Text(NAME_CHARS_MAX), "The caller's name"),
            Parameter::optional("email", ParameterKind::Email, "The caller's e-mail address"),
            Parameter::optional(
                "preferences",
                ParameterKind::Text(NOTE_CHARS_MAX),
                "What the caller prefers, such as mornings, or a certain colleague",
            ),
        ],
        writes: Some(Writing::Note),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    let contact = verified(called)?;
    let args = called.args;
    let (name, email, preferences) = (args.text("name"), args.text("email"), args.text("preferences"));
    if name.or(email).or(preferences).is_none() {
        return Err(Stop::refused(words(called).say("nothing_to_update", &[])));
    }
    if let Some(body) = preferences {
        note::add(called, &contact, Note { kind: "preference", body, wanted_at: None }).await?;
    }
    let now = Some(called.now);
    write_lead(called, contact.phone, |lead| LeadRow {
        name: name.map(|name| Ranked::new(Weight::WHOLE, now, PersonName::new(name))),
        email: email.map(|email| Ranked::new(Weight::WHOLE, now, Email::new(email))),
        ..lead
    })
    .await?;
    Ok(Reply { message: words(called).say("updated", &[]), ..Reply::default() })
}
