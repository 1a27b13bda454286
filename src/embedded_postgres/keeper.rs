//! The keeper: a tiny shell process between us and Postgres that stops Postgres when we are gone, even by `kill -9`.
//! It has a process group of its own, so that Ctrl-C in the terminal reaches the program alone, which then stops
//! Postgres when its own work is done.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::account::Account;

/// How often a keeper is asked whether its command has ended.
const POLL: Duration = Duration::from_millis(10);

/// What the keeper does when we are gone.
#[derive(Debug)]
pub(super) struct Last {
    /// The signal that its command gets: `INT` is Postgres' fast shutdown, `QUIT` the immediate one.
    pub signal: &'static str,
    /// What it deletes afterwards.
    pub doomed: [Option<PathBuf>; 2],
}

/// A running keeper. To drop it is to be gone. It is a plain child, of no async runtime, so that a cluster can outlive
/// the runtime which started it.
#[derive(Debug)]
pub(super) struct Keeper {
    child: Child,
    pipe: ChildStdin,
}

impl Keeper {
    /// Runs a command under a keeper, as this user. The lock is held until the keeper ends.
    pub fn spawn(account: &Account, command: &Command, last: &Last, lock: &File, log: File) -> io::Result<Self> {
        let mut sh = account.command("/bin/sh");
        sh.args(["-c", include_str!("keeper.sh"), "switchhook-keeper", last.signal]);
        for folder in &last.doomed {
            sh.arg(folder.as_deref().map_or_else(Default::default, |folder| folder.as_os_str()));
        }
        sh.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                sh.env(name, value);
            }
        }
        sh.process_group(0).stdin(Stdio::piped()).stdout(lock.try_clone()?).stderr(log);
        let mut child = sh.spawn()?;
        let pipe = child.stdin.take().ok_or_else(|| io::Error::other("the keeper has no standard input"))?;
        Ok(Self { child, pipe })
    }

    /// How the command ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Has the command signalled. An error means that it is gone already, which [`Keeper::wait`] will tell.
    pub fn signal(&mut self, name: &str) {
        drop(self.pipe.write_all(format!("{name}\n").as_bytes()));
    }

    /// Waits for the command to end; nothing after the limit.
    pub async fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
