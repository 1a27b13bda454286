//! A streaming standby of a cluster, on loopback. Dropped, it is gone.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

/// How long it may take to start.
const START: Duration = Duration::from_secs(30);

pub struct Standby {
    server: Child,
    folder: PathBuf,
    pub url: String,
}

impl Standby {
    /// Copies the cluster of this URL and follows it.
    pub async fn of(url: &str) -> Self {
        let primary: reqwest::Url = url.parse().unwrap();
        let folder = std::env::temp_dir().join(format!("switchhook-standby-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let binaries = binaries();
        let mut copy = command(&binaries.join("pg_basebackup"));
        copy.arg("-D").arg(&folder).args(["-X", "stream", "-R", "-c", "fast", "-h", "127.0.0.1"]);
        copy.arg("-p").arg(primary.port().unwrap().to_string()).arg("-U").arg(primary.username());
        copy.env("PGPASSWORD", primary.password().unwrap_or_default());
        let copied = copy.output().unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut postgres = command(&binaries.join("postgres"));
        postgres.arg("-D").arg(&folder).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        postgres.args(["-c", "max_connections=300", "-c", "unix_socket_directories="]);
        let server = postgres.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut own = primary.clone();
        own.set_port(Some(port)).unwrap();
        let standby = Self { server, folder, url: own.to_string() };
        let began = Instant::now();
        while PgConnection::connect(&standby.url).await.is_err() {
            assert!(began.elapsed() < START, "the standby does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        standby
    }

    /// Makes it the primary.
    pub async fn promote(&self) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql("select pg_promote()").execute(&mut connection).await.unwrap();
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // SIGQUIT: at once, with all its processes.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.server.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT).ok();
        self.server.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Debian's, which have pg_basebackup beside postgres.
fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").unwrap().map(|it| it.unwrap().path()).collect();
    found.sort();
    found.pop().unwrap().join("bin")
}

/// As whoever Postgres runs as: it refuses to be root.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}
