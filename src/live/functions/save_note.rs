//! `save_note`: what should be known when this person calls again.

use futures_util::FutureExt;

use super::note::{self, Note};
use super::{NOTE_CHARS_MAX, verified, words, write_lead};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop, Writing};

pub(super) fn function() -> Function {
    Function {
        name: "save_note".to_owned(),
        description: "Writes down something about the caller that should be known in later calls.".to_owned(),
        parameters: vec![Parameter::required(
            "note",
            ParameterKind::Text(NOTE_CHARS_MAX),
            "What to write down, in a sentence or two",
        )],
        writes: Some(Writing::Note),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    let contact = verified(called)?;
    let body = called.args.text("note").unwrap_or_default();
    note::add(called, &contact, Note { kind: "note", body, wanted_at: None }).await?;
    write_lead(called, contact.phone, |lead| lead).await?;
    Ok(Reply { message: words(called).say("noted", &[]), ..Reply::default() })
}
