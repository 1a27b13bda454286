//! The three kinds of handler.

use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use crate::domain::Changes;
use crate::inbox::Event;
use crate::queue::Failure;

/// From an event to what should be true. It reads no clock, no table, no network, so it can be tested with a file,
/// applied five hundred at a time, and replayed.
pub type Pure = fn(&Event) -> Result<Changes, Failure>;

/// An async function with the open transaction of the event: what it writes commits together with the event's
/// `processed_at`, or not at all. It must not call the network, and must give the same rows when it runs again.
pub type InTransaction = for<'a> fn(&'a Event, &'a mut PgConnection) -> BoxFuture<'a, Result<(), Failure>>;

/// What is done with an event.
#[derive(Clone, Debug)]
pub enum Handler {
    /// A pure function: the ordinary case.
    Pure(Pure),
    /// An async function with the transaction: for tables of your own.
    InTransaction(InTransaction),
    /// An SQL function that takes the event's row (`webhook_events`): `select your_schema.your_function(event)`.
    SqlFunction(String),
    /// Nothing, on purpose, for this reason.
    Ignore(&'static str),
}
