//! The probe: asks by a connection of its own whether the server is there, takes changes, and is still the one that it was.
//! It decides when everybody may come back, so that nobody has to find out at the price of a time-out; of several servers it
//! finds the one that takes changes; and it notices that the password has changed.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use super::error::describe;
use super::link::{Found, Link};
use super::password::PasswordSource;
use super::pooler::{self, PoolerError, Pooling};
use super::servers::servers;
use super::{Settings, process_name};
use crate::redact::Secret;

/// How often the server is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it may take to answer, connecting included: a machine under load is slow.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take where more is asked: at the start, where there is but one server, and of a new connection through a
/// pooler.
const LONG_TIMEOUT: Duration = Duration::from_secs(5);
/// After trouble it is asked again soon: everybody waits for the return.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the password may take to be read: a command may ask a cloud.
const PASSWORD_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a file with the password is read again.
const PASSWORD_INTERVAL: Duration = Duration::from_secs(5);

/// Asks until told to stop.
pub async fn probe(link: Link, pool: PgPool, settings: Settings, stop: CancellationToken) {
    let mut probe = Probe::new(link, &pool, &settings);
    stop.run_until_cancelled(async {
        loop {
            let is_well = probe.turn(&pool).await;
            tokio::time::sleep(if is_well { INTERVAL } else { PAUSE }).await;
        }
    })
    .await;
}

/// Reads the password, finds the server that takes changes, and looks at what is between, once, before the first statement.
/// Where no server is found, that first statement says why. An error is a pooler that cannot be used as it is.
pub async fn prepare(link: &Link, pool: &PgPool, settings: &Settings) -> Result<(), PoolerError> {
    let mut probe = Probe::new(link.clone(), pool, settings);
    probe.read_password(true).await;
    let first = probe.place;
    let timeout = if probe.servers.len() > 1 { TIMEOUT } else { LONG_TIMEOUT };
    for place in std::iter::once(first).chain((0..probe.servers.len()).filter(|place| *place != first)) {
        (probe.place, probe.connection) = (place, None);
        match tokio::time::timeout(timeout, probe.ask(pool)).await {
            Ok(Ok(Server { is_read_only: false, .. })) => {
                probe.lead_there(pool);
                break;
            }
            Ok(Err(PoolerError::Database(_)) | Ok(_)) | Err(_) => {}
            Ok(Err(error)) => return Err(error),
        }
    }
    if let Some(connection) = probe.connection.take() {
        // It goes either way.
        tokio::time::timeout(TIMEOUT, connection.close()).await.ok();
    }
    Ok(())
}

/// One run of one server.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    started_at: DateTime<Utc>,
    is_read_only: bool,
}

struct Probe {
    link: Link,
    settings: Settings,
    connection: Option<PgConnection>,
    /// Host, port and socket of every server, and which is asked.
    servers: Vec<PgConnectOptions>,
    place: usize,
    password: PasswordSource,
    last_password: Option<Secret>,
    password_read_at: Option<Instant>,
    last: Option<DateTime<Utc>>,
    /// Whether connections may be open that nobody answers any more.
    was_silent: bool,
}

impl Probe {
    fn new(link: Link, pool: &PgPool, settings: &Settings) -> Self {
        let servers = servers(settings.url.expose()).unwrap_or_default();
        let used = pool.connect_options();
        let place = servers.iter().position(|one| leads_to(one, &used)).unwrap_or_default();
        Self {
            link,
            settings: settings.clone(),
            connection: None,
            servers,
            place,
            password: settings.password().unwrap_or_default(),
            last_password: None,
            password_read_at: None,
            last: None,
            was_silent: false,
        }
    }

    async fn turn(&mut self, pool: &PgPool) -> bool {
        let was_refused = self.link.was_refused();
        self.read_password(was_refused || self.connection.is_none()).await;
        let is_direct = matches!(self.link.pooling(), None | Some(Pooling::None));
        let timeout = if self.connection.is_some() || is_direct { TIMEOUT } else { LONG_TIMEOUT };
        let asked = match tokio::time::timeout(timeout, self.ask(pool)).await {
            Ok(Ok(server)) => Ok(server),
            Ok(Err(error)) => Err(error.reason()),
            Err(_) => {
                self.was_silent = true;
                Err("it does not answer".to_owned())
            }
        };
        let was_silent = self.was_silent;
        let is_well = self.conclude(asked, pool);
        if is_well && was_silent {
            self.end_sessions().await;
        }
        is_well
    }

