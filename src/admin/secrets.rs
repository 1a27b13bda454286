//! The master keys: which of them the sealed values need, and everything sealed anew under the newest.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::AdminError;
use crate::access::Scope;
use crate::crypto::{DIGEST_KEY, Keys, OpenError, purpose, sealed_under};
use crate::store::operator_log::{Action, Id, Line};
use crate::store::sealed::{Resealed, SealedColumn, SealedRow, of_settings, page, put_back, replace_in_settings};

/// Rows that are read, sealed and written in one transaction.
const PAGE_ROWS: i64 = 500;
/// The same of requests that were kept, which have up to two megabytes each.
const PAGE_LONG_ROWS: i64 = 8;
/// How often a column is gone through: what somebody else changed in the meantime is read again.
const PASSES_MAX: usize = 3;

/// How many values of a column are sealed under a key; `None`: they stand in clear.
pub type Uses = BTreeMap<(Option<String>, &'static str), u64>;

/// Counts the sealed values by key and column; but for requests that were kept: they are gone within days, and the start
/// of the program does not read them all.
pub async fn uses(pool: &PgPool) -> Result<Uses, sqlx::Error> {
    let mut uses = Uses::new();
    for column in SealedColumn::ALL.iter().filter(|column| **column != SealedColumn::KeptRequests) {
        let mut after = String::new();
        loop {
            let rows = page(pool, *column, &after, PAGE_ROWS).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in &rows {
                for (_, text) in values(*column, row) {
                    *uses.entry((sealed_under(&text).map(str::to_owned), column.as_str())).or_default() += 1;
                }
            }
        }
    }
    Ok(uses)
}

/// The keys that something is sealed under and that are not among those given.
pub fn missing(uses: &Uses, keys: &Keys) -> Vec<String> {
    let mut missing: Vec<String> = uses.keys().filter_map(|(key, _)| key.clone()).collect();
    missing.dedup();
    missing.retain(|id| !keys.master_ids().any(|given| given == id));
    missing
}

/// A value that could not be sealed anew, and stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Table and column.
    pub column: &'static str,
    /// The row's primary key.
    pub id: String,
    /// Why; `None`: it was being changed all the time.
    pub error: Option<OpenError>,
}

impl Left {
    fn of(column: SealedColumn, id: &str, error: Option<OpenError>) -> Self {
        Self { column: column.as_str(), id: id.to_owned(), error }
    }
}

/// What a rotation has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Rows that were sealed anew, by table and column.
    pub resealed: Vec<(&'static str, u64)>,
    /// What stays as it is.
    pub left: Vec<Left>,
}

/// Seals everything under the newest master key that is sealed under an older one, or stands in clear. It may run beside
/// the service and be broken off at any moment: the next run goes on where it stopped.
pub async fn rotate(pool: &PgPool, scope: &Scope, keys: &Keys) -> Result<Rotation, AdminError> {
    let mut rotation = Rotation::default();
    for column in SealedColumn::ALL {
        let (operation_id, mut rows) = (Uuid::now_v7(), 0);
        for pass in 1..=PASSES_MAX {
            let (resealed, left, is_whole) = rotate_column(pool, scope, keys, *column, operation_id).await?;
            rows += resealed;
            if is_whole || pass == PASSES_MAX {
                rotation.left.extend(left);
                break;
            }
        }
        rotation.resealed.push((column.as_str(), rows));
    }
    Ok(rotation)
}

/// Goes through a column once: how many rows it sealed anew, what it had to leave, and whether nobody interfered.
async fn rotate_column(
    pool: &PgPool,
    scope: &Scope,
    keys: &Keys,
    column: SealedColumn,
    operation_id: Uuid,
) -> Result<(u64, Vec<Left>, bool), AdminError> {
    let (mut resealed, mut left, mut missed) = (0, Vec::new(), 0);
    let mut after = String::new();
    loop {
        let mut transaction = pool.begin().await?;
        let page_rows = if column == SealedColumn::KeptRequests { PAGE_LONG_ROWS } else { PAGE_ROWS };
        let rows = page(&mut *transaction, column, &after, page_rows).await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.id);
        let mut changed = Vec::new();
        for row in rows {
            let (after, errors) = reseal(column, &row, keys);
            left.extend(errors.into_iter().map(|error| Left::of(column, &row.id, Some(error))));
            changed.extend(after.map(|after| Resealed { before: row, after }));
        }
        if changed.is_empty() {
            continue;
        }
        let count = put_back(&mut *transaction, column, &changed).await?;
        missed += changed.len() as u64 - count;
        resealed += count;
        if count > 0 {
            let line = Line::of(scope, Action::RotateMasterKey).rows(count).with("column", column.as_str());
            let line = line.with("key", keys.master_ids().next().map(Id));
            line.write_step(&mut transaction, operation_id).await?;
        }
        transaction.commit().await?;
    }
    if missed > 0 {
        left.push(Left::of(column, &format!("{missed} rows"), None));
    }
    Ok((resealed, left, missed == 0))
}

/// What shall stand in a column in the place of a row's value, if it is to change, and what cannot be opened. One value of
/// a tenant's settings that cannot be opened stays; the others are sealed anew.
fn reseal(column: SealedColumn, row: &SealedRow, keys: &Keys) -> (Option<String>, Vec<OpenError>) {
    let (mut fresh, mut errors) = (Vec::new(), Vec::new());
    for (purpose, text) in values(column, row) {
        match keys.reseal(purpose, &text) {
            Ok(sealed) => fresh.extend(sealed.map(|sealed| (purpose, sealed))),
            Err(error) => errors.push(error),
        }
    }
    let after = match (column, fresh.is_empty()) {
        (_, true) => None,
        (SealedColumn::TenantSettings, false) => serde_json::from_str(&row.value).ok().map(|mut settings: Value| {
            for (key, sealed) in fresh {
                replace_in_settings(&mut settings, key, sealed);
            }
            settings.to_string()
        }),
        (_, false) => fresh.pop().map(|(_, sealed)| sealed),
    };
    (after, errors)
}

/// The values of a row that are sealed, or should be, each with what it is sealed for.
fn values(column: SealedColumn, row: &SealedRow) -> Vec<(&'static str, String)> {
    let purpose = match column {
        SealedColumn::SourceSecrets => purpose::CONNECTION_SECRET,
        SealedColumn::SourceHeaders => purpose::HEADER_VALUE,
        SealedColumn::OauthTokens => purpose::OAUTH_TOKEN,
        SealedColumn::SecondFactors => purpose::SECOND_FACTOR,
        SealedColumn::KeptRequests => purpose::KEPT_REQUEST,
        SealedColumn::OwnKeys => DIGEST_KEY,
        SealedColumn::TenantSettings => {
            let settings: Value = serde_json::from_str(&row.value).unwrap_or_default();
            return of_settings(&settings).into_iter().map(|(key, text)| (key, text.to_owned())).collect();
        }
    };
    vec![(purpose, row.value.clone())]
}
