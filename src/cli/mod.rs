//! The commands: one file each. Every command that prints data prints a table for people and JSON with `--json`.
//! Exit codes: 0 done; 1 the answer is no, or it failed; 2 the command line or the configuration is wrong.

mod context;
mod migrate;
mod output;
mod process;
mod serve;
mod setup;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

pub use context::Context;
pub use output::Output;

/// Keeps the webhooks of voice platforms in Postgres, each exactly once, and turns them into calls and leads.
#[derive(Debug, Parser)]
#[command(name = "switchhook", version, propagate_version = true)]
struct Cli {
    /// The configuration file [default: $SWITCHHOOK_CONFIG, else ./config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take webhooks in and work them off, until told to stop
    Serve(serve::Args),
    /// Bring the database's schema up to date
    Migrate,
    /// Work off what is pending, once, and say what became of it
    Process(process::Args),
}

/// Runs the command line of this process.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match Config::load(cli.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(2, &error.into()),
    };
    if let Err(error) = crate::telemetry::init(&config.log) {
        return fail(2, &anyhow::anyhow!(error));
    }
    let mut context = Context::new(config, Output { json: cli.json });
    let result = run(cli.command, &mut context).await;
    let stopped = context.close().await;
    match result.and_then(|code| stopped.map(|()| code)) {
        Ok(code) => code,
        Err(error) => fail(1, &error),
    }
}

async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args, context).await,
        Command::Migrate => migrate::run(context).await,
        Command::Process(args) => process::run(args, context).await,
    }
}

#[expect(clippy::print_stderr, reason = "this is where a person reads why the command failed")]
fn fail(code: u8, error: &anyhow::Error) -> ExitCode {
    eprintln!("switchhook: {error:#}");
    ExitCode::from(code)
}
