//! Writing a batch, and finding the culprit when a statement fails: the batch is rolled back to a savepoint and halved
//! until the culprit stands alone. k bad events in n cost O(k log n) statements; the other n − k commit.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::Processor;
use super::fold::fold;
use crate::db;
use crate::dispatch::InTransaction;
use crate::domain::Resolved;
use crate::inbox::Event;
use crate::outbox::{self, NewJob};
use crate::queue::Failure;
use crate::store;

/// What one event does in the transaction.
#[derive(Debug)]
pub(super) enum Effect {
    /// Rows for the domain tables and jobs.
    Rows(Box<Resolved>),
    /// A call of a user's function.
    Call(InTransaction),
    /// A call of a user's SQL function.
    Select(String),
}

/// An event together with what it does.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) event: Event,
    pub(super) effect: Effect,
}

/// Those that failed, by event, and how often the batch was halved.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) failures: Vec<(Uuid, Failure)>,
    pub(super) splits: u64,
}

/// Why an attempt failed: for one of its events, or because the connection is gone.
enum Trouble {
    Event(Failure),
    Connection(sqlx::Error),
}

impl Processor {
    /// Writes what all these events say. An error means that the whole transaction is lost.
    pub(super) async fn write(&self, connection: &mut PgConnection, steps: &[Step]) -> Result<Written, sqlx::Error> {
        let mut written = Written::default();
        let mut open: Vec<&[Step]> = vec![steps];
        while let Some(slice) = open.pop() {
            if slice.is_empty() {
                continue;
            }
            sqlx::raw_sql("savepoint step").execute(&mut *connection).await?;
            match self.attempt(connection, slice).await {
                Ok(()) => {
                    sqlx::raw_sql("release savepoint step").execute(&mut *connection).await?;
                }
                Err(Trouble::Connection(error)) => return Err(error),
                Err(Trouble::Event(failure)) => {
                    sqlx::raw_sql("rollback to savepoint step; release savepoint step")
                        .execute(&mut *connection)
                        .await?;
                    if let [step] = slice {
                        written.failures.push((step.event.id, failure));
                    } else {
                        let (left, right) = slice.split_at(slice.len() / 2);
                        open.extend([right, left]);
                        written.splits += 1;
                    }
                }
            }
        }
        Ok(written)
    }

    async fn attempt(&self, connection: &mut PgConnection, steps: &[Step]) -> Result<(), Trouble> {
        let resolved = steps.iter().filter_map(|step| match &step.effect {
            Effect::Rows(resolved) => Some(&resolved.writes),
            _ => None,
        });
        let writes = fold(resolved);
        store::write(connection, &writes).await?;
        let jobs: Vec<NewJob<'_>> = writes
            .jobs
            .iter()
            .map(|job| NewJob {
                tenant_id: job.tenant_id,
                kind: job.kind,
                key: &job.key,
                payload: &job.payload,
                due_at: job.due_at,
            })
            .collect();
        outbox::put(connection, &jobs).await?;
        for step in steps {
            match &step.effect {
                Effect::Rows(_) => {}
                Effect::Call(function) => self.bounded(function(&step.event, connection)).await?,
                Effect::Select(name) => self.bounded(select(name, step.event.id, connection)).await?,
            }
        }
        Ok(())
    }

    /// Runs a user's function: a panic and a time-out are failures like any other.
    async fn bounded(&self, call: BoxFuture<'_, Result<(), Failure>>) -> Result<(), Trouble> {
        let call = std::panic::AssertUnwindSafe(call).catch_unwind();
        let result = match tokio::time::timeout(self.settings.handler_timeout, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::dead("the handler panicked; the program's log says where")),
            Err(_) => Err(Failure::retry("the handler took longer than processor.handler_timeout")),
        };
        result.map_err(Trouble::Event)
    }
}

/// Calls an SQL function with the event's row. The name was checked when it was registered: letters, digits,
/// underscores and one dot.
fn select<'a>(name: &str, event_id: Uuid, connection: &'a mut PgConnection) -> BoxFuture<'a, Result<(), Failure>> {
    let statement = format!("select {name}(e) from webhook_events e where e.id = $1");
    async move {
        #[expect(clippy::disallowed_methods, reason = "the user names the function in config.toml")]
        sqlx::query(AssertSqlSafe(statement)).bind(event_id).execute(connection).await?;
        Ok(())
    }
    .boxed()
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        if db::is_statement_error(&error) { Self::Event(error.into()) } else { Self::Connection(error) }
    }
}
