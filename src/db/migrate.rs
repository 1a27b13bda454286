//! The schema, and bringing it up to date while others work.

use std::time::{Duration, Instant};

use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use super::describe;
use super::error::sqlstate;
use super::names::NAMES;

/// The schema, compiled in.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Where it is written down what was applied.
const BOOKS: &str = "_sqlx_migrations";
/// The wait after a lock could not be had. While it is waited for, everybody else waits behind us (a good second,
/// `sql/db/begin_migration.sql`); so most of the time nobody does.
const LOCK_PAUSE: Duration = Duration::from_secs(3);
/// How long it goes on so: a dump of a big database is longer than any other reader.
const LOCK_PATIENCE: Duration = Duration::from_secs(3_600);
/// How often it is looked whether another process has finished.
const TURN_PAUSE: Duration = Duration::from_millis(100);
/// How often it is said that something is waited for.
const SAY_INTERVAL: Duration = Duration::from_secs(30);

/// Why the schema could not be brought up to date. No values in the texts.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// There is something else under our names.
    #[error(
        "schema {schema} has a {kind} `{name}` that is not ours, so nothing was changed: set database.schema to a schema \
         of its own"
    )]
    NotOurs {
        /// Where.
        schema: String,
        /// What it is.
        kind: String,
        /// What it is called.
        name: String,
    },
    /// The schema is missing and this role may not make it.
    #[error("there is no schema {0}, and this role may not make one: create schema, or run sql/ops/roles.sql")]
    NoSchema(String),
    /// The database says no.
    #[error("{}", describe(.0))]
    Database(#[from] sqlx::Error),
    /// The database says no to a migration.
    #[error("migration {version}: {}", describe(.error))]
    Migration {
        /// Its number.
        version: i64,
        /// Why.
        error: sqlx::Error,
    },
    /// What was applied is not what this program knows.
    #[error("{0}")]
    Books(MigrateError),
}

impl From<MigrateError> for MigrationError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => Self::Database(error),
            MigrateError::ExecuteMigration(error, version) => Self::Migration { version, error },
            other => Self::Books(other),
        }
    }
}

impl MigrationError {
    /// Whether a lock could not be had in time, so that it is worth another attempt.
    fn is_about_locks(&self) -> bool {
        let (Self::Database(error) | Self::Migration { error, .. }) = self else { return false };
        matches!(sqlstate(error).as_deref(), Some("55P03" | "40P01"))
    }
}

/// What came of one transaction.
enum Progress {
    /// Nothing is left to do.
    Done,
    /// One migration was applied, and there are more.
    More,
    /// Another process migrates.
    NotOurTurn,
}

/// Brings the schema up to date. Several processes may do so at once: one does, the others wait. Where nothing was ever
/// applied, everything is, in one transaction; else each migration has one of its own, and lets go of locks that others
/// hold to try again. A role that may make no tables (`sql/ops/roles.sql`) finds nothing to do where the owner has
/// migrated, and an error elsewhere.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrationError> {
    if !sqlx::query_file_scalar!("sql/db/may_migrate.sql").fetch_one(pool).await? && is_up_to_date(pool).await? {
        return Ok(());
    }
    let known: Vec<&Migration> = MIGRATOR.iter().collect();
    apply(pool, &known).await
}

