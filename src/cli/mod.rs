//! The commands: one file each. Every command that prints data prints a table for people and JSON with `--json`.
//! Exit codes: 0 done; 1 the answer is no, or it failed; 2 the command line or the configuration is wrong.

mod agent;
mod audit;
mod balance;
mod bulk;
mod calls;
mod campaign;
mod cells;
mod charges;
mod config;
mod connection;
mod connection_add;
mod context;
mod credit;
mod crm;
mod dead;
mod demo;
mod doctor;
mod events;
mod failure;
mod filter;
mod input;
mod interrupts;
mod jobs;
mod leads;
mod migrate;
mod number;
mod output;
mod owner;
mod process;
mod reconcile;
mod rejections;
mod retention;
mod secrets;
mod sender;
mod serve;
mod setup;
mod spool;
mod stats;
mod story;
mod tenant;
mod tenant_rate;
mod tenant_settings;
#[cfg(test)]
mod tests;
mod token;
mod torture;
mod trigger;
mod user;
mod verify;
mod verify_token;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::Config;
use crate::dispatch::Registry;

pub use context::Context;
pub use output::Output;

/// Keeps the webhooks of voice platforms in Postgres, each exactly once, and turns them into calls and leads.
#[derive(Debug, Parser)]
#[command(name = "switchhook", version, propagate_version = true)]
struct Cli {
    /// The configuration file [default: $SWITCHHOOK_CONFIG, else ./config.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long, global = true, help_heading = "Global options")]
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
    /// Send the samples of every platform to the running service, scrambled and doubled, and show what they become
    Demo(demo::Args),
    /// Work off what is pending, once, and say what became of it
    Process(process::Args),
    /// Say how much is pending, processed, ignored and dead, by type, and how long events wait
    Stats(stats::Args),
    /// Look at events; replay and skip them
    #[command(subcommand)]
    Events(events::Command),
    /// Look at events that failed for good; redrive and discard them
    #[command(subcommand)]
    Dead(dead::Command),
    /// Jobs: what must happen next; look, do again, call off, pause
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Tenants: whose calls and leads they are
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Connections: who may send, and what proves it
    #[command(subcommand)]
    Connection(connection::Command),
    /// Our numbers: which tenant and campaign their calls belong to
    #[command(subcommand)]
    Number(number::Command),
    /// Our agents on the platforms: which tenant and campaign their calls belong to
    #[command(subcommand)]
    Agent(agent::Command),
    /// Campaigns: what a tenant's calls are for
    #[command(subcommand)]
    Campaign(campaign::Command),
    /// Credits: what tenants paid in
    #[command(subcommand)]
    Credit(credit::Command),
    /// Charges: what calls cost
    #[command(subcommand)]
    Charges(charges::Command),
    /// Say what is left of what tenants paid in
    Balance(balance::Args),
    /// Calls: which of them are one conversation
    #[command(subcommand)]
    Calls(calls::Command),
    /// Leads: the people who call
    #[command(subcommand)]
    Leads(leads::Command),
    /// The CRM: ask it for names, tell it of leads, see where it differs
    #[command(subcommand)]
    Crm(crm::Command),
    /// Ask a platform what calls there were, and fetch those whose webhooks never came
    Reconcile(reconcile::Args),
    /// Refused requests: look, and verify once more what was kept of them
    #[command(subcommand)]
    Rejections(rejections::Command),
    /// Rules: how long data is kept; take away what is older
    #[command(subcommand)]
    Retention(retention::Command),
    /// Tokens: who may use the API
    #[command(subcommand)]
    Token(token::Command),
    /// Users: people who log in with a password
    #[command(subcommand)]
    User(user::Command),
    /// The spool: webhooks that wait in files for the database
    #[command(subcommand)]
    Spool(spool::Command),
    /// Master keys: what secrets in the database are sealed under
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// The audit log: who changed what, and who looked at whom
    #[command(subcommand)]
    Audit(audit::Command),
    /// Send a sample to the running service, signed as its platform would
    Trigger(trigger::Args),
    /// Prove a captured request, without service and database
    Verify(verify::Args),
    /// Check the configuration, or print what counts
    #[command(subcommand)]
    Config(config::Command),
    /// Look for what is wrong, and for what may become wrong
    Doctor(doctor::Args),
    /// Break everything around the program while webhooks come in, and prove that nothing is lost or doubled
    Torture(torture::Args),
}

