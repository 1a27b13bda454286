//! Finding the culprits of a batch that failed. Each attempt is taken back, so none holds a lock while the next is made.

use std::time::Instant;

use sqlx::PgConnection;

use super::trouble::Trouble;
use super::write::{Step, Written, probe};
use crate::queue::Failure;

/// Some of the events, and whether it is known that one of them fails.
struct Slice<'a> {
    steps: &'a [&'a Step],
    is_bad: bool,
}

/// Adds to `written` those because of which `steps` failed with `failure`: at least one. k culprits in n cost O(k log n)
/// attempts.
pub(super) async fn find_culprits(
    connection: &mut PgConnection,
    steps: &[&Step],
    failure: Failure,
    until: Instant,
    written: &mut Written,
) -> Result<(), Trouble> {
    if let [step] = steps {
        written.failures.insert(step.event.id, failure);
        return Ok(());
    }
    let before = written.failures.len();
    halve(connection, steps, until, written).await?;
    if written.failures.len() == before {
        find_first(connection, steps, failure, until, written).await?;
    }
    Ok(())
}

/// Those that fail on their own.
async fn halve(
    connection: &mut PgConnection,
    steps: &[&Step],
    until: Instant,
    written: &mut Written,
) -> Result<(), Trouble> {
    let mut open = vec![Slice { steps, is_bad: true }];
    while let Some(Slice { steps, is_bad }) = open.pop() {
        // Of one alone the failure itself is wanted.
        if !is_bad || steps.len() == 1 {
            match (probe(connection, steps, until).await?, steps) {
                (None, _) => continue,
                (Some(failure), [step]) => {
                    written.failures.insert(step.event.id, failure);
                    continue;
                }
                (Some(_), _) => {}
            }
        }
        let (left, right) = steps.split_at(steps.len() / 2);
        written.splits += 1;
        match (probe(connection, left, until).await?, left) {
            // Then it is the other half, and need not be tried as a whole.
            (None, _) => open.push(Slice { steps: right, is_bad: true }),
            (Some(failure), [step]) => {
                written.failures.insert(step.event.id, failure);
                open.push(Slice { steps: right, is_bad: false });
            }
            (Some(_), _) => {
                open.push(Slice { steps: right, is_bad: false });
                open.push(Slice { steps: left, is_bad: true });
            }
        }
    }
    Ok(())
}

/// Where each passes alone: the first that fails in the company of those before it.
async fn find_first(
    connection: &mut PgConnection,
    steps: &[&Step],
    mut failure: Failure,
    until: Instant,
    written: &mut Written,
) -> Result<(), Trouble> {
    let (mut passes, mut fails) = (0, steps.len());
    while fails - passes > 1 {
        let middle = passes + (fails - passes) / 2;
        written.splits += 1;
        match probe(connection, &steps[..middle], until).await? {
            None => passes = middle,
            Some(earlier) => (failure, fails) = (earlier, middle),
        }
    }
    if let Some(step) = steps.get(passes) {
        written.failures.insert(step.event.id, failure);
    }
    Ok(())
}
