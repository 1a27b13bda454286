//! The database: the pools, the migrations, and what its errors mean.

mod error;
mod lease;
mod link;
mod migrate;
mod names;
mod password;
mod pooler;
mod probe;
mod schema;
mod servers;
mod sqlstate;
mod standby;
mod url;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Deserialize;
use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Connection, PgPool, Postgres, Transaction};

use crate::redact::Secret;
use link::SessionSettings;

pub use error::{
    describe, is_batch_trouble, is_data_error, is_lost, is_mistake, is_statement_error, is_timeout, is_unstorable,
};
pub use lease::{Lease, Leases};
pub use link::{Found, Link, ServerRun, silent, unless_silent};
pub use migrate::{MIGRATOR, MigrationError, apply, is_up_to_date, is_up_to_date_on, migrate};
pub use password::{PasswordError, PasswordSource};
pub use pooler::{PoolerError, Pooling};
pub use probe::{prepare, probe};
pub use schema::{Schema, SchemaError};
pub use sqlstate::condition;
pub use standby::{Seen, Standby, Unfit};
pub use url::{mistake as url_mistake, read_mistake as read_url_mistake};

/// How to reach Postgres.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A `postgres://` URL. Empty: a private cluster is started.
    pub url: Secret,
    /// The same of a standby that pages, API lists and CSV files are read from. Empty: from the primary.
    pub read_url: Secret,
    /// How far that standby may be behind.
    #[serde(with = "crate::duration_text")]
    pub read_lag: Duration,
    /// A file with the password, read again when it changes.
    pub password_file: PathBuf,
    /// A command that prints the password: the program and its arguments.
    pub password_command: Vec<String>,
    /// The schema that the tables are in.
    pub schema: Schema,
    /// Connections that the program keeps at most, beside those of the console and of live answers.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    #[serde(with = "crate::duration_text")]
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    #[serde(with = "crate::duration_text")]
    pub statement_timeout: Duration,
}

/// The setting that pools have each their own way.
const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// How long a connection that comes back to its pool may take to say that it is sound. Then it is closed: its server is
/// gone, or still busy with what nobody waits for any more.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens the pool. Connections are made when they are first needed, so that the program starts, and answers 503,
/// while the database is away.
///
/// Of several servers it is the first until the probe finds out which of them takes changes.
pub fn connect(settings: &Settings, link: &Link) -> Result<PgPool, sqlx::Error> {
    open(settings, link, "switchhook")
}

/// The same, of a pool of this name.
fn open(settings: &Settings, link: &Link, name: &str) -> Result<PgPool, sqlx::Error> {
    let servers = servers::servers(settings.url.expose())?;
    let options = servers.into_iter().next().unwrap_or_default();
    // A pooler that does not know a parameter lets nobody in who asks for it, and floats are whole without this one.
    let options = options.application_name(&session_name(name)).extra_float_digits(None);
    // Slow statements show in the batches' times; the driver would print their whole text.
    let options = options.disable_statement_logging();
    let (trust, is_shut) = (link.trust(), link.is_shut());
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .after_connect(move |_, _| {
            let is_shut = is_shut.load(Ordering::Relaxed);
            Box::pin(async move { if is_shut { Err(link::silent()) } else { Ok(()) } })
        })
        .before_acquire(move |_, connection| {
            let is_trusted = trust.covers(connection.age);
            Box::pin(async move { Ok(is_trusted) })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                let sound = tokio::time::timeout(RETURN_TIMEOUT, connection.ping()).await;
                sound.unwrap_or_else(|_| Err(link::silent()))?;
                Ok(true)
            })
        });
    Ok(link.open(pool, options, settings.session()))
}

/// What a session of ours is called in `pg_stat_activity`: by the name of its pool, and of this process, so that the process
/// finds those again that it has given up.
fn session_name(pool: &str) -> String {
    format!("{pool} {}", process_name())
}

/// The name of this process among others.
fn process_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("{:08x}", rand::random::<u32>()))
}

impl Settings {
    /// What each session of ours is set to.
    fn session(&self) -> SessionSettings {
        vec![
            ("search_path", self.schema.search_path()),
            (STATEMENT_TIMEOUT, self.statement_timeout.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", "60000".to_owned()),
            ("timezone", "UTC".to_owned()),
            // Whatever the database's default is: statements of ours meet each other's rows, and go on with the newest.
            ("default_transaction_isolation", "read committed".to_owned()),
            // Compiling a plan takes longer than any statement of ours runs.
            ("jit", "off".to_owned()),
        ]
    }

    /// Where the password comes from, if not from the URL.
    pub fn password(&self) -> Result<PasswordSource, &'static str> {
        PasswordSource::of(&self.password_file, &self.password_command)
    }
}

/// A pool of its own over the same database, so that whoever uses it takes no connection from others: so many
/// connections, so long to wait for one, and so long for a statement.
pub fn beside(
    main: &PgPool,
    link: &Link,
    name: &str,
    connections: u32,
    wait: Duration,
    statement_timeout: Duration,
) -> PgPool {
    let (options, mut session) = link.parts_of(main);
    session.retain(|(name, _)| *name != STATEMENT_TIMEOUT);
    session.push((STATEMENT_TIMEOUT, statement_timeout.as_millis().to_string()));
    // Whatever else the main pool minds, this one minds too.
    let pool = main.options().clone().max_connections(connections.max(1)).acquire_timeout(wait);
    link.open(pool, options.application_name(&session_name(name)), session)
}

/// A transaction whose statements may take so long and no longer: for a page that somebody waits for.
pub async fn bounded(pool: &PgPool, longest: Duration) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let longest_ms = longest.as_millis().to_string();
    sqlx::query_file_scalar!("sql/db/statement_timeout.sql", longest_ms).fetch_one(&mut *transaction).await?;
    Ok(transaction)
}

/// A transaction whose statements may take as long as they need: for a person who waits for the answer.
pub async fn patient(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql("set local statement_timeout = 0").execute(&mut *transaction).await?;
    Ok(transaction)
}
