//! A Postgres of one's own, for `serve` and the tests where no `DATABASE_URL` is given: made from the programs on the
//! machine, in a folder, listening on loopback. It stops when the program stops, however that goes; a kept one is there
//! again at the next start.
//!
//! Three processes: the program; a keeper (`keeper.sh`), which notices when the program is gone; Postgres. Two locks tell
//! a second program what it meets: the program's lock is free once the program is gone, the keeper's once Postgres is.

mod account;
mod binaries;
mod download;
mod error;
mod keeper;
mod line;
mod place;
mod postmaster;
mod server;
mod standby;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};

pub use error::Error;
pub use line::Line;
use place::{Claim, Place};
use postmaster::Postmaster;
use server::Server;

/// The database that every cluster has.
pub const DATABASE: &str = "switchhook";

/// The user that we connect as, owner of everything.
const USER: &str = "switchhook";

/// How long another process that holds the cluster may take, to get it up or to put it down.
const OTHERS_LIMIT: Duration = Duration::from_secs(60);

/// How often we look whether it has.
const OTHERS_POLL: Duration = Duration::from_millis(50);

/// How long a running server may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// What cluster to start, and where.
#[derive(Clone)]
pub struct Options {
    data_dir: PathBuf,
    keep: bool,
    durable: bool,
    settings: Vec<(String, String)>,
    announce: Arc<dyn Fn(&str) + Send + Sync>,
    path: Option<OsString>,
    cache_dir: PathBuf,
}

impl Options {
    /// A cluster that is kept: what is committed is on the disk, and there at the next start. It lies in the folder
    /// `postgres` of this one (`.switchhook/`). Progress goes to `announce`.
    pub fn keep(data_dir: impl Into<PathBuf>, announce: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            data_dir: data_dir.into(),
            keep: true,
            durable: true,
            settings: Vec::new(),
            announce: Arc::new(announce),
            path: std::env::var_os("PATH"),
            cache_dir: cache_dir(),
        }
    }

    /// A cluster for a test: fast, not durable, and deleted with this folder when it stops. The folder is made, or empty.
    pub fn throw_away(data_dir: impl Into<PathBuf>) -> Self {
        Self { keep: false, durable: false, ..Self::keep(data_dir, |_| {}) }
    }

    /// Has a throw-away cluster write to the disk as a kept one does, to measure it.
    #[must_use]
    pub fn durable(self) -> Self {
        Self { durable: true, ..self }
    }

    /// Starts Postgres with this setting; it wins over ours.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Where progress goes, a line at a time: creating, fetching, waiting, data that lie elsewhere.
    #[must_use]
    pub fn announce(self, say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { announce: Arc::new(say), ..self }
    }

    /// Where to look for the programs first, in the form of `PATH`, which it is if nothing is said.
    #[must_use]
    pub fn path(self, path: Option<OsString>) -> Self {
        Self { path, ..self }
    }

    /// Where fetched programs are kept.
    #[must_use]
    pub fn cache_dir(self, cache_dir: impl Into<PathBuf>) -> Self {
        Self { cache_dir: cache_dir.into(), ..self }
    }

    fn say(&self, line: &str) {
        (self.announce)(line);
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("data_dir", &self.data_dir)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// A running private cluster. To drop it is to let go of it: the keeper stops it then.
pub struct Cluster {
    options: Options,
    place: Place,
    version: u32,
    port: u16,
    password: String,
    /// Missing when another process runs it.
    server: Option<Server>,
}

impl Cluster {
    /// Starts the cluster, made first if need be. One that another process runs already is used as it is, and left to
    /// that process when we stop.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let begun = Instant::now();
        let mut said = false;
        loop {
            let place = Place::settle(&options)?;
            if let Some(cluster) = Self::take(&options, &place).await? {
                return Ok(cluster);
            }
            if begun.elapsed() > OTHERS_LIMIT {
                return Err(Error::Busy { folder: place.root, seconds: OTHERS_LIMIT.as_secs() });
            }
            if !said && begun.elapsed() > ANSWER_LIMIT {
                options.say("waiting for another process that starts or stops the cluster");
                said = true;
            }
            tokio::time::sleep(OTHERS_POLL).await;
        }
    }

    /// The URL of a database of this cluster, [`DATABASE`] for ours. It holds the password.
    pub fn url(&self, database: &str) -> String {
        url(self.port, &self.password, database)
    }

    /// The folder of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.place.socket_dir
    }

    /// The folder where the data, the log and the password lie.
    pub fn data_dir(&self) -> &Path {
        &self.place.root
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The major version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Whether we started it, rather than found it running.
    pub fn is_owned(&self) -> bool {
        self.server.is_some()
    }

    /// Stops the cluster, and deletes it if it was not to be kept. One that another process started runs on.
    pub async fn stop(mut self) -> Result<(), Error> {
        let Some(server) = self.server.take() else { return Ok(()) };
        server.stop(self.options.keep).await?;
        if self.options.keep { Ok(()) } else { self.place.delete(&self.options.data_dir) }
    }

    /// Kills the server as a crash would, and starts it again on the same port.
    pub async fn crash_restart(&mut self) -> Result<(), Error> {
        let server = self.server.as_mut().ok_or(Error::NotOwned)?;
        self.port = server.crash_restart(&self.place, &self.options, self.port).await?;
        Ok(())
    }

    /// Starts the cluster, or uses the one that runs; nothing while somebody else is at work on it.
    async fn take(options: &Options, place: &Place) -> Result<Option<Self>, Error> {
        let locks = match place.claim()? {
            Claim::Ours(locks) => locks,
            Claim::Theirs => return Ok(Self::running(options, place).await),
            Claim::Stopping => return Ok(None),
        };
        // Nobody holds the locks, and still it may run: somebody started it by hand, or killed its keeper.
        if let Some(cluster) = Self::running(options, place).await {
            return Ok(Some(cluster));
        }
        if Postmaster::read(&place.data()).is_some_and(|postmaster| postmaster.serves(&place.data())) {
            return Ok(None);
        }
        let (server, port) = Server::start(place, options, locks).await?;
        Ok(Some(Self::at(options, place, port, Some(server))))
    }

    async fn running(options: &Options, place: &Place) -> Option<Self> {
        let port = answers(place).await?;
        Some(Self::at(options, place, port, None))
    }

    fn at(options: &Options, place: &Place, port: u16, server: Option<Server>) -> Self {
        let password = place.read("password").unwrap_or_default();
        let version = place.data_version().unwrap_or_default();
        Self { options: options.clone(), place: place.clone(), version, port, password, server }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Cluster");
        debug.field("data_dir", &self.place.root).field("version", &self.version).field("port", &self.port);
        debug.finish_non_exhaustive()
    }
}

