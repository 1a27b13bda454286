//! Writing a batch. Its rows go to the tables in one sorted pass, so all batches take their locks in one order and none can
//! wait for another in a circle. What fails is rolled back to a savepoint before the pass, which lets go of all its locks;
//! the culprits are searched for (`src/processor/search.rs`), and the others are written in a pass of their own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use uuid::Uuid;

use super::fold::fold;
use super::search::find_culprits;
use super::trouble::Trouble;
use crate::dispatch::InTransaction;
use crate::domain::Resolved;
use crate::inbox::Event;
use crate::outbox::{self, NewJob};
use crate::queue::Failure;
use crate::store;

/// How often the rest is written again after culprits were found in it. Once is the rule; more only where events fail
/// that pass alone, and then each pass finds one.
const PASSES_MAX: u32 = 8;
/// How long culprits are searched for. A poisonous batch of five hundred takes a second or two; one that takes longer
/// waits for something, and its locks on the queue are better given back.
pub(super) const SEARCH_MAX: Duration = Duration::from_secs(10);

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
    pub(super) failures: HashMap<Uuid, Failure>,
    pub(super) splits: u64,
}

/// Writes the rows of all these events. An error means that the whole transaction is lost.
pub(super) async fn write(connection: &mut PgConnection, steps: &[Step]) -> Result<Written, Trouble> {
    let mut written = Written::default();
    let mut good: Vec<&Step> = steps.iter().collect();
    let until = Instant::now() + SEARCH_MAX;
    sqlx::raw_sql("savepoint step").execute(&mut *connection).await?;
    for _ in 0..PASSES_MAX {
        match attempt(connection, &good).await {
            Ok(()) => return Ok(written),
            Err(Trouble::Event(failure)) => {
                roll_back(connection).await?;
                find_culprits(connection, &good, failure, until, &mut written).await?;
                good.retain(|step| !written.failures.contains_key(&step.event.id));
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Err(endless())
}

/// Writes these and takes it all back, so that no lock is held while the next are tried.
pub(super) async fn probe(
    connection: &mut PgConnection,
    steps: &[&Step],
    until: Instant,
) -> Result<Option<Failure>, Trouble> {
    if Instant::now() >= until {
        return Err(endless());
    }
    let failure = match attempt(connection, steps).await {
        Ok(()) => None,
        Err(Trouble::Event(failure)) => Some(failure),
        Err(trouble) => return Err(trouble),
    };
    roll_back(connection).await?;
    Ok(failure)
}

async fn attempt(connection: &mut PgConnection, steps: &[&Step]) -> Result<(), Trouble> {
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
    Ok(())
}

/// Back to before the first write. The savepoint stays, for the next attempt.
async fn roll_back(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("rollback to savepoint step").execute(connection).await?;
    Ok(())
}

/// The search has no end in sight: the batch is given back, and comes again in smaller ones.
fn endless() -> Trouble {
    Trouble::Busy("the search for what fails took too long".to_owned())
}
