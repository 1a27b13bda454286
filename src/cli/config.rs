//! `config`: whether the configuration is right, and what counts.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::failure::Usage;
use crate::config::Sources;

/// What is done.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Say whether the configuration is right: exit code 0, or 2 and what is wrong
    Check,
    /// Print the configuration that counts: defaults, file and environment; secrets are masked
    Print,
}

pub(super) fn run(command: Command, file: Option<&Path>, context: &Context) -> anyhow::Result<ExitCode> {
    // Before it came to a command, the configuration was read and every value was checked.
    let sources = Sources::read(file).map_err(|error| Usage::error(error.to_string()))?;
    match command {
        Command::Check => {
            context.registry().map_err(|error| Usage::error(format!("{error:#}")))?;
            let name = sources.file_name();
            context.output.one(&json!({ "right": true, "file": name }), |_| {
                format!("the configuration is right ({})", name.unwrap_or("no file: the defaults and the environment"))
            })?;
        }
        Command::Print => {
            let table = sources.effective().map_err(|error| Usage::error(error.to_string()))?;
            let text = toml::to_string(&table)?;
            context.output.one(&table, |_| text.trim_end().to_owned())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
