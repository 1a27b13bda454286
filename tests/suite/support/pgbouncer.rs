//! The real PgBouncer in front of the suite's Postgres. Two of them: Debian 12's, which hands on prepared statements as they
//! are, and one that keeps track of them, which `.ci/pgbouncer` finds or builds.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::unistd::{User, geteuid};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::roles::{RUNTIME, url_of_program};

/// How long it may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A running PgBouncer; dropped, it is killed.
pub struct PgBouncer {
    child: Child,
    port: u16,
    database_url: reqwest::Url,
    folder: tempfile::TempDir,
}

/// One that keeps track of prepared statements; `None`, with a word, where none can be had.
pub fn newer() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/pgbouncer");
        let output = Command::new(script).stdin(Stdio::null()).output().ok()?;
        if !output.status.success() {
            say(&format!("passed over: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
            return None;
        }
        Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()))
    };
    PROGRAM.get_or_init(find).as_deref()
}

/// The one of this machine, whatever its version; `None`, with a word, where there is none.
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join("pgbouncer")).find(|file| file.is_file());
    if found.is_none() {
        say("passed over: no pgbouncer is installed");
    }
    found
}

#[expect(clippy::print_stderr, reason = "who runs the suite is told what it passed over")]
fn say(line: &str) {
    eprintln!("{line}");
}

impl PgBouncer {
    /// Starts one in front of the Postgres of this URL: as it comes, but for these lines of its configuration.
    pub async fn start(program: &Path, database_url: &str, lines: &str) -> Self {
        let database_url: reqwest::Url = database_url.parse().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_on(port, program, database_url, lines).await
    }

    async fn start_on(port: u16, program: &Path, database_url: reqwest::Url, lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (user, password) = (database_url.username(), database_url.password().unwrap());
        let users = format!("\"{user}\" \"{password}\"\n\"{RUNTIME}\" \"{password}\"\n");
        fs::write(folder.path().join("users"), users).unwrap();
        let configuration = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\nadmin_users = {user}\n{lines}\n",
            database_url.host_str().unwrap(),
            database_url.port().unwrap(),
            folder.path().join("users").display(),
        );
        fs::write(folder.path().join("ini"), configuration).unwrap();
        for (file, mode) in [("", 0o755), ("users", 0o644), ("ini", 0o644)] {
            fs::set_permissions(folder.path().join(file), Permissions::from_mode(mode)).unwrap();
        }
        let mut command = Command::new(program);
        command.arg(folder.path().join("ini")).env_clear().current_dir("/");
        // It refuses to run as root.
        if geteuid().is_root() {
            let user = ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).unwrap()).unwrap();
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut bouncer = Self { child, port, database_url, folder };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(
                bouncer.child.try_wait().unwrap().is_none() && began.elapsed() < START_TIMEOUT,
                "{}",
                bouncer.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bouncer
    }

    /// Ends it, and starts another one in its place.
    pub async fn restart(self, program: &Path, lines: &str) -> Self {
        let (port, database_url) = (self.port, self.database_url.clone());
        drop(self);
        Self::start_on(port, program, database_url, lines).await
    }

    /// The database through it.
    pub fn url(&self) -> String {
        let mut url = self.database_url.clone();
        url.set_port(Some(self.port)).unwrap();
        url.to_string()
    }

    /// A connection through it, as any client's.
    pub async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = url_of_program(&self.url()).parse().unwrap();
        PgConnection::connect_with(&options.extra_float_digits(None)).await.unwrap()
    }

    /// Has it do something by its console.
    pub async fn command(&self, command: &str) {
        let options: PgConnectOptions = self.url().parse().unwrap();
        let options = options.database("pgbouncer").extra_float_digits(None);
        let mut console = PgConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(command.to_owned())).execute(&mut console).await.unwrap();
        console.close().await.ok();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
