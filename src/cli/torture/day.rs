//! The bad days: what each is, how it begins, and how its cause ends.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::stage::Stage;

/// Kills in a day.
const KILLS: u32 = 3;

/// A bad day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Day {
    /// Nothing happens
    Calm,
    /// The endpoint is killed three times, and started again
    KillEndpoint,
    /// So is the worker
    KillWorker,
    /// All connections to Postgres end
    Cut,
    /// All connections to Postgres stay open and say nothing more; new ones are well
    SilentConnections,
    /// Postgres says nothing, also on new connections
    SilentServer,
    /// Nobody listens where Postgres was
    Gone,
    /// Postgres takes no changes, as after a failover to a standby
    ReadOnly,
    /// Postgres crashes, and recovers (a private one only)
    Crash,
    /// Postgres says nothing for as long as --outage says
    Outage,
    /// The primary dies, and its standby is promoted (a private one only)
    Failover,
    /// The disk of Postgres is full (needs --small-disk)
    DiskFull,
}

impl Day {
    /// As it is typed.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether the endpoint itself is away in it, so that webhooks are not answered at all.
    pub(super) fn stops_endpoint(self) -> bool {
        self == Self::KillEndpoint
    }

    /// Lets it be, for so long, and returns when its cause has ended.
    pub(super) async fn pass(self, stage: &mut Stage, each: Duration, outage: Duration) -> anyhow::Result<()> {
        match self {
            Self::Calm => tokio::time::sleep(each).await,
            Self::KillEndpoint | Self::KillWorker => {
                for _ in 0..KILLS {
                    tokio::time::sleep(each / KILLS).await;
                    if self == Self::KillEndpoint { stage.kill_endpoint().await? } else { stage.kill_worker().await? }
                }
            }
            Self::Cut => {
                stage.stand.line.cut();
                tokio::time::sleep(each).await;
                stage.stand.line.cut();
            }
            Self::SilentConnections => {
                stage.stand.line.silence_open();
            }
            Self::SilentServer | Self::Outage => {
                stage.stand.line.silence_all();
                tokio::time::sleep(if self == Self::Outage { outage } else { each }).await;
                stage.stand.line.let_new_through();
            }
            Self::Gone => {
                stage.stand.line.shut();
                tokio::time::sleep(each).await;
                stage.stand.line.let_new_through();
            }
            Self::ReadOnly => {
                stage.stand.set_read_only(true).await?;
                tokio::time::sleep(each).await;
                stage.stand.set_read_only(false).await?;
            }
            Self::Crash => stage.stand.crash().await?,
            Self::Failover => {
                stage.stand.follow().await?;
                tokio::time::sleep(each).await;
                stage.stand.fail_over().await?;
            }
            Self::DiskFull => {
                stage.stand.fill_disk()?;
                tokio::time::sleep(each).await;
                stage.stand.free_disk().await?;
            }
        }
        Ok(())
    }
}