/// Every command, by its words: `serve`, `number add`. A test holds what each leaves in the operator log.
pub fn commands() -> Vec<String> {
    fn leaves(command: &clap::Command, words: &str, found: &mut Vec<String>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let words = format!("{words} {}", inner.get_name()).trim_start().to_owned();
            match inner.has_subcommands() {
                true => leaves(inner, &words, found),
                false => found.push(words),
            }
        }
    }
    let mut found = Vec::new();
    leaves(&Cli::command(), "", &mut found);
    found
}

/// Runs the command line of this process.
pub async fn main() -> ExitCode {
    main_with(|_| {}).await
}

/// The same, with handlers of yours: the whole program of a user who adds event types in Rust.
pub async fn main_with(extend: fn(&mut Registry)) -> ExitCode {
    let cli = Cli::parse();
    let config = match Config::load(cli.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(2, &error.into()),
    };
    let mut log = config.log.clone();
    if matches!(cli.command, Command::Demo(_)) && log.level == "info" {
        // Its own processor and runner would talk between the lines of the story.
        log.level = "error".to_owned();
    }
    if let Err(error) = crate::telemetry::init(&log) {
        return fail(2, &anyhow::anyhow!(error));
    }
    let mut context = Context::new(config, Output { json: cli.json }, extend).read_from(cli.config.clone());
    let result = run(cli.command, cli.config.as_deref(), &mut context).await;
    let stopped = context.close().await;
    match result.and_then(|code| stopped.map(|()| code)) {
        Ok(code) => code,
        Err(error) => fail(failure::code(&error), &error),
    }
}

async fn run(command: Command, config_file: Option<&Path>, context: &mut Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args, context).await,
        Command::Migrate => migrate::run(context).await,
        Command::Demo(args) => demo::run(args, context).await,
        Command::Process(args) => process::run(args, context).await,
        Command::Stats(args) => stats::run(&args, context).await,
        Command::Events(command) => events::run(command, context).await,
        Command::Dead(command) => dead::run(command, context).await,
        Command::Jobs(command) => jobs::run(command, context).await,
        Command::Tenant(command) => tenant::run(command, context).await,
        Command::Connection(command) => connection::run(command, context).await,
        Command::Number(command) => number::run(command, context).await,
        Command::Agent(command) => agent::run(command, context).await,
        Command::Campaign(command) => campaign::run(command, context).await,
        Command::Credit(command) => credit::run(command, context).await,
        Command::Charges(command) => charges::run(command, context).await,
        Command::Balance(args) => balance::run(args, context).await,
        Command::Calls(command) => calls::run(command, context).await,
        Command::Leads(command) => leads::run(command, context).await,
        Command::Crm(command) => crm::run(command, context).await,
        Command::Reconcile(args) => reconcile::run(args, context).await,
        Command::Rejections(command) => rejections::run(command, context).await,
        Command::Retention(command) => retention::run(command, context).await,
        Command::Token(command) => token::run(command, context).await,
        Command::User(command) => user::run(command, context).await,
        Command::Spool(command) => spool::run(command, context).await,
        Command::Secrets(command) => secrets::run(command, context).await,
        Command::Audit(command) => audit::run(command, context).await,
        Command::Trigger(args) => trigger::run(&args, context).await,
        Command::Verify(args) => verify::run(args, context),
        Command::Config(command) => config::run(command, config_file, context),
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::Torture(args) => torture::run(args, context).await,
    }
}

#[expect(clippy::print_stderr, reason = "this is where a person reads why the command failed")]
fn fail(code: u8, error: &anyhow::Error) -> ExitCode {
    eprintln!("switchhook: {}", failure::text(error));
    ExitCode::from(code)
}
