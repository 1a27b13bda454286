//! `opt_out`: the caller wants no more messages.

use futures_util::FutureExt;

use super::{phone, words, write_lead};
use crate::dispatch::{Called, Function, Reply, Run, Stop, Writing};
use crate::domain::{LeadRow, Ranked};

pub(super) fn function() -> Function {
    Function {
        name: "opt_out".to_owned(),
        description:
            "Takes the caller off all messages. Call it when they ask not to be written to or called any more."
                .to_owned(),
        parameters: Vec::new(),
        writes: Some(Writing::OptOut),
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    let (phone, now) = (phone(called)?, called.now);
    // The latest word counts, as with a message that says "stop".
    write_lead(called, phone, |lead| LeadRow { opted_out: Some(Ranked::latest(Some(now), true)), ..lead }).await?;
    Ok(Reply { message: words(called).say("opted_out", &[]), ..Reply::default() })
}
