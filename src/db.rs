//! The database: the pool, the migrations, and what its errors mean.

use std::time::Duration;

use serde::Deserialize;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool, Postgres, Transaction};

use crate::crypto::KeyError;
use crate::redact::Secret;

/// The schema, compiled in.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// How to reach Postgres.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A `postgres://` URL. Empty: a private cluster is started.
    pub url: Secret,
    /// Connections that the program keeps at most, beside those of the console and of live answers.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    #[serde(with = "crate::duration_text")]
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    #[serde(with = "crate::duration_text")]
    pub statement_timeout: Duration,
}

/// Opens the pool. Connections are made when they are first needed, so that the program starts, and answers 503,
/// while the database is away.
pub fn connect(settings: &Settings) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = settings.url.expose().parse()?;
    let options = options.application_name("switchhook").options([
        ("statement_timeout", settings.statement_timeout.as_millis().to_string()),
        ("idle_in_transaction_session_timeout", "60000".to_owned()),
        ("timezone", "UTC".to_owned()),
        // Compiling a plan takes longer than any statement of ours runs.
        ("jit", "off".to_owned()),
    ]);
    // Slow statements show in the batches' times; the driver would print their whole text.
    let options = options.disable_statement_logging();
    Ok(PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .connect_lazy_with(options))
}

/// A pool of its own over the same database, so that whoever uses it takes no connection from others: so many
/// connections, so long to wait for one, and so long for a statement.
pub fn beside(main: &PgPool, name: &str, connections: u32, wait: Duration, statement_timeout: Duration) -> PgPool {
    let options =
        main.connect_options().as_ref().clone().application_name(name).options([
            ("statement_timeout", statement_timeout.as_millis().to_string()),
            ("timezone", "UTC".to_owned()),
        ]);
    PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(wait)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

/// Says what went wrong without repeating a value: Postgres quotes the values it chokes on in its messages.
pub fn describe(error: &sqlx::Error) -> String {
    if let Some(error) = KeyError::of(error) {
        return error.to_string();
    }
    let sqlx::Error::Database(error) = error else {
        return match error {
            sqlx::Error::PoolTimedOut => {
                "no database connection in time: it cannot be reached, or all are in use".to_owned()
            }
            sqlx::Error::Io(error) => format!("the connection to the database failed ({})", error.kind()),
            sqlx::Error::Tls(_) => "the database connection could not be encrypted".to_owned(),
            sqlx::Error::PoolClosed => "the program is stopping".to_owned(),
            sqlx::Error::RowNotFound => "a row that must exist is missing".to_owned(),
            sqlx::Error::ColumnDecode { index, .. } => format!("column {index} could not be read"),
            _ => "the database driver failed".to_owned(),
        };
    };
    let code = error.code().unwrap_or_default();
    let mut text = format!("database error {code} ({})", class(&code));
    if let Some(table) = error.table() {
        text.push_str(&format!(" on table {table}"));
    }
    if let Some(constraint) = error.constraint() {
        text.push_str(&format!(" by constraint {constraint}"));
    }
    // P0001 is a RAISE EXCEPTION of somebody's own function: its words are the reason.
    if code == "P0001" {
        text.push_str(&format!(": {}", crate::redact::scrub(error.message())));
    }
    text
}

/// Whether the database can never hold this value, however long one waits (class 22, data exception; program limits).
pub fn is_data_error(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
}

/// Whether the statement was refused for what it says, so that the connection is sound and others may succeed.
/// Lost connections, shutdowns and full disks are none of this.
pub fn is_statement_error(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| !["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class)))
}

/// Whether the statement itself is wrong, so that it fails as often as it is sent: a mistake of ours, or of the schema.
pub fn is_mistake(error: &sqlx::Error) -> bool {
    sqlstate(error).is_some_and(|code| ["0A", "21", "23", "42", "P0", "XX"].iter().any(|class| code.starts_with(class)))
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(std::borrow::Cow::into_owned)
}

fn class(code: &str) -> &'static str {
    match code.get(..2).unwrap_or_default() {
        "08" => "connection lost",
        "22" => "value out of its type's range or form",
        "23" => "constraint violated",
        "28" => "login refused",
        "3D" => "no such database",
        "40" => "rolled back in favour of another transaction",
        "42" => "no such table, column or function, or no right to it",
        "53" => "out of resources",
        "54" => "too large or too deep",
        "55" => "locked by another",
        "57" => "cancelled or shutting down",
        "58" => "disk trouble",
        "P0" => "raised by a function",
        _ => "see the SQLSTATE list in the Postgres manual",
    }
}

/// Brings the schema up to date. Several processes may do so at once: one does, the others wait. A role that may make no
/// tables (`sql/ops/roles.sql`) finds nothing to do where the owner has migrated, and an error elsewhere.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    if !sqlx::query_file_scalar!("sql/db/may_migrate.sql").fetch_one(pool).await? && is_up_to_date(pool).await? {
        return Ok(());
    }
    // Making an index on a big table may take longer than statements are given in service.
    let mut connection = pool.acquire().await?;
    sqlx::raw_sql("set statement_timeout = 0").execute(&mut *connection).await?;
    let result = MIGRATOR.run(&mut *connection).await;
    // A connection without its time-out must not go back into the pool.
    sqlx::Connection::close(connection.detach()).await.ok();
    result
}

/// Whether every migration that this program knows has been applied.
pub async fn is_up_to_date(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let applied = match sqlx::query_file_scalar!("sql/db/schema_version.sql").fetch_one(pool).await {
        Ok(version) => version,
        // Nothing was ever migrated: the table of migrations does not exist.
        Err(error) if sqlstate(&error).as_deref() == Some("42P01") => None,
        Err(error) => return Err(error),
    };
    Ok(applied >= MIGRATOR.iter().map(|migration| migration.version).max())
}

/// A transaction whose statements may take so long and no longer: for a page that somebody waits for.
pub async fn bounded(pool: &PgPool, longest: Duration) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let longest_ms = longest.as_millis().to_string();
    sqlx::query_file_scalar!("sql/db/statement_timeout.sql", longest_ms).fetch_one(&mut *transaction).await?;
    Ok(transaction)
}

/// Whether a statement was stopped because it took too long.
pub fn is_timeout(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("57014")
}

/// A transaction whose statements may take as long as they need: for a person who waits for the answer.
pub async fn patient(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql("set local statement_timeout = 0").execute(&mut *transaction).await?;
    Ok(transaction)
}
