//! What operators do to events and jobs: bounded, and each step with its line in the operator log.

use std::time::Duration;

use serde_json::json;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::access::Scope;
use crate::db;
use crate::inbox::Filter;
use crate::inbox::operate::{self, Cursor, Group, Operation};
use crate::outbox::dead::{self, Which};
use crate::outbox::{self};
use crate::redact::scrub;
use crate::store::operator_log::{Action, Described, Id, Line, Text};

/// Events in one transaction: fewer than on the command line, since somebody watches a progress bar.
pub const EVENTS_AT_ONCE: u32 = 5_000;
/// On the command line: enough to be fast, few enough to hold no lock for long.
const PATIENT_EVENTS_AT_ONCE: u32 = 10_000;
/// Jobs in one transaction, and jobs that can be named one by one.
pub const JOBS_AT_ONCE: usize = 1_000;
/// After so long a step is given up; what it would have done is not done.
pub const STEP_LONGEST: Duration = Duration::from_secs(15);
/// A note is a sentence.
pub const NOTE_CHARS_MAX: usize = 500;

/// A note that is no sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a note has {NOTE_CHARS_MAX} characters at most")]
pub struct TooLong;

/// What stands at an event that was settled by hand.
pub fn note(what: &str, reason: Option<&str>) -> Result<String, TooLong> {
    match sentence(reason)? {
        None => Ok(format!("{what} by hand")),
        Some(reason) => Ok(format!("{what} by hand: {reason}")),
    }
}

/// What somebody wrote, without what looks like personal data; `None`: nothing.
pub fn sentence(text: Option<&str>) -> Result<Option<String>, TooLong> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) if text.chars().count() > NOTE_CHARS_MAX => Err(TooLong),
        text => Ok(text.map(scrub)),
    }
}

/// Counts the events of an operation, by type.
pub async fn count_events(pool: &PgPool, operation: &Operation, filter: &Filter) -> Result<Vec<Group>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    operate::count(&mut transaction, operation, filter).await
}

/// Does an operation to the next events after `from`, some thousands. Returns how many were changed and how far it
/// came; `None`: to the end.
pub async fn step_events(
    pool: &PgPool,
    scope: &Scope,
    operation: &Operation,
    filter: &Filter,
    from: Cursor,
    last_id: Uuid,
) -> Result<(i64, Option<Cursor>), sqlx::Error> {
    let (mut changed, mut cursor) = (0, Some(from));
    // Less than was asked for is mostly all there is: who waits is not asked to go on for nothing.
    while let Some(from) = cursor.filter(|_| changed < i64::from(EVENTS_AT_ONCE)) {
        let transaction = db::bounded(pool, STEP_LONGEST).await?;
        let chunk = (from, last_id, EVENTS_AT_ONCE);
        let (rows, reached) = chunk_of_events(transaction, scope, operation, filter, chunk).await?;
        (changed, cursor) = (changed + rows, reached);
    }
    Ok((changed, cursor))
}

/// The same on the command line, where nobody watches a clock: one chunk, however long it takes.
pub async fn patient_step_events(
    pool: &PgPool,
    scope: &Scope,
    operation: &Operation,
    filter: &Filter,
    from: Cursor,
    last_id: Uuid,
) -> Result<(i64, Option<Cursor>), sqlx::Error> {
    let transaction = db::patient(pool).await?;
    chunk_of_events(transaction, scope, operation, filter, (from, last_id, PATIENT_EVENTS_AT_ONCE)).await
}

