//! Poolers between us and Postgres, such as PgBouncer. One may leave out what we say when we connect, or give each of our
//! transactions the session of another: both would do harm without a word. So it is found out with the first connection,
//! before anything is prepared on it, and what cannot work is refused with what to do.

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Row};

use super::Settings;
use super::error::sqlstate;
use super::link::Link;

/// How sessions of Postgres come to our connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Each connection has its own, made when it connected.
    None,
    /// A pooler gives each connection one for as long as it lasts.
    Session,
    /// A pooler gives each transaction one.
    Transaction,
}

/// Why a pooler cannot be used, and what would make it so.
#[derive(Debug, thiserror::Error)]
pub enum PoolerError {
    /// It leaves out the settings of our sessions, and the role does not have them either.
    #[error(
        "a pooler leaves out settings that this program gives its sessions: {differing}. Give them to the role, and then have \
         the pooler connect anew (PgBouncer: `RECONNECT` in its console, or a restart):{sql}"
    )]
    Settings {
        /// What is set, and what must be.
        differing: String,
        /// Statements that set it, each on a line of its own.
        sql: String,
    },
    /// Its sessions are shared, and it hands on names of prepared statements as they are.
    #[error(
        "a pooler in transaction mode hands on prepared statements by their names, so that one client runs those of another. \
         PgBouncer keeps them apart from version 1.21 on: upgrade it and set max_prepared_statements = 200, or use \
         pool_mode = session for this database"
    )]
    Statements,
    /// Sessions come to us with what others have left in them.
    #[error(
        "a pooler hands on sessions with prepared statements of others in them: it must clear a session before another client \
         has it (PgBouncer: server_reset_query = DISCARD ALL)"
    )]
    Leftovers,
    /// It knows no transactions.
    #[error(
        "a pooler in statement mode cannot be used: transactions are needed (PgBouncer: pool_mode = transaction or session)"
    )]
    NoTransactions,
    /// It refuses what the URL asks for.
    #[error(
        "the pooler refuses a parameter that stands in the URL of the database, such as `options`: leave it out (database.url)"
    )]
    Url,
    /// The database says no.
    #[error("{}", super::describe(.0))]
    Database(#[from] sqlx::Error),
}

impl PoolerError {
    /// The same without names of roles and databases, for those whom `/readyz` answers.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Settings { .. } => {
                "a pooler leaves out settings of our sessions; `switchhook doctor` says what to do".to_owned()
            }
            other => other.to_string(),
        }
    }
}

/// How often it is tried whether two connections meet in one session. They do so at once where nobody else uses the pooler,
/// and sooner or later where many do.
const MEETINGS: u32 = 5;

/// Makes a connection the way that the pools make theirs, and finds out what is between. Where the settings of our sessions
/// are refused, all pools go without them from now on; where what is between cannot be used, none of them gets a connection
/// until it can. `at` leads to the server that is meant.
pub(super) async fn connect(
    link: &Link,
    pool: &PgPool,
    settings: &Settings,
    at: impl Fn(PgConnectOptions) -> PgConnectOptions,
) -> Result<PgConnection, PoolerError> {
    let options = |with_settings| at(link.options_of(pool, with_settings));
    // Where they were refused before, they would be again.
    let mut with_settings = !link.leaves_out_settings();
    let mut connection = match options(with_settings).connect().await {
        Err(error) if with_settings && is_about_startup(&error) => {
            with_settings = false;
            link.give_settings(false);
            if link.pooling().is_none() {
                // There is a pooler. Until it is known which, nobody uses it.
                link.shut(true);
            }
            options(false).connect().await
        }
        connected => connected,
    }
    .map_err(|error| if is_about_startup(&error) { PoolerError::Url } else { error.into() })?;
    let mut session = session(&mut connection).await?;
    if !with_settings && is_own(&session)? {
        // No pooler is there any more, so nobody refuses them.
        connection = options(true).connect().await?;
        (session, with_settings) = (self::session(&mut connection).await?, true);
    }
    match look(&mut connection, &session, &options(with_settings), settings).await {
        Ok(pooling) => link.found_pooling(pooling),
        Err(error) => {
            if !matches!(error, PoolerError::Database(_)) {
                link.shut(true);
            }
            return Err(error);
        }
    }
    link.give_settings(with_settings);
    link.shut(false);
    Ok(connection)
}

/// Whether the other side knows a parameter of the startup message not, as PgBouncer says it.
fn is_about_startup(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else { return false };
    sqlstate(error).as_deref() == Some("08P01") && database.message().contains("startup parameter")
}

