//! The watch: asks primary and standby once a second how far they are, and that they belong together.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use super::super::error::{describe, sqlstate};
use super::super::link::Link;
use super::super::pooler::{self, PoolerError};
use super::super::{beside, process_name};
use super::positions::Positions;
use super::{Seen, Standby, State, Unfit};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How soon again after the first answer of a standby: it is read from after the second.
const SECOND_LOOK: Duration = Duration::from_millis(200);
/// How long each of the two may take to answer, connecting included.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The primary's position takes one connection.
const PRIMARY_CONNECTIONS: u32 = 1;

/// What the primary says of itself.
struct Primary {
    at: DateTime<Utc>,
    written: i64,
    holds: Holds,
}

/// What the standby says of itself.
struct Replica {
    is_standby: bool,
    replayed: Option<i64>,
    holds: Holds,
}

/// What both must have.
#[derive(PartialEq, Eq)]
struct Holds {
    database: String,
    version: Option<i64>,
    installed_at: Option<DateTime<Utc>>,
}

/// A connection to the standby, and what was found out over it.
struct Line {
    connection: PgConnection,
    /// What it had replayed when it was asked last: the primary must have written that by now.
    replayed: Option<i64>,
}

struct Watch {
    standby: Standby,
    primary: PgPool,
    positions: Positions,
    line: Option<Line>,
}

impl Standby {
    /// Looks until told to stop.
    pub async fn watch(self, main: PgPool, link: Link, stop: CancellationToken) {
        let mut watch = Watch::new(self, &main, &link);
        stop.run_until_cancelled(async {
            loop {
                let pause = watch.turn().await;
                tokio::time::sleep(pause).await;
            }
        })
        .await;
    }

    /// Looks until it may be read from, for so long at most; what was found last.
    pub async fn examine(&self, main: &PgPool, link: &Link, longest: Duration) -> Seen {
        let mut watch = Watch::new(self.clone(), main, link);
        let end = Instant::now() + longest;
        loop {
            let pause = watch.turn().await;
            let seen = self.seen();
            let is_settled = match &seen {
                Seen::Fit { .. } => true,
                Seen::Unfit(reason) => reason.is_mistake(),
            };
            if is_settled || Instant::now() + pause > end {
                return seen;
            }
            tokio::time::sleep(pause).await;
        }
    }
}

impl Watch {
    fn new(standby: Standby, main: &PgPool, link: &Link) -> Self {
        let primary = beside(main, link, "switchhook positions", PRIMARY_CONNECTIONS, TIMEOUT, TIMEOUT);
        Self { standby, primary, positions: Positions::default(), line: None }
    }

    /// One look; returns the pause until the next one.
    async fn turn(&mut self) -> Duration {
        if self.standby.0.link.was_refused() {
            // The password has changed: it is read again where a connection is made.
            self.line = None;
        }
        let had_line = self.line.is_some();
        let found = match self.look().await {
            Ok(found) => found,
            Err(reason) => {
                if matches!(reason, Unfit::Away(_)) {
                    // Whoever still waits for an answer waits for nothing.
                    self.standby.0.link.give_up();
                }
                if !matches!(reason, Unfit::Late { .. } | Unfit::Behind) {
                    self.line = None;
                }
                Seen::Unfit(reason)
            }
        };
        self.standby.conclude(found);
        if !had_line && self.line.is_some() { SECOND_LOOK } else { INTERVAL }
    }

    /// The primary first: what it has written by then, the standby may have already.
    async fn look(&mut self) -> Result<Seen, Unfit> {
        let primary = match tokio::time::timeout(TIMEOUT, ask_primary(&self.primary)).await {
            Ok(asked) => asked.map_err(|error| Unfit::PrimaryAway(describe(&error)))?,
            Err(_) => return Err(Unfit::PrimaryAway("it does not answer".to_owned())),
        };
        self.positions.written(primary.at, primary.written);
        let replica = match tokio::time::timeout(TIMEOUT, self.ask_standby()).await {
            Ok(asked) => asked?,
            Err(_) => return Err(Unfit::Away("it does not answer".to_owned())),
        };
        if !replica.is_standby {
            return Err(Unfit::TakesChanges);
        }
        same(&primary.holds, &replica.holds)?;
        let Some((line, replayed)) = self.line.as_mut().zip(replica.replayed) else { return Err(Unfit::Behind) };
        // Log is sent when it is written, so what was replayed a moment ago is written by now.
        let Some(earlier) = line.replayed.replace(replayed) else { return Err(Unfit::Behind) };
        if earlier > primary.written {
            return Err(Unfit::Diverged);
        }
        let progress = self.positions.replayed(replayed).ok_or(Unfit::Behind)?;
        let longest = self.standby.0.settings.read_lag;
        match progress.lag > longest {
            true => Err(Unfit::Late { lag: progress.lag, longest }),
            false => Ok(Seen::Fit { lag: progress.lag, until: progress.until }),
        }
    }

