//! `process`: works off what is pending, once.

use std::process::ExitCode;

use super::Context;
use crate::store::follow;

/// What is worked off.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Events at most
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    max_events: u64,
    /// Events in one transaction at most [default: processor.batch_size]
    #[arg(long)]
    batch_size: Option<u32>,
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(args.batch_size != Some(0), "--batch-size must be at least 1");
    let processor = context.processor().await?;
    let batch_size = args.batch_size.unwrap_or(processor.settings.batch_size);
    let report = processor.drain(args.max_events, batch_size).await?;
    // Where only this is run, nobody else parses what was said.
    follow::drain(&processor.pool).await?;
    context.output.one(&report, |report| {
        format!(
            "processed {}, failed {}, ignored {}, dead {}",
            report.processed, report.failed, report.ignored, report.dead
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
