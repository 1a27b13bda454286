//! Makes a cluster and runs its server.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::binaries::Binaries;
use super::keeper::{Keeper, Last};
use super::place::{Locks, Place};
use super::postmaster::Postmaster;
use super::{DATABASE, Error, Options, USER};

/// Which ports we choose from: below those that systems give to outgoing connections (Linux 32768, macOS 49152), one
/// of which could sit on our port when we come back.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// What `initdb` may take on a slow disk.
const INITDB_LIMIT: Duration = Duration::from_secs(180);

/// What the copy of a cluster may take.
const COPY_LIMIT: Duration = Duration::from_secs(600);

/// After a crash Postgres reads its log again, at most two gigabytes of it.
const READY_LIMIT: Duration = Duration::from_secs(600);

/// After this we say that we are waiting.
const READY_USUALLY: Duration = Duration::from_secs(5);

/// How often we knock while the server starts.
const KNOCK: Duration = Duration::from_millis(10);

/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long a server may take to stop before it is made to. It then recovers at the next start.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// How often a server that ended at once is started again: its port was taken that moment, or processes of a Postgres
/// that was killed still hold the shared memory.
const ATTEMPTS: u32 = 10;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(500);

/// What every cluster of ours is started with. `log_error_verbosity` and `log_min_error_statement` keep the values of
/// rows, which are personal data, out of the log.
const SETTINGS: [(&str, &str); 13] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_permissions", "0700"),
    ("cluster_name", "switchhook"),
    ("max_connections", "100"),
    ("shared_buffers", "128MB"),
    ("min_wal_size", "128MB"),
    ("max_wal_size", "2GB"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    ("log_checkpoints", "off"),
    ("log_error_verbosity", "terse"),
    ("log_min_error_statement", "panic"),
];

/// What makes a cluster fast, and lost when the machine goes down.
const NOT_DURABLE: [(&str, &str); 3] = [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

/// A server that is ours.
#[derive(Debug)]
pub(super) struct Server {
    keeper: Keeper,
    binaries: Binaries,
    locks: Locks,
}

impl Server {
    /// Makes the cluster if there is none yet, and starts it.
    pub async fn start(place: &Place, options: &Options, locks: Locks) -> Result<(Self, u16), Error> {
        place.clear(options.keep)?;
        let binaries = super::binaries::find(options, &place.account, &place.data(), place.data_version()).await?;
        if !place.data().exists() {
            init(place, options, &binaries, &locks).await?;
        }
        let remembered = place.read("port").and_then(|port| port.parse().ok());
        let (keeper, port) = launch(place, options, &binaries, &locks, remembered).await?;
        Ok((Self { keeper, binaries, locks }, port))
    }

    /// Copies the cluster on this port of loopback, whose password the place has, and starts the copy as its standby.
    pub async fn follow(
        place: &Place,
        options: &Options,
        locks: Locks,
        binaries: &Binaries,
        primary: u16,
    ) -> Result<(Self, u16), Error> {
        place.clear(options.keep)?;
        copy(place, options, binaries, &locks, primary).await?;
        let wanted = place.read("port").and_then(|port| port.parse().ok());
        let (keeper, port) = launch(place, options, binaries, &locks, wanted).await?;
        Ok((Self { keeper, binaries: binaries.clone(), locks }, port))
    }

    /// The programs that it runs.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Has the server die as in a crash, and starts it again, on its port unless somebody was quicker to take that.
    pub async fn crash_restart(&mut self, place: &Place, options: &Options, port: u16) -> Result<u16, Error> {
        self.keeper.signal("QUIT");
        self.ended().await?;
        let (keeper, port) = launch(place, options, &self.binaries, &self.locks, Some(port)).await?;
        self.keeper = keeper;
        Ok(port)
    }

    /// Stops the server: in order, or at once where nothing of it is to be kept.
    pub async fn stop(mut self, keep: bool) -> Result<(), Error> {
        self.keeper.signal(last_signal(keep));
        self.ended().await
    }

    async fn ended(&mut self) -> Result<(), Error> {
        let waiting = || Error::io("wait for Postgres to stop");
        if self.keeper.wait(STOP_LIMIT).await.map_err(waiting())?.is_none() {
            self.keeper.signal("QUIT");
            self.keeper.wait(STOP_LIMIT).await.map_err(waiting())?;
        }
        Ok(())
    }
}

/// How to connect to a cluster on this port.
pub(super) fn connect_options(port: u16, password: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(USER)
        .password(password)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

async fn init(place: &Place, options: &Options, binaries: &Binaries, locks: &Locks) -> Result<(), Error> {
    options.say(&format!("creating a cluster of Postgres {} in {}", binaries.major, place.root.display()));
    let password: [u8; 24] = rand::random();
    place.write("password", &password.iter().map(|byte| format!("{byte:02x}")).collect::<String>())?;
    let begin = place.log_len();
    // C.UTF-8 sorts by code point and knows the letters of all scripts. Where the system lacks it, C does the former.
    for locale in ["C.UTF-8", "C"] {
        let unfinished = place.unfinished();
        let mut initdb = Command::new(binaries.program("initdb"));
        initdb.arg("-D").arg(&unfinished).arg("--pwfile").arg(place.root.join("password"));
        initdb.arg(format!("--username={USER}")).arg(format!("--locale={locale}"));
        initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]);
        if !options.durable {
            initdb.arg("--no-sync");
        }
        let mut keeper = keep(place, options, &initdb, locks)?;
        let status = keeper.wait(INITDB_LIMIT).await.map_err(Error::io("wait for initdb"))?;
        match status {
            None => break,
            Some(status) if status.success() => {
                return place.finish().map_err(Error::io("rename the finished cluster"));
            }
            Some(_) => {}
        }
        drop(fs::remove_dir_all(&unfinished));
    }
    Err(Error::Initdb { folder: place.root.clone(), log: place.log_tail(begin) })
}

