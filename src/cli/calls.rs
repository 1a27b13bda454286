//! `calls`: which of them are one conversation.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::Context;
use crate::store::conversations::{self, Decision};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Two calls are one conversation, which two platforms saw
    Join(Pair),
    /// Two calls are two, whatever their numbers and times say
    Part(Pair),
    /// Take such a decision back: numbers and times count again
    Auto(Pair),
}

/// Two calls of one tenant.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Pair {
    /// The id of a call
    call: Uuid,
    /// The id of another
    other: Uuid,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let (pair, decision, done) = match command {
        Command::Join(pair) => (pair, Decision::Same, "they are one conversation"),
        Command::Part(pair) => (pair, Decision::Two, "they are two"),
        Command::Auto(pair) => (pair, Decision::Auto, "their numbers and times count again"),
    };
    let changed = conversations::decide(&pool, pair.call, pair.other, decision, &context.scope()).await?;
    match decision {
        Decision::Auto => anyhow::ensure!(changed, "nobody had decided anything of these two"),
        Decision::Same | Decision::Two => anyhow::ensure!(changed, "these are not two calls of one tenant"),
    }
    context.output.one(&json!({ "calls": [pair.call, pair.other] }), |_| done.to_owned())?;
    Ok(ExitCode::SUCCESS)
}
