//! Events with a handler of the user's own: an async function with the transaction, or an SQL function. They have a lane
//! and a loop of their own and small batches, so that a slow one keeps no other event waiting.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::Processor;
use super::trouble::Trouble;
use super::write::{Effect, Step, Written};
use crate::db;
use crate::queue::Failure;

/// How long a batch goes on calling handlers. What it has not come to by then is put back.
pub(super) const CALLS_MAX: Duration = Duration::from_secs(1);
/// What an answer of the server may take beyond a statement's own limit.
const GRACE: Duration = Duration::from_secs(1);
const TOOK_LONGER: &str = "the handler took longer than processor.handler_timeout";

impl Processor {
    /// Calls the handlers one after the other, each behind a savepoint. Returns the steps that were not come to.
    pub(super) async fn call_handlers(
        &self,
        connection: &mut PgConnection,
        mut steps: Vec<Step>,
        written: &mut Written,
    ) -> Result<(Vec<Step>, Vec<Step>), Trouble> {
        let began = Instant::now();
        for number in 0..steps.len() {
            let Some(Step { event, effect }) = steps.get(number) else { break };
            if number > 0 && began.elapsed() >= CALLS_MAX {
                let rest = steps.split_off(number);
                return Ok((steps, rest));
            }
            let function = match effect {
                Effect::Rows(_) => continue,
                effect => effect,
            };
            sqlx::raw_sql("savepoint handler").execute(&mut *connection).await?;
            let result = match function {
                Effect::Call(function) => self.bounded(function(event, connection)).await,
                Effect::Select(name) => self.bounded(select(name, event.id, connection)).await,
                Effect::Rows(_) => Ok(()),
            };
            let end = match &result {
                Ok(()) => "release savepoint handler",
                Err(_) => "rollback to savepoint handler; release savepoint handler",
            };
            sqlx::raw_sql(end).execute(&mut *connection).await?;
            if let Err(failure) = result {
                written.failures.insert(event.id, failure);
            }
        }
        Ok((steps, Vec::new()))
    }

    /// Runs a user's function: a panic and a time-out are failures like any other. The server stops a statement at its own
    /// limit, which is the same; ours is for what waits outside the database.
    async fn bounded(&self, call: BoxFuture<'_, Result<(), Failure>>) -> Result<(), Failure> {
        let call = AssertUnwindSafe(call).catch_unwind();
        match tokio::time::timeout(self.settings.handler_timeout + GRACE, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::dead("the handler panicked; the program's log says where")),
            Err(_) => Err(Failure::retry(TOOK_LONGER)),
        }
    }
}

/// Calls an SQL function with the event's row. The name was checked when it was registered: letters, digits,
/// underscores and one dot.
fn select<'a>(name: &str, event_id: Uuid, connection: &'a mut PgConnection) -> BoxFuture<'a, Result<(), Failure>> {
    let statement = format!("select {name}(e) from webhook_events e where e.id = $1");
    async move {
        #[expect(clippy::disallowed_methods, reason = "the user names the function in config.toml")]
        let result = sqlx::query(AssertSqlSafe(statement)).bind(event_id).execute(connection).await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if db::is_timeout(&error) => Err(Failure::retry(TOOK_LONGER)),
            Err(error) => Err(error.into()),
        }
    }
    .boxed()
}