async fn session(connection: &mut PgConnection) -> Result<PgRow, sqlx::Error> {
    sqlx::raw_sql(include_str!("../../sql/db/session.sql")).fetch_one(connection).await
}

/// Whether Postgres made the session for this connection.
fn is_own(session: &PgRow) -> Result<bool, sqlx::Error> {
    session.try_get("is_own")
}

async fn look(
    connection: &mut PgConnection,
    session: &PgRow,
    options: &PgConnectOptions,
    settings: &Settings,
) -> Result<Pooling, PoolerError> {
    if let Some(error) = differing(session, settings)? {
        return Err(error);
    }
    if is_own(session)? {
        return Ok(Pooling::None);
    }
    let mut other = options.connect().await?;
    let is_shared = meet(connection, &mut other).await;
    other.close().await.ok();
    match is_shared? {
        true => keeps_statements_apart(connection).await.map(|()| Pooling::Transaction),
        false if session.try_get::<&str, _>("statements")? != "0" => Err(PoolerError::Leftovers),
        false => Ok(Pooling::Session),
    }
}

/// What is not set as it must be, if anything is.
fn differing(session: &PgRow, settings: &Settings) -> Result<Option<PoolerError>, sqlx::Error> {
    let (role, database): (&str, &str) = (session.try_get("role")?, session.try_get("database")?);
    let (mut differing, mut sql) = (Vec::new(), String::new());
    for (name, value) in settings.session() {
        let found: &str = session.try_get(name)?;
        let (wanted, fits) = match name {
            "search_path" => (settings.schema.to_string(), found == settings.schema.to_string()),
            _ => (value.clone(), fits(found, &value)),
        };
        if !fits {
            differing.push(format!("{name} is {found} and not {wanted}"));
            // The value of search_path is a list of names, and quoted as such.
            let value = if name == "search_path" { value } else { format!("'{value}'") };
            sql.push_str(&format!("\nalter role {role} in database {database} set {name} = {value};"));
        }
    }
    Ok((!differing.is_empty()).then(|| PoolerError::Settings { differing: differing.join(", "), sql }))
}

/// Whether a setting is as it should be. A time limit may be shorter, and 0 is none.
fn fits(found: &str, wanted: &str) -> bool {
    match (found.parse::<u64>(), wanted.parse::<u64>()) {
        (Ok(found), Ok(wanted)) => found == wanted || (found > 0 && (found < wanted || wanted == 0)),
        _ => found.eq_ignore_ascii_case(wanted),
    }
}

/// Whether two connections use the same session by turns. Then a session is theirs for a transaction only.
async fn meet(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, PoolerError> {
    for _ in 0..MEETINGS {
        let before = pid(one).await?;
        begin(other).await?;
        let others = pid(other).await?;
        // The second one is asked for only where the first leaves something over: the pooler may have one session in all.
        let is_shared = others == before || pid(one).await? != before;
        sqlx::raw_sql("rollback").execute(&mut *other).await?;
        if is_shared {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn pid(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}

async fn begin(connection: &mut PgConnection) -> Result<(), PoolerError> {
    match sqlx::raw_sql("begin").execute(connection).await {
        Err(error) if sqlstate(&error).as_deref() == Some("08P01") => Err(PoolerError::NoTransactions),
        begun => begun.map(drop).map_err(Into::into),
    }
}

/// Whether prepared statements stay those of the connection that prepared them. All of it happens in one transaction, and so
/// in one session, so that nobody's statement is run, and nobody finds ours.
async fn keeps_statements_apart(connection: &mut PgConnection) -> Result<(), PoolerError> {
    begin(connection).await?;
    if session(connection).await?.try_get::<&str, _>("statements")? != "0" {
        return Err(PoolerError::Statements);
    }
    let kept = sqlx::query_file_scalar!("sql/db/kept_statements.sql").fetch_one(&mut *connection).await?;
    if kept > 0 {
        connection.clear_cached_statements().await?;
        return Err(PoolerError::Statements);
    }
    sqlx::raw_sql("rollback").execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_may_be_shorter_and_must_be_there() {
        for (found, wanted, fit) in [
            ("30000", "30000", true),
            ("10000", "30000", true),
            ("60000", "30000", false),
            ("0", "30000", false),
            ("0", "0", true),
            ("5", "0", true),
            ("utc", "UTC", true),
            ("on", "off", false),
            ("repeatable read", "read committed", false),
        ] {
            assert_eq!(fits(found, wanted), fit, "{found} {wanted}");
        }
    }
}
