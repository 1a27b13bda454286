//! One private Postgres for the whole run, that writes to the disk as in service, and a fresh database a measurement.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, Decode, Executor, PgConnection, Postgres, Row, Type};
use switchhook::embedded_postgres::{Cluster, Options};
use switchhook::redact::Secret;
use uuid::Uuid;

use super::baseline;
use super::keys;
use super::pause::Pause;
use super::program::Program;

/// The tenant and the connection of every database here.
pub const TENANT: Uuid = Uuid::from_u128(1);
pub const CONNECTION: Uuid = Uuid::from_u128(2);
/// The database that the others are copied from.
const TEMPLATE: &str = "bench_template";
/// As for a small server; the rest is Postgres' own default. A run fits between two checkpoints.
const SETTINGS: &[(&str, &str)] =
    &[("shared_buffers", "1GB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "15min")];
/// What is printed, so that figures can be compared.
const SHOWN: &[&str] = &[
    "server_version",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_compression",
];

/// The cluster.
#[derive(Debug)]
pub struct Bench {
    cluster: Cluster,
    admin: PgConnection,
    counts_statements: bool,
    number: AtomicU32,
    settings: Vec<(String, String)>,
}

/// A database of one measurement.
#[derive(Debug)]
pub struct Database {
    pub name: String,
    pub url: String,
    pub connection: PgConnection,
}

impl Bench {
    /// Starts the cluster and makes the template. `settings` of the program are `NAME=VALUE`.
    pub async fn start(settings: &[String]) -> anyhow::Result<Self> {
        let settings = settings.iter().map(|text| match text.split_once('=') {
            Some((name, value)) => Ok((name.to_uppercase(), value.to_owned())),
            None => Err(anyhow::anyhow!("--set {text}: NAME=VALUE was expected")),
        });
        let settings = settings.collect::<anyhow::Result<_>>()?;
        super::progress("starting a private Postgres");
        let (cluster, counts_statements) = match start(true).await {
            Ok(cluster) => (cluster, true),
            // The library is not installed.
            Err(_) => (start(false).await?, false),
        };
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await?;
        execute(&mut admin, &format!("create database {TEMPLATE}")).await?;
        let pool = PgPoolOptions::new().max_connections(1).connect(&cluster.url(TEMPLATE)).await?;
        switchhook::db::migrate(&pool).await?;
        let secret = secret();
        let fill = format!(
            "insert into tenants (id, slug, name) values ('{TENANT}', 'default', 'Default');
             insert into connections (id, tenant_id, provider, slug, is_default)
             values ('{CONNECTION}', '{TENANT}', 'retell', 'default', true);
             insert into connection_secrets (connection_id, secret) values ('{CONNECTION}', '{}');
             {};
             {};
             analyze",
            secret.expose(),
            keys::set_digest_key(),
            baseline::TABLES
        );
        pool.execute(AssertSqlSafe(fill)).await?;
        if counts_statements {
            pool.execute("create extension pg_stat_statements").await?;
        }
        pool.close().await;
        Ok(Self { cluster, admin, counts_statements, number: AtomicU32::new(0), settings })
    }

    /// Stops the cluster and deletes it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.admin.close().await.ok();
        Ok(self.cluster.stop().await?)
    }

    /// A fresh database, after a checkpoint.
    pub async fn database(&mut self) -> anyhow::Result<Database> {
        let name = format!("bench_{}", self.number.fetch_add(1, Ordering::Relaxed));
        execute(&mut self.admin, &format!("create database {name} template {TEMPLATE}")).await?;
        execute(&mut self.admin, "checkpoint").await?;
        let url = self.cluster.url(&name);
        let connection = PgConnection::connect(&url).await?;
        Ok(Database { name, url, connection })
    }

    /// Deletes a database.
    pub async fn drop(&mut self, database: Database) -> anyhow::Result<()> {
        database.connection.close().await?;
        execute(&mut self.admin, &format!("drop database {} with (force)", database.name)).await
    }

    /// Starts `switchhook serve` over a database.
    pub async fn serve(
        &self,
        database: &Database,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Program> {
        let ours = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Program::serve(&database.url, arguments, &settings.iter().copied().chain(ours).collect::<Vec<_>>()).await
    }

    /// Whether `pg_stat_statements` is there.
    pub fn counts_statements(&self) -> bool {
        self.counts_statements
    }

    /// pgbench, if it lies beside Postgres.
    pub async fn pgbench(&mut self) -> anyhow::Result<PathBuf> {
        let folder: String = scalar(&mut self.admin, "select setting from pg_config where name = 'BINDIR'").await?;
        let pgbench = PathBuf::from(folder).join("pgbench");
        anyhow::ensure!(pgbench.exists(), "pgbench is not installed beside Postgres (Debian: postgresql-contrib)");
        Ok(pgbench)
    }

    /// Where and under what settings this was measured.
    pub async fn facts(&mut self) -> anyhow::Result<Vec<(String, String)>> {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let mut facts = vec![("cores".to_owned(), cores.to_string())];
        facts.extend(self.settings.iter().cloned());
        for name in SHOWN {
            facts.push(((*name).to_owned(), scalar(&mut self.admin, &format!("show {name}")).await?));
        }
        Ok(facts)
    }

    /// Stops the clock for all of Postgres, until the pause is dropped.
    pub async fn pause(&mut self) -> anyhow::Result<Pause> {
        let pid: String =
            scalar(&mut self.admin, "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").await?;
        Pause::of(pid.trim().parse()?)
    }

    /// Bytes of log that Postgres has written so far.
    pub async fn wal_bytes(&mut self) -> anyhow::Result<f64> {
        scalar(&mut self.admin, "select (pg_current_wal_insert_lsn() - '0/0')::float8").await
    }
}

async fn start(counts_statements: bool) -> anyhow::Result<Cluster> {
    let folder = std::env::temp_dir().join(format!("switchhook-bench-{}", std::process::id()));
    let mut options = Options::throw_away(folder).durable();
    for (name, value) in SETTINGS {
        options = options.setting(*name, *value);
    }
    if counts_statements {
        // Nobody is counted unless a measurement asks for it.
        options = options
            .setting("shared_preload_libraries", "pg_stat_statements")
            .setting("pg_stat_statements.track", "none");
    }
    Ok(Cluster::start(options).await?)
}

/// The secret of the one connection.
pub fn secret() -> Secret {
    Secret::new("bench-secret")
}

/// Runs statements of ours.
pub async fn execute(connection: &mut PgConnection, statements: &str) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await?;
    Ok(())
}

/// One value.
pub async fn scalar<T>(connection: &mut PgConnection, statement: &str) -> anyhow::Result<T>
where
    T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    let row = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
