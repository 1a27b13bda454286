//! The Postgres that has bad days: a private one with a standby, or one that somebody names; always behind a line of ours.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};

use super::SCHEMA;
use crate::embedded_postgres::{Cluster, Line, Options};

/// Connections of ours, past the line.
const CONNECTIONS: u32 = 2;
/// A file that fills a small disk.
const BALLAST: &str = "ballast";
/// How much of it is written at once.
const BALLAST_BYTES: usize = 1 << 20;

/// The server and the way to it.
pub(super) struct Stand {
    /// Where the private cluster lies; `None`: it is somebody else's.
    cluster: Option<Cluster>,
    standby: Option<Cluster>,
    /// Where the standby will be reached.
    standby_port: u16,
    folder: PathBuf,
    pub(super) line: Line,
    /// What the program is given.
    pub(super) url: String,
    /// Past the line.
    pub(super) pool: PgPool,
}

impl Stand {
    /// A private cluster in this folder, durable as one that is kept.
    pub(super) async fn private(folder: &Path, is_small: bool) -> anyhow::Result<Self> {
        let mut options = Options::throw_away(folder.join("postgres")).durable();
        if is_small {
            options = options.setting("min_wal_size", "32MB").setting("max_wal_size", "64MB");
        }
        let cluster = Cluster::start(options).await?;
        anyhow::ensure!(
            cluster.data_dir().starts_with(folder),
            "who runs Postgres cannot use {}: choose a folder that others may enter",
            folder.display()
        );
        let line = Line::to("127.0.0.1", cluster.port()).await?;
        let standby_port = free_port()?;
        let direct = cluster.url("switchhook");
        let here = format!("127.0.0.1:{}", cluster.port());
        let both = format!("127.0.0.1:{},127.0.0.1:{standby_port}", line.port());
        let url = format!("{}?target_session_attrs=read-write", direct.replace(&here, &both));
        let pool = pool(&direct)?;
        Ok(Self { cluster: Some(cluster), standby: None, standby_port, folder: folder.to_owned(), line, url, pool })
    }

    /// The database of this URL.
    pub(super) async fn of(url: &str) -> anyhow::Result<Self> {
        let mut own: reqwest::Url = url.parse().context("--database-url")?;
        let host = own.host_str().context("--database-url names no host")?.to_owned();
        let line = Line::to(&host, own.port().unwrap_or(5432)).await?;
        let is_taken = own.set_host(Some("127.0.0.1")).is_ok() && own.set_port(Some(line.port())).is_ok();
        anyhow::ensure!(is_taken, "--database-url cannot lead over a line of ours");
        let (url, pool) = (own.to_string(), pool(url)?);
        Ok(Self { cluster: None, standby: None, standby_port: 0, folder: PathBuf::new(), line, url, pool })
    }

    /// Whether the server is ours to restart.
    pub(super) fn is_private(&self) -> bool {
        self.cluster.is_some()
    }

    /// Whether a standby can be made of it.
    pub(super) fn can_be_followed(&self) -> bool {
        self.cluster.as_ref().is_some_and(Cluster::can_be_followed)
    }

    /// The server dies as in a crash, and starts again.
    pub(super) async fn crash(&mut self) -> anyhow::Result<()> {
        Ok(self.cluster.as_mut().context("the server is not ours")?.crash_restart().await?)
    }

    /// A standby follows it, and from now on a commit is on both.
    pub(super) async fn follow(&mut self) -> anyhow::Result<()> {
        let cluster = self.cluster.as_ref().context("the server is not ours")?;
        let options = Options::throw_away(self.folder.join("standby")).durable();
        self.standby = Some(cluster.standby(options, self.standby_port).await?);
        self.execute("alter system set synchronous_standby_names = '*'").await?;
        self.execute("select pg_reload_conf()").await
    }

    /// The primary is gone, and the standby takes its place.
    pub(super) async fn fail_over(&mut self) -> anyhow::Result<()> {
        let standby = self.standby.take().context("there is no standby")?;
        let primary = self.cluster.replace(standby).context("there is no primary")?;
        self.pool.close().await;
        primary.stop().await?;
        self.line.shut();
        let standby = self.cluster.as_ref().context("there is no standby")?;
        standby.promote().await?;
        self.pool = pool(&standby.url("switchhook"))?;
        Ok(())
    }

    /// Takes what is left of the disk that the cluster lies on.
    pub(super) fn fill_disk(&self) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.folder.join(BALLAST))?;
        let mut size = BALLAST_BYTES;
        while size > 0 {
            match file.write_all(&vec![0; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => size /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives it back. A server that has stopped for want of it is started, as a supervisor does.
    pub(super) async fn free_disk(&mut self) -> anyhow::Result<()> {
        std::fs::remove_file(self.folder.join(BALLAST))?;
        if self.execute("select").await.is_err() {
            self.crash().await?;
        }
        Ok(())
    }

    /// From now on connections that are new take no changes; or they do again.
    pub(super) async fn set_read_only(&self, is_read_only: bool) -> anyhow::Result<()> {
        let how =
            if is_read_only { "set default_transaction_read_only = on" } else { "reset default_transaction_read_only" };
        let statement = format!("do $$ begin execute format('alter database %I {how}', current_database()); end $$");
        // Our own connection may be a new one.
        self.execute(&format!("set transaction_read_only = off; {statement}")).await?;
        if is_read_only {
            // Those that come instead take no changes; nobody takes them away when the cause has ended.
            self.line.cut();
        }
        Ok(())
    }

    /// Runs a statement past the line.
    pub(super) async fn execute(&self, statement: &str) -> anyhow::Result<()> {
        let run = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await;
        run.map(|_| ()).map_err(|error| anyhow::anyhow!("{}", crate::db::describe(&error)))
    }

    /// Takes away what was made.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        if self.cluster.is_none() {
            self.execute(&format!("drop schema if exists {SCHEMA} cascade")).await?;
        }
        self.pool.close().await;
        for cluster in [self.standby, self.cluster].into_iter().flatten() {
            cluster.stop().await?;
        }
        Ok(())
    }
}

fn pool(url: &str) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = url.parse().context("the URL of the database")?;
    let options = options.application_name("switchhook torture").options([("search_path", SCHEMA)]);
    Ok(PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options))
}

/// A port that nobody has now.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
