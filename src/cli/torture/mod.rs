//! `torture`: breaks everything around the program while webhooks come in, and proves that nothing is lost or doubled.

mod bodies;
mod day;
mod judge;
mod load;
mod program;
mod stage;
mod stand;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum as _;
use serde::Serialize;

use self::day::Day;
use self::judge::Verdict;
use self::stage::{Row, Stage};
use self::stand::Stand;
use super::{Context, Output, cells, input};

/// The platform whose webhooks are sent.
const PLATFORM: &str = "retell";
/// The schema that it happens in.
const SCHEMA: &str = "switchhook_torture";

/// What is broken, and for how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Postgres that it is done to [default: a private one, which is deleted afterwards]
    #[arg(long, value_name = "URL", requires = "i_know_this_database_is_scratch")]
    database_url: Option<String>,
    /// Yes: all that use this database are disturbed, and its schema `switchhook_torture` is dropped
    #[arg(long)]
    i_know_this_database_is_scratch: bool,
    /// Webhooks a second
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// How long each bad day lasts
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = input::duration)]
    each: Duration,
    /// How long the outage lasts
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = input::duration)]
    outage: Duration,
    /// Only these bad days, in this order; a failover comes last
    #[arg(long, value_name = "DAY", value_delimiter = ',')]
    only: Vec<Day>,
    /// How often all of them come
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// An empty directory on a disk of its own that may be filled, of 500 MB or so: for the day on which it is full
    #[arg(long, value_name = "DIR", conflicts_with = "database_url")]
    small_disk: Option<PathBuf>,
}

/// What became of it.
#[derive(Default, Serialize)]
struct Report {
    days: Vec<Row>,
    verdicts: Vec<Verdict>,
    not_tried: Vec<String>,
}

impl Report {
    fn is_good(&self) -> bool {
        self.days.iter().all(Row::is_good) && self.verdicts.iter().all(Verdict::is_good)
    }
}

pub(super) async fn run(args: Args, context: &mut Context) -> anyhow::Result<ExitCode> {
    let folder = std::env::temp_dir().join(format!("switchhook-torture-{}", std::process::id()));
    std::fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
    let mut report = Report::default();
    let result = all(&args, &folder, context.output, &mut report).await;
    show(&report, context.output)?;
    if result.is_ok() {
        context.output.say(if report.is_good() { "all is as it must be" } else { "NOT all is as it must be" })?;
    }
    match result {
        Ok(()) if report.is_good() => {
            std::fs::remove_dir_all(&folder)?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(()) => {
            context.output.say(&format!("the logs of the processes lie in {}", folder.display()))?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.context(format!("the logs of the processes lie in {}", folder.display()))),
    }
}

async fn all(args: &Args, folder: &Path, output: Output, report: &mut Report) -> anyhow::Result<()> {
    let (small, mut days): (Vec<Day>, Vec<Day>) = match args.only.is_empty() {
        true => Day::value_variants().iter().copied().partition(|day| *day == Day::DiskFull),
        false => args.only.iter().copied().partition(|day| *day == Day::DiskFull),
    };
    if !days.is_empty() {
        let stand = match &args.database_url {
            Some(url) => Stand::of(url).await?,
            None => Stand::private(folder, false).await?,
        };
        days.retain(|day| match trouble(*day, &stand) {
            None => true,
            Some(why) => {
                report.not_tried.push(format!("{}: {why}", day.name()));
                false
            }
        });
        days.sort_by_key(|day| *day == Day::Failover);
        play(args, &days, stand, folder, output, report).await?;
    }
    match &args.small_disk {
        Some(disk) if !small.is_empty() => {
            let logs = folder.join("small");
            std::fs::create_dir(&logs)?;
            let stand = Stand::private(disk, true).await?;
            play(args, &small, stand, &logs, output, report).await?;
        }
        None if !small.is_empty() => report.not_tried.push("disk-full: no --small-disk".to_owned()),
        _ => {}
    }
    Ok(())
}

/// Why this day cannot be had with this Postgres.
fn trouble(day: Day, stand: &Stand) -> Option<&'static str> {
    match day {
        Day::Crash | Day::Failover if !stand.is_private() => Some("the server is not ours"),
        Day::Failover if !stand.can_be_followed() => Some("this Postgres has no pg_basebackup"),
        _ => None,
    }
}

async fn play(
    args: &Args,
    days: &[Day],
    stand: Stand,
    folder: &Path,
    output: Output,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut stage = Stage::set(stand, folder, args.rate).await?;
    let played = tokio::select! {
        played = live(args, days, &mut stage, output, report) => played,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Err(error) = played {
        stage.give_up().await;
        return Err(error);
    }
    report.verdicts.push(stage.judge(output).await?);
    Ok(())
}

async fn live(args: &Args, days: &[Day], stage: &mut Stage, output: Output, report: &mut Report) -> anyhow::Result<()> {
    for round in 1..=args.rounds {
        // Last of all: its standby is used up then, and is not behind the line.
        for day in days.iter().filter(|day| round == args.rounds || **day != Day::Failover) {
            let row = stage.live_through(*day, args.each, args.outage).await;
            let row = row.with_context(|| format!("on the day {}", day.name()))?;
            output.say(&format!(
                "{}: {} stored, {} spooled; files empty after {}, events handled after {}, jobs done after {}",
                day.name(),
                row.stored,
                row.spooled,
                seconds_or_never(row.drained_ms),
                seconds_or_never(row.handled_ms),
                seconds_or_never(row.worked_off_ms),
            ))?;
            report.days.push(row);
        }
    }
    Ok(())
}

fn show(report: &Report, output: Output) -> anyhow::Result<()> {
    if output.json {
        return output.one(report, |_| String::new());
    }
    let columns = [
        "day",
        "lasted",
        "stored",
        "spooled",
        "refused",
        "unanswered",
        "slowest answer",
        "stored again after",
        "files empty after",
        "events handled after",
        "jobs done after",
    ];
    let count = |count: u64| cells::count(i64::try_from(count).unwrap_or(i64::MAX));
    output.list(&columns, &report.days, |row| {
        vec![
            row.day.name(),
            seconds(row.lasted_ms),
            count(row.stored),
            count(row.spooled),
            row.last_refusal.map_or_else(|| count(row.refused), |status| format!("{} ({status})", count(row.refused))),
            count(row.unanswered),
            seconds(row.slowest_ms),
            seconds_or_never(row.stored_again_ms),
            seconds_or_never(row.drained_ms),
            seconds_or_never(row.handled_ms),
            seconds_or_never(row.worked_off_ms),
        ]
    })?;
    for line in &report.not_tried {
        output.say(&format!("not tried: {line}"))?;
    }
    for verdict in &report.verdicts {
        output.say(&format!(
            "{} webhooks sent: {} never taken, {} lost, {} doubled\n{} bad ones, {} of them not dead; {} good ones dead\n\
             {} people written to, {} more than once\n{} rows, {} of them not as in the calm run",
            count(verdict.sent),
            verdict.never_taken,
            verdict.lost,
            verdict.doubled,
            count(verdict.bad),
            verdict.bad_and_not_dead,
            verdict.good_and_dead,
            count(verdict.people),
            verdict.people_written_to_again,
            count(verdict.rows),
            verdict.rows_that_differ,
        ))?;
    }
    Ok(())
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}

fn seconds_or_never(ms: Option<u64>) -> String {
    ms.map_or_else(|| "never".to_owned(), seconds)
}
