//! `secrets`: the keys that secrets in the database are sealed under.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use crate::crypto;

/// What is done.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Print a fresh master key; nothing is changed, and it is kept nowhere
    NewKey,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::NewKey => {
            let key = crypto::new_master_key();
            context.output.one(&json!({ "key": key.expose() }), |_| key.expose().to_owned())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