async fn chunk_of_events(
    mut transaction: Transaction<'static, Postgres>,
    scope: &Scope,
    operation: &Operation,
    filter: &Filter,
    (from, last_id, limit): (Cursor, Uuid, u32),
) -> Result<(i64, Option<Cursor>), sqlx::Error> {
    let (rows, reached) = operate::step(&mut transaction, operation, filter, from, last_id, limit).await?;
    if rows > 0 {
        line(scope, operation, filter).rows(rows.unsigned_abs()).write(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok((rows, reached))
}

/// Begins those of these jobs that are theirs and not done afresh; returns how many.
pub async fn retry_jobs(pool: &PgPool, scope: &Scope, ids: &[Uuid]) -> Result<u64, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let changed = retry(&mut transaction, scope, ids).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// Calls those of these jobs off that are theirs and that nobody is working on; returns how many.
pub async fn cancel_jobs(pool: &PgPool, scope: &Scope, ids: &[Uuid], reason: &str) -> Result<u64, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let filter = theirs(&mut transaction, scope, ids).await?;
    let changed = outbox::operate::cancel(&mut *transaction, &filter, reason, None).await?;
    let line = Line::of(scope, Action::CancelJobs).rows(changed).with("ids", filter.ids);
    line.with("reason", Text(reason)).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// Begins all jobs of a filter that are not done afresh, of all tenants; returns how many.
pub async fn retry_jobs_of(pool: &PgPool, scope: &Scope, filter: &outbox::operate::Filter) -> Result<u64, sqlx::Error> {
    let mut transaction = db::patient(pool).await?;
    let changed = outbox::operate::retry(&mut *transaction, filter, None).await?;
    line_of_jobs(scope, Action::RetryJobs, filter).rows(changed).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// Calls all jobs of a filter off that nobody is working on, of all tenants; returns how many.
pub async fn cancel_jobs_of(
    pool: &PgPool,
    scope: &Scope,
    filter: &outbox::operate::Filter,
    reason: &str,
) -> Result<u64, sqlx::Error> {
    let mut transaction = db::patient(pool).await?;
    let changed = outbox::operate::cancel(&mut *transaction, filter, reason, None).await?;
    let line = line_of_jobs(scope, Action::CancelJobs, filter).rows(changed);
    line.with("reason", Text(reason)).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(changed)
}

fn line_of_jobs(scope: &Scope, action: Action, filter: &outbox::operate::Filter) -> Line {
    let described = json!({ "ids": filter.ids, "kind": filter.kind, "key": filter.key });
    Line::of(scope, action).with("filter", Described(described))
}

/// Begins the next dead jobs after `from` afresh. Returns how many were, and how far it came; `None`: to the end.
/// What was perhaps sent stays dead: nobody has looked at it yet.
pub async fn step_dead_jobs(
    pool: &PgPool,
    scope: &Scope,
    which: &Which,
    from: Uuid,
    last_id: Uuid,
) -> Result<(u64, Option<Uuid>), sqlx::Error> {
    let mut transaction = db::bounded(pool, STEP_LONGEST).await?;
    let limit = i64::try_from(JOBS_AT_ONCE).unwrap_or(i64::MAX);
    let ids = dead::next(&mut transaction, which, from, last_id, limit).await?;
    let changed = if ids.is_empty() { 0 } else { retry(&mut transaction, scope, &ids).await? };
    transaction.commit().await?;
    Ok((changed, ids.last().copied().filter(|_| ids.len() == JOBS_AT_ONCE)))
}

/// No job of this kind begins until it is resumed, of any tenant.
pub async fn pause_kind(pool: &PgPool, scope: &Scope, kind: &str, reason: &str) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    outbox::operate::pause(&mut *transaction, kind, reason).await?;
    let line = Line::of(scope, Action::PauseJobs).with("kind", Id(kind)).with("reason", Text(reason));
    line.write(&mut transaction).await?;
    transaction.commit().await
}

/// The jobs of this kind begin again; returns whether they did not.
pub async fn resume_kind(pool: &PgPool, scope: &Scope, kind: &str) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let was_paused = outbox::operate::resume(&mut *transaction, kind).await?;
    let line = Line::of(scope, Action::ResumeJobs).rows(u64::from(was_paused)).with("kind", Id(kind));
    line.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(was_paused)
}

async fn retry(connection: &mut PgConnection, scope: &Scope, ids: &[Uuid]) -> Result<u64, sqlx::Error> {
    let filter = theirs(connection, scope, ids).await?;
    let changed = outbox::operate::retry(&mut *connection, &filter, None).await?;
    Line::of(scope, Action::RetryJobs).rows(changed).with("ids", filter.ids).write(connection).await?;
    Ok(changed)
}

async fn theirs(
    connection: &mut PgConnection,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<outbox::operate::Filter, sqlx::Error> {
    let ids = outbox::operate::ids_of(connection, ids, scope.tenant_id()).await?;
    Ok(outbox::operate::Filter { ids: Some(ids), ..outbox::operate::Filter::default() })
}

/// What the operator log says of it, but for the count.
fn line(scope: &Scope, operation: &Operation, filter: &Filter) -> Line {
    let action = match operation {
        Operation::Replay(_) => Action::Replay,
        Operation::Skip(_) => Action::Skip,
        Operation::Redrive => Action::Redrive,
        Operation::Discard(_) => Action::Discard,
    };
    let tenant_id = filter.tenant_id.or(scope.tenant_id());
    let line = Line::of(scope, action).tenant(tenant_id).with("filter", Described(json!(filter)));
    match operation {
        Operation::Replay(Some(outcome)) => line.with("outcome", outcome.as_str()),
        Operation::Skip(note) | Operation::Discard(note) => line.with("note", Text(note)),
        Operation::Replay(None) | Operation::Redrive => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_a_sentence_without_personal_data() {
        assert_eq!(note("skipped", Some("  ")), Ok("skipped by hand".to_owned()));
        assert_eq!(note("skipped", Some("test of +15550100123")), Ok("skipped by hand: test of ***".to_owned()));
        assert_eq!(sentence(Some(&"x".repeat(501))), Err(TooLong));
    }
}
