//! Where a request that only looks is answered from: a standby (`database.read_url`), or the primary. It is decided here,
//! for every route that says `read` in its list: its handler gets a [`Console`] whose [`Console::begin`] and
//! [`Console::pool`] lead to the standby. All other ways to the database that a console has lead to the primary.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::{Console, Entry};
use crate::access::Scope;
use crate::db::{self, Standby};
use crate::store::operator_log::Line;
use crate::store::people::{self, Revealed};
use crate::store::tokens;

/// How far the standby is behind that an answer was read from, in seconds; none where it is the primary.
pub const READ_LAG: &str = "switchhook-read-lag";

/// That a request is answered from a standby, which is so far behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadFrom(pub(crate) Duration);

/// A transaction of a request, and where it is.
#[derive(Debug)]
pub struct Reading {
    transaction: Transaction<'static, Postgres>,
    is_on_standby: bool,
}

impl Reading {
    /// Ends it, with what it has changed.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }

    /// Ends it, as if nothing had been.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }
}

impl Deref for Reading {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

impl Console {
    /// With a standby for requests that only look. To be said last: what is said later does not count for these.
    #[must_use]
    pub fn reading_from(mut self, standby: Option<Standby>) -> Self {
        self.reading = standby.map(|standby| Data::new(Self { standby: Some(standby), ..self.clone() }));
        self
    }

    /// The standby that is configured, whether it may be read from or not.
    pub fn standby(&self) -> Option<&Standby> {
        self.reading.as_ref().and_then(|reading| reading.standby.as_ref())
    }

    /// A transaction for one request.
    pub async fn begin(&self) -> Result<Reading, sqlx::Error> {
        if let Some(standby) = self.readable() {
            match standby.begin().await {
                Ok(transaction) => return Ok(Reading { transaction, is_on_standby: true }),
                Err(_) => standby.count_read_again(),
            }
        }
        Ok(Reading { transaction: self.pool.begin().await?, is_on_standby: false })
    }

    /// The database, for what is a transaction of its own. No statement may take longer than somebody waits
    /// (`console.statement_timeout`), unless it says so itself by [`db::bounded`].
    pub fn pool(&self) -> &PgPool {
        self.readable().map_or(&self.pool, Standby::pool)
    }

    /// Does one read in a transaction. Where a standby fails it, the primary does it again.
    pub(crate) async fn read<T>(
        &self,
        read: impl AsyncFn(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<(T, Reading), sqlx::Error> {
        let mut reading = self.begin().await?;
        if let (true, Some(standby)) = (reading.is_on_standby, &self.standby) {
            match standby.unless_gone(read(&mut reading)).await {
                Ok(found) => return Ok((found, reading)),
                Err(error) if db::is_timeout(&error) || db::is_data_error(&error) => return Err(error),
                Err(_) => standby.count_read_again(),
            }
            reading = Reading { transaction: self.pool.begin().await?, is_on_standby: false };
        }
        let found = read(&mut reading).await?;
        Ok((found, reading))
    }

    /// Logs that somebody saw people whole: with what was read, or, if that was read from a standby, on the primary.
    pub(crate) async fn log_reveal(
        &self,
        reading: &mut Reading,
        scope: &Scope,
        revealed: Revealed,
        rows: usize,
    ) -> Result<(), sqlx::Error> {
        if !reading.is_on_standby {
            return people::log_reveal(reading, scope, revealed, rows).await;
        }
        if !people::reveals(scope, rows) {
            return Ok(());
        }
        people::log_reveal(&mut *self.pool.acquire().await?, scope, revealed, rows).await
    }

    /// The same of a step of something longer.
    pub(crate) async fn log_step(&self, reading: &mut Reading, line: Line, id: Uuid) -> Result<(), sqlx::Error> {
        match reading.is_on_standby {
            true => line.write_step(&mut *self.pool.acquire().await?, id).await,
            false => line.write_step(reading, id).await,
        }
    }

    /// Notes that somebody has changed something: until the standby has it they read from the primary, whichever process
    /// they ask. After the change, so that it is older than the note.
    pub(crate) async fn note_change(&self, entry: &Entry) {
        let actor = entry.scope.actor();
        if let Err(error) = tokens::note_change(&self.pool, actor.id).await {
            let error = db::describe(&error);
            tracing::warn!(%actor, error, "a change could not be noted: who made it may read from before it for a moment");
        }
    }

    /// The standby, where this console reads from it and it is fit.
    fn readable(&self) -> Option<&Standby> {
        self.standby.as_ref().filter(|standby| standby.may_be_read(None).is_some())
    }
}

/// Calls the handler of a request that was let in. One that only looks (`reads`) is answered from the standby where that is
/// fit, and has what this reader has changed; and from the primary after all where the standby fails (`is_vain`: whether an
/// answer says that the database did). One that may have changed something is noted.
pub(crate) async fn call(
    console: &Console,
    entry: &Entry,
    reads: bool,
    mut request: ServiceRequest,
    next: &Next<impl MessageBody + 'static>,
    is_vain: fn(&Error) -> bool,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let response = next.call(request).await?.map_into_boxed_body();
        // What is refused has changed nothing.
        if !response.status().is_client_error() {
            console.note_change(entry).await;
        }
        return Ok(response);
    }
    let reading = console.reading.as_ref().filter(|_| reads);
    let found = reading.and_then(|reading| {
        let standby = reading.standby.as_ref()?;
        Some((reading, standby, standby.may_be_read(entry.changed_at)?))
    });
    let Some((reading, standby, lag)) = found else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let path = request.match_info().clone();
    let place = request.uri().path_and_query().map_or("/", |place| place.as_str()).to_owned();
    request.add_data_container(with(reading.clone()));
    request.extensions_mut().insert(ReadFrom(lag));
    let answered = {
        let called = next.call(request);
        tokio::select! {
            answered = called => Some(answered?),
            () = standby.gone() => None,
        }
    };
    let Some(mut response) = answered else {
        standby.count_read_again();
        // The request went with it. Asked again, it finds the primary.
        let again = HttpResponse::TemporaryRedirect().insert_header((LOCATION, place)).finish();
        return Err(InternalError::from_response("the standby does not answer", again).into());
    };
    if !response.response().error().is_some_and(is_vain) {
        let seconds = HeaderValue::from(lag.as_secs());
        response.headers_mut().insert(HeaderName::from_static(READ_LAG), seconds);
        return Ok(response.map_into_boxed_body());
    }
    standby.count_read_again();
    let (request, failed) = response.into_parts();
    drop(failed);
    let mut request = ServiceRequest::from_request(request);
    // As it was before its handler was looked for.
    *request.match_info_mut() = path;
    request.add_data_container(with(Data::new(console.clone())));
    request.extensions_mut().remove::<ReadFrom>();
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// What makes a handler's console this one.
fn with(console: Data<Console>) -> Rc<Extensions> {
    let mut data = Extensions::new();
    data.insert(console);
    Rc::new(data)
}