    /// What it says of itself; over a new connection also whose standby it is.
    async fn ask_standby(&mut self) -> Result<Replica, Unfit> {
        let away = |error: sqlx::Error| Unfit::Away(describe(&error));
        // Dropped on the way where no answer comes.
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.connect().await?,
        };
        let replica = sqlx::query_file!("sql/db/replayed.sql").fetch_one(&mut line.connection).await;
        let replica = replica.map_err(|error| match sqlstate(&error).as_deref() {
            // Neither the table nor the schema is there.
            Some("42P01" | "3F000") => Unfit::NoTables(self.standby.0.settings.schema.to_string()),
            // The database.
            Some("3D000") => Unfit::OtherDatabase,
            _ => away(error),
        })?;
        self.line = Some(line);
        let holds = Holds { database: replica.database, version: replica.version, installed_at: replica.installed_at };
        Ok(Replica { is_standby: replica.is_standby, replayed: replica.replayed, holds })
    }

    /// A pooler may stand before it as before the primary.
    async fn connect(&self) -> Result<Line, Unfit> {
        let State { pool, link, password, settings, .. } = &*self.standby.0;
        match password.read(TIMEOUT).await {
            Ok(Some(password)) => link.redirect(|options| options.password(password.expose())),
            Ok(None) => {}
            Err(error) => return Err(Unfit::Away(error.to_string())),
        }
        let named =
            |options: PgConnectOptions| options.application_name(&format!("switchhook standby {}", process_name()));
        let connection = pooler::connect(link, pool, settings, named).await;
        let mut connection = connection.map_err(|error| match error {
            PoolerError::Database(error) if sqlstate(&error).as_deref() == Some("3D000") => Unfit::OtherDatabase,
            PoolerError::Database(error) => Unfit::Away(describe(&error)),
            unusable => Unfit::Pooler(unusable.to_string()),
        })?;
        // A cluster of its own has a number of its own. Where one of the two does not tell it, the tables must do.
        let there = system_identifier(&mut connection).await;
        let here = match self.primary.acquire().await {
            Ok(mut primary) => system_identifier(&mut primary).await,
            Err(error) => return Err(Unfit::PrimaryAway(describe(&error))),
        };
        match (here, there) {
            (Some(here), Some(there)) if here != there => Err(Unfit::OtherCluster),
            _ => Ok(Line { connection, replayed: None }),
        }
    }
}

async fn ask_primary(pool: &PgPool) -> Result<Primary, sqlx::Error> {
    let row = sqlx::query_file!("sql/db/position.sql").fetch_one(pool).await?;
    let holds = Holds { database: row.database, version: row.version, installed_at: row.installed_at };
    Ok(Primary { at: row.at, written: row.written, holds })
}

/// `None`: it may not be asked, or does not answer; then the next question says so.
async fn system_identifier(connection: &mut PgConnection) -> Option<i64> {
    sqlx::query_file_scalar!("sql/db/system_identifier.sql").fetch_one(connection).await.ok()
}

/// Whether both hold the same: a copy has the rows of `_sqlx_migrations` to the microsecond.
fn same(primary: &Holds, replica: &Holds) -> Result<(), Unfit> {
    if primary.database != replica.database {
        return Err(Unfit::OtherDatabase);
    }
    if primary == replica {
        return Ok(());
    }
    Err(if replica.version < primary.version { Unfit::OldSchema } else { Unfit::OtherInstallation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_the_same_and_another_installation_does_not() {
        let holds = |database: &str, version, seconds| Holds {
            database: database.to_owned(),
            version: Some(version),
            installed_at: DateTime::from_timestamp(seconds, 0),
        };
        let primary = holds("calls", 32, 7);
        assert_eq!(same(&primary, &holds("calls", 32, 7)), Ok(()));
        assert_eq!(same(&primary, &holds("calls", 31, 6)), Err(Unfit::OldSchema));
        assert_eq!(same(&primary, &holds("calls", 32, 8)), Err(Unfit::OtherInstallation));
        assert_eq!(same(&primary, &holds("calls", 33, 8)), Err(Unfit::OtherInstallation));
        assert_eq!(same(&primary, &holds("others", 32, 7)), Err(Unfit::OtherDatabase));
        let empty = Holds { version: None, installed_at: None, ..holds("calls", 0, 0) };
        assert_eq!(same(&primary, &empty), Err(Unfit::OldSchema));
    }
}