/// The URL of the cluster that runs in this folder, if one does: for a second program, which only wants to read.
pub async fn find_running(data_dir: &Path) -> Option<String> {
    let place = Place::find(data_dir)?;
    let port = answers(&place).await?;
    Some(url(port, &place.read("password")?, DATABASE))
}

/// The port of the server of this place, if it runs and lets us in.
async fn answers(place: &Place) -> Option<u16> {
    let port = Postmaster::read(&place.data()).filter(Postmaster::number_is_taken)?.port?;
    let password = place.read("password")?;
    let options = server::connect_options(port, &password, DATABASE);
    let ask = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        connection.execute("select").await?;
        connection.close().await
    };
    tokio::time::timeout(ANSWER_LIMIT, ask).await.ok()?.ok()?;
    Some(port)
}

fn url(port: u16, password: &str, database: &str) -> String {
    format!("postgres://{USER}:{password}@127.0.0.1:{port}/{database}")
}

/// Root's own cache lies where the user who runs Postgres cannot enter.
fn cache_dir() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|_| !nix::unistd::geteuid().is_root());
    match (std::env::var_os("XDG_CACHE_HOME").filter(|_| home.is_some()), home) {
        (Some(cache), _) => PathBuf::from(cache).join("switchhook"),
        (None, Some(home)) if cfg!(target_os = "macos") => home.join("Library/Caches/switchhook"),
        (None, Some(home)) => home.join(".cache/switchhook"),
        (None, None) => PathBuf::from("/var/cache/switchhook"),
    }
}