    /// Everybody has let go of what was silent; what is locked there must be free as well.
    async fn end_sessions(&mut self) {
        // A pooler ends the sessions of a connection that is gone. In those that it shares, the name of whoever used one last
        // may stand over what somebody else does.
        if self.link.pooling() == Some(Pooling::Transaction) {
            return;
        }
        let Some(connection) = &mut self.connection else { return };
        let ending = sqlx::query_file_scalar!("sql/db/end_sessions.sql", process_name()).fetch_one(connection);
        match tokio::time::timeout(TIMEOUT, ending).await {
            Ok(Ok(0)) => {}
            Ok(Ok(ended)) => {
                tracing::info!(ended, "ended sessions that had gone silent, and what they had locked is free")
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %describe(&error), "sessions that had gone silent could not be ended")
            }
            // It would be answered later, when somebody else asks.
            Err(_) => self.connection = None,
        }
    }

    /// A connection that was not answered on is dropped on the way. A new one may come through another pooler than the last.
    async fn ask(&mut self, pool: &PgPool) -> Result<Server, PoolerError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let at = |options| self.at_place(options).application_name("switchhook probe");
                pooler::connect(&self.link, pool, &self.settings, at).await?
            }
        };
        let row = sqlx::query_file!("sql/db/server_state.sql").fetch_one(&mut connection).await?;
        self.connection = Some(connection);
        Ok(Server { started_at: row.started_at, is_read_only: row.is_read_only })
    }

    /// Tells everybody what was found; whether all is well.
    fn conclude(&mut self, asked: Result<Server, String>, pool: &PgPool) -> bool {
        let (since, is_new) = match self.link.found() {
            Some(Found::Trouble { since, .. }) => (since, false),
            _ => (Instant::now(), true),
        };
        let reason = match asked {
            Ok(Server { started_at, is_read_only: false }) => {
                let is_elsewhere = self.lead_there(pool);
                let is_another = self.last.replace(started_at).is_some_and(|last| last != started_at);
                self.link.answered_by(started_at, (!is_new).then(|| since.elapsed()));
                if is_another || is_elsewhere || self.was_silent {
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
        self.place = (self.place + 1) % self.servers.len().max(1);
        if is_new {
            tracing::error!(reason, "the database is away");
            self.link.distrust();
        }
        self.link.find(Found::Trouble { since, reason });
        false
    }

    /// Has everybody use the server that was asked; whether they did not until now.
    fn lead_there(&self, pool: &PgPool) -> bool {
        let is_elsewhere = self.servers.get(self.place).is_some_and(|one| !leads_to(one, &pool.connect_options()));
        if is_elsewhere {
            tracing::info!(server = self.place + 1, "another server of the list takes changes");
            self.link.redirect(|options| self.at_place(options));
        }
        is_elsewhere
    }

    /// The same way to the server that is asked.
    fn at_place(&self, options: PgConnectOptions) -> PgConnectOptions {
        match self.servers.get(self.place) {
            Some(server) if self.servers.len() > 1 => options.host(server.get_host()).port(server.get_port()),
            _ => options,
        }
    }

    /// Reads the password where it is time, or somebody needs it; what is new counts for everybody.
    async fn read_password(&mut self, is_needed: bool) {
        let is_time = match self.password {
            PasswordSource::None => return,
            PasswordSource::File(_) => self.password_read_at.is_none_or(|at| at.elapsed() > PASSWORD_INTERVAL),
            // A command may cost something: only where connections are made.
            PasswordSource::Command(_) => false,
        };
        if !is_time && !is_needed {
            return;
        }
        self.password_read_at = Some(Instant::now());
        match self.password.read(PASSWORD_TIMEOUT).await {
            Ok(Some(password)) if self.last_password.as_ref() != Some(&password) => {
                self.link.redirect(|options| options.password(password.expose()));
                self.last_password = Some(password);
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the password of the database cannot be read"),
        }
    }
}

/// Whether both lead to the same server.
fn leads_to(one: &PgConnectOptions, other: &PgConnectOptions) -> bool {
    (one.get_host(), one.get_port()) == (other.get_host(), other.get_port())
}
