//! Signals: SIGTERM and Ctrl-C stop the program, SIGHUP has it read again what can be read again.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Context;
use super::work::STOP_TIMEOUT;
use crate::config::Config;
use crate::crypto::{KeyError, Keys};
use crate::db::Link;
use crate::telemetry;

/// How often a database that was away is asked for its keys.
const KEY_POLL: Duration = Duration::from_secs(1);
/// How much longer than all its parts stopping may take, whatever hangs.
const GRACE: Duration = Duration::from_secs(5);

/// Who told the program to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A supervisor, whose balancer may still send requests.
    Terminate,
    /// A person at the terminal.
    Interrupt,
}

/// The first signal stops gently, the second at once.
pub(super) struct Interrupts {
    terminate: Signal,
    interrupt: Signal,
    /// How long stopping may take.
    deadline: Duration,
}

impl Interrupts {
    /// Listens. A hangup is minded from now on.
    pub(super) fn new(context: &Context) -> anyhow::Result<Self> {
        let http = &context.config.http;
        let mut hangup = signal(SignalKind::hangup())?;
        let (link, file) = (context.link.clone(), context.config_file.clone());
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                reload(&link, file.as_deref());
            }
        });
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            deadline: http.drain_delay + http.shutdown_timeout * 2 + STOP_TIMEOUT + GRACE,
        })
    }

    async fn first(&mut self) -> Told {
        let told = tokio::select! {
            _ = self.terminate.recv() => Told::Terminate,
            _ = self.interrupt.recv() => Told::Interrupt,
        };
        self.stop_in_any_case();
        told
    }

    /// The same; or an error, if a database that came later turns out to be sealed under another key.
    pub(super) async fn first_or_wrong_key(
        &mut self,
        keys: &Keys,
        pool: &sqlx::PgPool,
        link: &Link,
    ) -> anyhow::Result<Told> {
        let wrong_key = async {
            loop {
                match link.watched(keys.load(pool)).await {
                    Ok(_) => std::future::pending().await,
                    Err(error) if KeyError::of(&error).is_some() => return error,
                    Err(_) => tokio::time::sleep(KEY_POLL).await,
                }
            }
        };
        tokio::select! {
            told = self.first() => Ok(told),
            error = wrong_key => Err(error.into()),
        }
    }

    /// From now on the process ends when it is told so again, and when stopping takes too long: a supervisor that has to
    /// kill it learns nothing.
    fn stop_in_any_case(&mut self) {
        let deadline = self.deadline;
        std::thread::spawn(move || {
            std::thread::sleep(deadline);
            tracing::error!(?deadline, "stopping took too long: stopping at once");
            std::process::exit(1);
        });
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("told to stop again: stopping at once");
            std::process::exit(1);
        });
    }
}

/// What counts from now on, and what does not.
fn reload(link: &Link, file: Option<&std::path::Path>) {
    match Config::load(file) {
        Ok(config) => {
            telemetry::set_level(&config.log);
            link.renew();
            tracing::info!(
                "told to read again: log.level counts, and connections to Postgres are made anew with the password \
                            as it is now; other settings count after a restart"
            );
        }
        Err(error) => tracing::error!(%error, "the configuration is wrong, and nothing was changed"),
    }
}
