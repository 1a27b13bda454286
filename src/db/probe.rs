//! The probe: asks by a connection of its own whether the server is there, takes changes, and is still the one that it was.
//! It decides when everybody may come back: nobody has to find out for themselves, at the price of a time-out each.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::{ConnectOptions, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use super::error::describe;
use super::link::{Found, Link};

/// How often the server is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it may take to answer, connecting included: a machine under load is slow.
const TIMEOUT: Duration = Duration::from_secs(2);
/// After trouble it is asked again soon: everybody waits for the return.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks until told to stop.
pub async fn probe(link: Link, pool: PgPool, stop: CancellationToken) {
    let mut probe = Probe { link, connection: None, last: None, was_silent: false };
    stop.run_until_cancelled(async {
        loop {
            let asked = match tokio::time::timeout(TIMEOUT, probe.ask(&pool)).await {
                Ok(Ok(server)) => Ok(server),
                Ok(Err(error)) => Err(describe(&error)),
                Err(_) => {
                    probe.was_silent = true;
                    Err("it does not answer".to_owned())
                }
            };
            let is_well = probe.conclude(asked);
            tokio::time::sleep(if is_well { INTERVAL } else { PAUSE }).await;
        }
    })
    .await;
}

/// One run of one server.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    started_at: DateTime<Utc>,
    is_read_only: bool,
}

struct Probe {
    link: Link,
    connection: Option<PgConnection>,
    last: Option<DateTime<Utc>>,
    /// Whether connections may be open that nobody answers any more.
    was_silent: bool,
}

impl Probe {
    /// A connection that was not answered on is dropped on the way.
    async fn ask(&mut self, pool: &PgPool) -> Result<Server, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let options = pool.connect_options().as_ref().clone();
                options.application_name("switchhook probe").connect().await?
            }
        };
        let row = sqlx::query_file!("sql/db/server_state.sql").fetch_one(&mut connection).await?;
        self.connection = Some(connection);
        Ok(Server { started_at: row.started_at, is_read_only: row.is_read_only })
    }

    /// Tells everybody what was found; whether all is well.
    fn conclude(&mut self, asked: Result<Server, String>) -> bool {
        let before = self.link.found();
        let (since, is_new) = match &before {
            Some(Found::Trouble { since, .. }) => (*since, false),
            _ => (Instant::now(), true),
        };
        let reason = match asked {
            Ok(Server { started_at, is_read_only: false }) => {
                let is_another = self.last.replace(started_at).is_some_and(|last| last != started_at);
                if is_another || self.was_silent {
                    self.link.give_up();
                    self.was_silent = false;
                }
                if !is_new {
                    let took_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(took_ms, "the database is back");
                }
                self.link.find(Found::Well);
                return true;
            }
            Ok(Server { is_read_only: true, .. }) => {
                // The next connection may reach another server, and so may everybody's.
                self.connection = None;
                self.link.distrust();
                "it is read-only".to_owned()
            }
            Err(reason) => reason,
        };
        if is_new {
            tracing::error!(reason, "the database is away");
            self.link.distrust();
        }
        self.link.find(Found::Trouble { since, reason });
        false
    }
}
