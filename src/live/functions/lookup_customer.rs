//! `lookup_customer`: who is on the line, and what we spoke about.

use futures_util::FutureExt;

use super::{phone, words};
use crate::dispatch::{Called, Function, Reply, Run, Stop};
use crate::live::{memory, variables};

pub(super) fn function() -> Function {
    Function {
        name: "lookup_customer".to_owned(),
        description:
            "Says who the caller is and what is known of them: earlier calls, notes, appointments. Call it when \
                      you do not know who you are speaking with."
                .to_owned(),
        parameters: Vec::new(),
        writes: None,
        run: Run::Rust(|called| run(called).boxed()),
    }
}

async fn run(called: &mut Called<'_>) -> Result<Reply, Stop> {
    let phone = phone(called)?;
    let memory = memory::recall(called.connection, called.ids, called.tenant, Some(&phone), called.now).await?;
    called.reveals = true;
    let variables = variables::variables(&memory, called.tenant);
    let summary = variables.get("customer_summary").map_or("", String::as_str);
    let message = words(called).say("found", &[("summary", summary)]);
    let data = variables.into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(Reply { message, data })
}