async fn copy(place: &Place, options: &Options, binaries: &Binaries, locks: &Locks, primary: u16) -> Result<(), Error> {
    let begin = place.log_len();
    let mut copy = Command::new(binaries.program("pg_basebackup"));
    copy.arg("--pgdata").arg(place.unfinished()).arg(format!("--port={primary}")).arg(format!("--username={USER}"));
    copy.args(["--host=127.0.0.1", "--wal-method=stream", "--write-recovery-conf", "--checkpoint=fast"]);
    copy.env("PGPASSWORD", place.read("password").unwrap_or_default());
    let mut keeper = keep(place, options, &copy, locks)?;
    let status = keeper.wait(COPY_LIMIT).await.map_err(Error::io("wait for pg_basebackup"))?;
    match status.is_some_and(|status| status.success()) {
        true => place.finish().map_err(Error::io("rename the finished copy")),
        false => Err(Error::Copy { folder: place.root.clone(), log: place.log_tail(begin) }),
    }
}

/// Starts the server, on the wanted port if it is free, and waits until it answers.
async fn launch(
    place: &Place,
    options: &Options,
    binaries: &Binaries,
    locks: &Locks,
    wanted: Option<u16>,
) -> Result<(Keeper, u16), Error> {
    let password = place.read("password").unwrap_or_default();
    let mut port = free_port(wanted)?;
    let mut attempt = 1;
    loop {
        let begin = place.log_len();
        let mut keeper = keep(place, options, &postgres(place, options, binaries, port), locks)?;
        match ready(&mut keeper, place, options, port, &password).await? {
            Ready::Yes => {
                if wanted != Some(port) {
                    place.write("port", &port.to_string())?;
                }
                return Ok((keeper, port));
            }
            // Postgres takes the file away when it ends, so one that is there was left by a server that was killed.
            Ready::Ended if attempt < ATTEMPTS && Postmaster::read(&place.data()).is_some() => {
                tokio::time::sleep(ATTEMPT_PAUSE).await;
            }
            Ready::Ended if attempt < ATTEMPTS && !is_free(port) => {}
            ended => {
                let what = match ended {
                    Ready::Late => format!("did not become ready within {} s", READY_LIMIT.as_secs()),
                    _ => "ended instead of starting".to_owned(),
                };
                return Err(Error::Server { what, file: place.log(), log: place.log_tail(begin) });
            }
        }
        attempt += 1;
        port = free_port(Some(port))?;
    }
}

