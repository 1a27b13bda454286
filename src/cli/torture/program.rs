//! The program that is tortured: processes of this same executable, with nothing of our environment.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::process::{Child, Command};

/// How long it may take to start.
const START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// How processes are started.
#[derive(Clone)]
pub(super) struct Launcher {
    /// This program.
    pub(super) executable: PathBuf,
    /// Where their logs lie.
    pub(super) folder: PathBuf,
    /// Everything in their environment.
    pub(super) environment: Vec<(String, String)>,
}

impl Launcher {
    /// `serve` on this port, once it is ready.
    pub(super) async fn endpoint(&self, port: u16, arguments: &[&str]) -> anyhow::Result<Program> {
        let mut program = self.start("endpoint", port, arguments)?;
        let (began, client) = (Instant::now(), crate::cli::sender::client()?);
        loop {
            let ready = client.get(format!("http://127.0.0.1:{port}/readyz")).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(program);
            }
            let ended = program.child.try_wait()?;
            anyhow::ensure!(
                ended.is_none() && began.elapsed() < START,
                "the endpoint is not ready: {}",
                self.end_of_log("endpoint")
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// `serve --only work`.
    pub(super) fn worker(&self, settings: &[(&str, &str)]) -> anyhow::Result<Program> {
        let more = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = self.environment.iter().cloned().chain(more).collect();
        Self { environment, ..self.clone() }.start("worker", 0, &["--only", "work"])
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = self.command().args(arguments).stdin(Stdio::null()).output().await?;
        anyhow::ensure!(
            output.status.success(),
            "the command {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }

    fn start(&self, name: &str, port: u16, arguments: &[&str]) -> anyhow::Result<Program> {
        let log = File::options().create(true).append(true).open(self.log(name)).context("the log of a process")?;
        let mut command = self.command();
        command.arg("serve").args(arguments).env("SWITCHHOOK__HTTP__BIND", format!("127.0.0.1:{port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Program { child: command.spawn().context("start a process of this program")? })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.env_clear().envs(self.environment.iter().cloned()).current_dir(&self.folder).kill_on_drop(true);
        command
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn end_of_log(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.log(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

/// A process. Dropped, it is killed.
pub(super) struct Program {
    child: Child,
}

impl Program {
    /// SIGKILL: no goodbye.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("kill a process")
    }
}
