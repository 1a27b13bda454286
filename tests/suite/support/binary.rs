//! The real program, as a process of its own.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::keys;
use super::roles::url_of_program;

/// How long the program may take to answer its first request.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// By which libfaketime gives a process another wall clock.
const CLOCK: [&str; 4] = ["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_DISABLE_SHM"];

/// A running `switchhook`; dropped, it is killed.
pub struct Binary {
    child: Child,
    pub base: String,
    log: tempfile::NamedTempFile,
}

impl Binary {
    /// `switchhook serve` on a free port, once it is ready.
    pub async fn serve(database_url: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::serve_on(port, database_url, arguments, settings).await
    }

    /// The same with so many file descriptors and no more.
    pub async fn serve_with_descriptors(count: u32, database_url: &str, settings: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let whole = Self::command(database_url);
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("ulimit -n {count} && exec \"$0\" serve --setup")).arg(whole.get_program());
        command.env_clear().current_dir(std::env::temp_dir());
        command.envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::start(port, command, settings, true).await
    }

    /// The most memory that it has had, in bytes.
    pub fn memory_max(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// Serves under these master keys.
    pub async fn serve_under(master_keys: &str, database_url: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Self::command(database_url);
        command.args(["serve", "--setup"]).env("SWITCHHOOK_MASTER_KEY", master_keys);
        Self::start(port, command, &[], true).await
    }

    pub async fn serve_on(port: u16, database_url: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut command = Self::command(database_url);
        command.arg("serve").args(arguments);
        Self::start(port, command, settings, !arguments.contains(&"work")).await
    }

    async fn start(port: u16, mut command: Command, settings: &[(&str, &str)], listens: bool) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        command.env("SWITCHHOOK__HTTP__BIND", format!("127.0.0.1:{port}"));
        // No balancer is in front of it.
        command.env("SWITCHHOOK__HTTP__DRAIN_DELAY", "0s");
        for (name, value) in settings {
            command.env(format!("SWITCHHOOK__{name}"), value);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.reopen().unwrap()).spawn().unwrap();
        let mut binary = Self { child, base: format!("http://127.0.0.1:{port}"), log };
        if listens {
            binary.wait_until_ready().await;
        }
        binary
    }

    /// A command of the program, with nothing but a database, a master key and the clock that `make clocks` sets in its
    /// environment.
    pub fn command(database_url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchhook"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("DATABASE_URL", url_of_program(database_url))
            .envs(CLOCK.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("SWITCHHOOK_MASTER_KEY", keys::MASTER_KEY)
            .current_dir(std::env::temp_dir());
        command
    }

    /// Runs a command to its end.
    pub fn run(database_url: &str, arguments: &[&str]) -> Output {
        Self::command(database_url).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Gives a source a secret, as its platform's.
    pub fn give_secret(database_url: &str, provider: &str, secret: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), secret).unwrap();
        let path = file.path().to_string_lossy().into_owned();
        let line =
            ["connection", "secret", "--provider", provider, "--slug", "default", "--secret-file", &path, "--json"];
        let output = Self::run(database_url, &line);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes a new secret URL for a source, and returns its token.
    pub fn new_url_token(database_url: &str, provider: &str) -> String {
        Self::made(database_url, &["connection", "url", "--provider", provider, "--slug", "default", "--json"])
    }

    /// Makes a token for the API, and returns it.
    pub fn new_token(database_url: &str, role: &str) -> String {
        Self::made(database_url, &["token", "add", "--role", role, "--label", "test", "--json"])
    }

    /// The token that a command makes.
    fn made(database_url: &str, line: &[&str]) -> String {
        let output = Self::run(database_url, line);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        made["token"].as_str().unwrap().to_owned()
    }

    async fn wait_until_ready(&mut self) {
        let began = Instant::now();
        let client = crate::support::client();
        while began.elapsed() < START_TIMEOUT {
            assert!(self.child.try_wait().unwrap().is_none(), "the program ended: {}", self.log());
            let ready = client.get(format!("{}/readyz", self.base)).send().await;
            if ready.is_ok_and(|response| response.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the program did not become ready: {}", self.log());
    }

    /// SIGKILL: no goodbye.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap()
    }

    /// Sends it a signal, and does not wait.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        let mut text = String::new();
        self.log.reopen().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