enum Ready {
    Yes,
    Ended,
    Late,
}

/// Knocks until the server answers, and makes our database if it is not there.
async fn ready(
    keeper: &mut Keeper,
    place: &Place,
    options: &Options,
    port: u16,
    password: &str,
) -> Result<Ready, Error> {
    let begun = Instant::now();
    let mut said = false;
    let address = connect_options(port, password, "postgres");
    while begun.elapsed() < READY_LIMIT {
        if keeper.ended().map_err(Error::io("look after Postgres"))?.is_some() {
            return Ok(Ready::Ended);
        }
        match tokio::time::timeout(CONNECT_LIMIT, PgConnection::connect_with(&address)).await {
            Ok(Ok(connection)) => return create_database(connection).await.map(|()| Ready::Yes),
            Ok(Err(error)) if is_refused(&error) => return Err(Error::Password(place.root.clone())),
            _ => {}
        }
        if !said && begun.elapsed() > READY_USUALLY {
            options.say("Postgres recovers from a crash; waiting");
            said = true;
        }
        tokio::time::sleep(KNOCK).await;
    }
    Ok(Ready::Late)
}

async fn create_database(mut connection: PgConnection) -> Result<(), Error> {
    let failed = |source| Error::Database { doing: "creating its database", source };
    let exists = format!("select from pg_database where datname = '{DATABASE}'");
    if connection.fetch_optional(AssertSqlSafe(exists)).await.map_err(failed)?.is_none() {
        connection.execute(AssertSqlSafe(format!("create database {DATABASE}"))).await.map_err(failed)?;
    }
    connection.close().await.map_err(failed)
}

/// Class 28, invalid authorization: waiting will not help.
fn is_refused(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("28"))
}

fn postgres(place: &Place, options: &Options, binaries: &Binaries, port: u16) -> Command {
    let mut postgres = Command::new(binaries.program("postgres"));
    postgres.arg("-D").arg(place.data()).arg("-p").arg(port.to_string());
    let mut set = |name: &str, value: &str| {
        postgres.arg("-c").arg(format!("{name}={value}"));
    };
    set("unix_socket_directories", &quoted(&place.socket_dir));
    let not_durable = if options.durable { &[][..] } else { &NOT_DURABLE[..] };
    for (name, value) in SETTINGS.iter().chain(not_durable) {
        set(name, value);
    }
    for (name, value) in &options.settings {
        set(name, value);
    }
    // After a crash the number of the dead server may have gone to another process, which Postgres would take for the
    // server still alive. It passes over the process that this variable names (CreateLockFile in miscinit.c), and goes on
    // to see whether anybody uses the shared memory; to delete the file would skip that.
    if let Some(dead) = Postmaster::read(&place.data()) {
        postgres.env("PG_GRANDPARENT_PID", dead.pid.to_string());
    }
    postgres
}

/// One folder as an element of a list of folders.
fn quoted(folder: &Path) -> String {
    format!("\"{}\"", folder.to_string_lossy().replace('"', "\"\""))
}

fn keep(place: &Place, options: &Options, command: &Command, locks: &Locks) -> Result<Keeper, Error> {
    let doomed = match options.keep {
        true => [None, None],
        false => [Some(place.root.clone()), Some(place.socket_dir.clone())],
    };
    let last = Last { signal: last_signal(options.keep), doomed };
    let failed = Error::io(format!("run {}", command.get_program().display()));
    Keeper::spawn(&place.account, command, &last, &locks.keeper, place.open_log()?).map_err(failed)
}

/// A fast shutdown writes everything down; an immediate one does not wait for that.
fn last_signal(keep: bool) -> &'static str {
    if keep { "INT" } else { "QUIT" }
}

fn free_port(wanted: Option<u16>) -> Result<u16, Error> {
    let random = (0..100).map(|_| rand::random_range(PORTS));
    if let Some(port) = wanted.into_iter().chain(random).find(|port| is_free(*port)) {
        return Ok(port);
    }
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    any.map(|address| address.port()).map_err(Error::io("find a free port on 127.0.0.1"))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
