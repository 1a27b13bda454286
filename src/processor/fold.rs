//! Many patches of one row become one: Postgres refuses to touch a row twice in one statement, and one write is
//! cheaper than five.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::{ForgottenRows, JobRow, Writes};

/// Folds the writes of many events into one row a key, in key order.
pub(super) fn fold<'a>(all: impl Iterator<Item = &'a Writes> + Clone) -> Writes {
    Writes {
        calls: by_id(all.clone().flat_map(|writes| &writes.calls), |row| row.id, |a, b| a.fold(b)),
        leads: by_id(all.clone().flat_map(|writes| &writes.leads), |row| row.id, |a, b| a.fold(b)),
        analytics: by_id(all.clone().flat_map(|writes| &writes.analytics), |row| row.call_id, |a, b| a.fold(b)),
        recordings: by_id(all.clone().flat_map(|writes| &writes.recordings), |row| row.id, |a, b| a.fold(b)),
        messages: by_id(all.clone().flat_map(|writes| &writes.messages), |row| row.id, |a, b| a.fold(b)),
        complete: by_id(all.clone().flat_map(|writes| &writes.complete), |row| row.lead_id, |a, b| a.fold(b)),
        completions: by_id(all.clone().flat_map(|writes| &writes.completions), |row| row.call_id, |a, b| a.fold(b)),
        jobs: jobs(all.clone().flat_map(|writes| &writes.jobs)),
        forgotten: ForgottenRows {
            calls: all.clone().flat_map(|writes| writes.forgotten.calls.iter().copied()).collect(),
            messages: all.clone().flat_map(|writes| writes.forgotten.messages.iter().copied()).collect(),
            recordings: all.flat_map(|writes| writes.forgotten.recordings.iter().copied()).collect(),
        },
    }
}

fn by_id<'a, R: Clone + 'a>(
    rows: impl Iterator<Item = &'a R>,
    id: impl Fn(&R) -> Uuid,
    fold: impl Fn(R, R) -> R,
) -> Vec<R> {
    let mut folded: BTreeMap<Uuid, R> = BTreeMap::new();
    for row in rows {
        let merged = match folded.remove(&id(row)) {
            Some(earlier) => fold(earlier, row.clone()),
            None => row.clone(),
        };
        folded.insert(id(row), merged);
    }
    folded.into_values().collect()
}

/// One job a key; the earliest time wins.
fn jobs<'a>(rows: impl Iterator<Item = &'a JobRow>) -> Vec<JobRow> {
    let mut folded: BTreeMap<(&str, &str), JobRow> = BTreeMap::new();
    for row in rows {
        folded
            .entry((row.kind, &row.key))
            .and_modify(|job| job.due_at = job.due_at.min(row.due_at))
            .or_insert_with(|| row.clone());
    }
    folded.into_values().collect()
}
