//! `flag_for_review`: a person should look at this.

use futures_util::FutureExt;

use super::note::{self, Note};
use super::{NOTE_CHARS_MAX, verified, words, write_lead};
use crate::dispatch::{Called, Function, Parameter, ParameterKind, Reply, Run, Stop, Writing};

pub(super) fn function() -> Function {
    Function {
        name: "flag_for_review".to_owned(),
        description: "Asks a colleague to look at this call: a complaint, a dispute, something you may not decide."
            .to_owned(),
        parameters: vec![Parameter::required(
            "reason",
            ParameterKind::Text(NOTE_CHARS_MAX),
            "What a colleague should look at, and why",
        )],
        writes: Some(Writing::Flag),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    let contact = verified(called)?;
    let body = called.args.text("reason").unwrap_or_default();
    let note_id = note::add(called, &contact, Note { kind: "flag", body, wanted_at: None }).await?;
    write_lead(called, contact.phone, |lead| lead).await?;
    note::tell(called, note_id).await?;
    Ok(Reply { message: words(called).say("flagged", &[]), ..Reply::default() })
}
