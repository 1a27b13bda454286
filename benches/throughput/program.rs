//! The real program, as a process of its own; it ends with its handle, whatever happens.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::keys;
use super::load::Sender;

/// How long it may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A running `switchhook serve`.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: tempfile::TempDir,
    /// Where it listens.
    pub address: String,
}

impl Program {
    /// Starts `switchhook serve` with these arguments and settings over this database, and waits until it is ready.
    pub async fn serve(url: &str, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let log = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchhook"));
        command
            .env_clear()
            .env("DATABASE_URL", url)
            .env("SWITCHHOOK_MASTER_KEY", keys::MASTER_KEY)
            .env("SWITCHHOOK__HTTP__BIND", &address)
            .env("SWITCHHOOK__CONSOLE__OPEN_METRICS", "true")
            .current_dir(log.path())
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log.path().join("log"))?);
        for (name, value) in settings {
            command.env(format!("SWITCHHOOK__{name}"), value);
        }
        let mut program = Self { child: command.spawn().context("the program does not start")?, log, address };
        program.wait_until_ready(!arguments.contains(&"work")).await?;
        Ok(program)
    }

    async fn wait_until_ready(&mut self, listens: bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < START_TIMEOUT {
            anyhow::ensure!(self.child.try_wait()?.is_none(), "the program ended: {}", self.log());
            let ready = match listens {
                true => self.get("/readyz").await.is_ok(),
                false => began.elapsed() > Duration::from_millis(300),
            };
            if ready {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("the program did not become ready: {}", self.log())
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut sender = Sender::connect(&self.address).await?;
        sender.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).await?;
        Ok(sender.answer())
    }

    /// One number of `/metrics`.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.get("/metrics").await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
        value.with_context(|| format!("no metric is called {name}"))
    }

    /// The most memory that it has had, in MB.
    pub fn memory_max_mb(&self) -> anyhow::Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024.0 / 1_000_000.0)
    }

    /// Ends it gently: what it has answered is on disk, and its connections are closed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            anyhow::ensure!(began.elapsed() < STOP_TIMEOUT, "the program does not stop: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