/// Brings the schema to where these migrations lead: those of this program, or, in a test, one of tomorrow's as well.
pub async fn apply(pool: &PgPool, known: &[&Migration]) -> Result<(), MigrationError> {
    let mut connection = pool.acquire().await?;
    let schema = sqlx::query_file_scalar!("sql/db/schema.sql").fetch_one(&mut *connection).await?;
    let began = Instant::now();
    let mut said_at = began;
    let mut say = |what: &str| {
        if said_at.elapsed() >= SAY_INTERVAL {
            said_at = Instant::now();
            tracing::info!(waited_s = began.elapsed().as_secs(), "migrating waits: {what}");
        }
    };
    loop {
        match step(&mut connection, &schema, known).await {
            Ok(Progress::Done) => return Ok(()),
            Ok(Progress::More) => {}
            Ok(Progress::NotOurTurn) => {
                say("another process migrates");
                tokio::time::sleep(TURN_PAUSE).await;
            }
            Err(error) if error.is_about_locks() && began.elapsed() < LOCK_PATIENCE => {
                say("somebody reads or writes what is to be changed");
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// One transaction.
async fn step(connection: &mut PgConnection, schema: &str, known: &[&Migration]) -> Result<Progress, MigrationError> {
    let mut transaction = connection.begin().await?;
    if !sqlx::query_file!("sql/db/begin_migration.sql", schema).fetch_one(&mut *transaction).await?.is_ours {
        return Ok(Progress::NotOurTurn);
    }
    make_schema(&mut transaction, schema).await?;
    let applied = match has_books(&mut transaction).await? {
        true => transaction.list_applied_migrations(BOOKS).await?,
        false => Vec::new(),
    };
    if let Some(version) = match applied.is_empty() {
        true => None,
        false => transaction.dirty_version(BOOKS).await?,
    } {
        return Err(MigrateError::Dirty(version).into());
    }
    let mut pending = Vec::new();
    for migration in known {
        match applied.iter().find(|applied| applied.version == migration.version) {
            Some(applied) if applied.checksum != migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version).into());
            }
            Some(_) => {}
            None => pending.push(*migration),
        }
    }
    // A newer program may have migrated: this one goes on beside it (expand, then contract). What is not known and has
    // nothing of ours beside it are the books of another program.
    if pending.len() == known.len() {
        refuse_what_is_not_ours(&mut transaction, schema, !applied.is_empty()).await?;
        transaction.ensure_migrations_table(BOOKS).await?;
    }
    let at_once = if applied.is_empty() { pending.len() } else { 1 };
    for migration in pending.iter().take(at_once) {
        transaction.apply(BOOKS, migration).await?;
    }
    let is_done = pending.len() <= at_once;
    if is_done {
        pin(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(if is_done { Progress::Done } else { Progress::More })
}

async fn make_schema(connection: &mut PgConnection, schema: &str) -> Result<(), MigrationError> {
    if sqlx::query_file_scalar!("sql/db/has_schema.sql", schema).fetch_one(&mut *connection).await? {
        return Ok(());
    }
    let quoted = schema.replace('"', "\"\"");
    let made = sqlx::raw_sql(AssertSqlSafe(format!("create schema \"{quoted}\""))).execute(connection).await;
    match made {
        Err(error) if sqlstate(&error).as_deref() == Some("42501") => Err(MigrationError::NoSchema(schema.to_owned())),
        made => made.map(drop).map_err(Into::into),
    }
}

async fn has_books(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/db/has_books.sql").fetch_one(connection).await
}

/// Before anything is made: whether somebody else's things stand where ours go.
async fn refuse_what_is_not_ours(
    connection: &mut PgConnection,
    schema: &str,
    are_books_of_others: bool,
) -> Result<(), MigrationError> {
    let not_ours = |kind: String, name: String| Err(MigrationError::NotOurs { schema: schema.to_owned(), kind, name });
    if are_books_of_others {
        return not_ours("table".to_owned(), BOOKS.to_owned());
    }
    let found = sqlx::query_file!("sql/db/not_ours.sql", schema, &NAMES.relations, &NAMES.types, &NAMES.functions)
        .fetch_optional(connection)
        .await?;
    found.map_or(Ok(()), |found| not_ours(found.kind, found.name))
}

/// Pins the search_path of our functions to the schema that they are in, whatever it is called by now.
async fn pin(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for found in sqlx::query_file!("sql/db/unpinned.sql", &NAMES.functions).fetch_all(&mut *connection).await? {
        let statement = format!("alter function {} set search_path = {}", found.function, found.path);
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Whether every migration that this program knows has been applied, and the functions find their tables.
pub async fn is_up_to_date(pool: &PgPool) -> Result<bool, sqlx::Error> {
    is_up_to_date_on(&mut *pool.acquire().await?).await
}

/// The same by this connection.
pub async fn is_up_to_date_on(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let applied = match sqlx::query_file_scalar!("sql/db/schema_version.sql").fetch_one(&mut *connection).await {
        Ok(version) => version,
        // Nothing was ever migrated: the table of migrations does not exist.
        Err(error) if sqlstate(&error).as_deref() == Some("42P01") => None,
        Err(error) => return Err(error),
    };
    if applied < MIGRATOR.iter().map(|migration| migration.version).max() {
        return Ok(false);
    }
    Ok(sqlx::query_file!("sql/db/unpinned.sql", &NAMES.functions).fetch_optional(connection).await?.is_none())
}
