//! `spool`: webhooks that wait in files for the database. Works without a running service, and beside one.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde::Serialize;
use uuid::Uuid;

use super::{Context, cells};
use crate::spool::{self, Directory, Holds};

/// What is done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what waits, in which directory, and whether a process has it
    Status,
    /// List the webhooks that wait, the oldest first; never what they say
    Show {
        /// Webhooks at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Store what processes have left that are gone; one that runs drains its own
    Drain,
}

pub(super) async fn run(command: Command, context: &mut Context) -> anyhow::Result<ExitCode> {
    let settings = context.spool_settings().context("there is no spool: spool.dir is not set")?;
    let dir = settings.dir.clone();
    match command {
        Command::Status => status(&dir, context),
        Command::Show { limit } => show(&dir, limit, context),
        Command::Drain => drain(&dir, context).await,
    }
}

/// A directory, and what it holds.
#[derive(Serialize)]
struct DirectoryRow {
    directory: PathBuf,
    is_in_use: bool,
    #[serde(flatten)]
    holds: Holds,
}

fn status(dir: &std::path::Path, context: &Context) -> anyhow::Result<ExitCode> {
    let mut rows = Vec::new();
    for path in spool::directories(dir)? {
        let is_in_use = Directory::lock(&path)?.is_none();
        rows.push(DirectoryRow { holds: spool::holds(&path)?, is_in_use, directory: path });
    }
    let columns = ["directory", "in use", "webhooks", "bytes", "since", "bytes set aside"];
    context.output.list(&columns, &rows, |row| {
        vec![
            row.directory.display().to_string(),
            if row.is_in_use { "yes" } else { "no" }.to_owned(),
            cells::count(i64::try_from(row.holds.records).unwrap_or(i64::MAX)),
            cells::count(i64::try_from(row.holds.bytes).unwrap_or(i64::MAX)),
            cells::time_or_dash(row.holds.oldest_at),
            cells::count(i64::try_from(row.holds.set_aside_bytes).unwrap_or(i64::MAX)),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A webhook that waits, without what it says.
#[derive(Serialize)]
struct RecordRow {
    received_at: Option<DateTime<Utc>>,
    event_id: Option<Uuid>,
    platform: String,
    event_type: String,
    bytes: usize,
    trouble: Option<String>,
}

fn show(dir: &std::path::Path, limit: usize, context: &Context) -> anyhow::Result<ExitCode> {
    let (keys, mut rows) = (context.keys()?, Vec::new());
    for path in spool::directories(dir)? {
        spool::read_directory(&path, &keys, limit.saturating_sub(rows.len()), |found| {
            rows.push(match found {
                Ok(record) => RecordRow {
                    received_at: Some(record.received_at),
                    event_id: Some(record.event.id),
                    platform: record.event.provider.into_owned(),
                    event_type: crate::redact::scrub(&record.event.event_type),
                    bytes: record.event.payload.len() + record.audio.map_or(0, |audio| audio.bytes.len()),
                    trouble: None,
                },
                Err(trouble) => RecordRow {
                    received_at: None,
                    event_id: None,
                    platform: String::new(),
                    event_type: String::new(),
                    bytes: 0,
                    trouble: Some(trouble),
                },
            });
        })?;
    }
    context.output.list(&["received", "event", "platform", "type", "bytes", "trouble"], &rows, |row| {
        vec![
            cells::time_or_dash(row.received_at),
            row.event_id.map_or_else(String::new, |id| id.to_string()),
            row.platform.clone(),
            row.event_type.clone(),
            cells::count(i64::try_from(row.bytes).unwrap_or(i64::MAX)),
            row.trouble.clone().unwrap_or_default(),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What was drained.
#[derive(Serialize)]
struct DrainReport {
    #[serde(flatten)]
    drained: spool::Drained,
    in_use: usize,
}

async fn drain(dir: &std::path::Path, context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.ready_pool().await?;
    let keys = context.keys()?;
    let mut report = DrainReport { drained: spool::Drained::default(), in_use: 0 };
    for path in spool::directories(dir)? {
        match Directory::lock(&path)? {
            None => report.in_use += 1,
            Some(directory) => {
                report.drained += spool::drain_directory(&directory, &keys, &pool, &context.link).await?;
            }
        }
    }
    context.output.one(&report, |report| {
        let DrainReport { drained, in_use } = report;
        format!(
            "stored {}, set aside {}; {in_use} directories are in use, and their processes drain them",
            drained.stored, drained.set_aside
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
