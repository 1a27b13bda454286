//! `forgotten`: who was erased, and taking out of the tables what is theirs.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::crypto::DigestKey;
use crate::domain::{Forgotten, ForgottenRows, forgotten_digest};
use crate::redact::Phone;

/// Makes erasures wait until this transaction ends. Who writes rows of people holds it from before it asks who was
/// forgotten: else an erasure in between would go unnoticed.
pub async fn hold_off_erasure(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/hold_off_erasure.sql").execute(connection).await?;
    Ok(())
}

/// Waits for those who hold an erasure off, and holds them off until this transaction ends.
pub async fn begin_erasure(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/store/begin_erasure.sql").execute(connection).await?;
    Ok(())
}

/// Whether anybody was ever forgotten.
pub async fn is_anybody(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/store/has_forgotten.sql").fetch_one(connection).await
}

/// Who of these people was erased, and which of these calls and messages belong to somebody who was.
pub async fn find(
    connection: &mut PgConnection,
    key: &DigestKey,
    people: BTreeSet<(Uuid, Phone)>,
    calls: &[Uuid],
    messages: &[Uuid],
) -> Result<Forgotten, sqlx::Error> {
    let mut by_digest: HashMap<(Uuid, Vec<u8>), Phone> = people
        .into_iter()
        .map(|(tenant_id, phone)| ((tenant_id, forgotten_digest(key, tenant_id, &phone)), phone))
        .collect();
    let (tenants, digests): (Vec<Uuid>, Vec<Vec<u8>>) = by_digest.keys().cloned().unzip();
    let found =
        sqlx::query_file!("sql/store/find_forgotten.sql", &tenants, &digests).fetch_all(&mut *connection).await?;
    let people = found.into_iter().filter_map(|row| {
        let phone = by_digest.remove(&(row.tenant_id, row.phone_digest))?;
        Some(((row.tenant_id, phone), row.at))
    });
    let people = people.collect();
    let rows =
        sqlx::query_file_scalar!("sql/store/find_forgotten_rows.sql", calls, messages).fetch_all(connection).await?;
    Ok(Forgotten { people, rows: rows.into_iter().collect() })
}

/// Writes down that this person is forgotten from now on, by these tenants.
pub async fn add(
    connection: &mut PgConnection,
    key: &DigestKey,
    tenants: &[Uuid],
    phone: &Phone,
) -> Result<(), sqlx::Error> {
    let digests: Vec<Vec<u8>> = tenants.iter().map(|tenant_id| forgotten_digest(key, *tenant_id, phone)).collect();
    sqlx::query_file!("sql/store/add_forgotten.sql", tenants, &digests).execute(connection).await?;
    Ok(())
}

/// Takes out of these rows what is personal, and marks them. `number`: the person's, in case it stands where ours
/// should.
pub async fn strip(
    connection: &mut PgConnection,
    rows: &ForgottenRows,
    number: Option<&Phone>,
) -> Result<Stripped, sqlx::Error> {
    let mut stripped = Stripped::default();
    if !rows.calls.is_empty() {
        let numbers: Vec<String> = number.map(|number| number.expose().to_owned()).into_iter().collect();
        stripped.calls = sqlx::query_file!("sql/store/forget_calls.sql", &rows.calls, &numbers)
            .execute(&mut *connection)
            .await?
            .rows_affected();
        stripped.analytics = sqlx::query_file!("sql/store/forget_analytics.sql", &rows.calls)
            .execute(&mut *connection)
            .await?
            .rows_affected();
    }
    if !rows.calls.is_empty() || !rows.recordings.is_empty() {
        stripped.recordings = sqlx::query_file!("sql/store/forget_recordings.sql", &rows.calls, &rows.recordings)
            .execute(&mut *connection)
            .await?
            .rows_affected();
    }
    if !rows.messages.is_empty() {
        stripped.messages = sqlx::query_file!("sql/store/forget_messages.sql", &rows.messages)
            .execute(&mut *connection)
            .await?
            .rows_affected();
    }
    Ok(stripped)
}

/// Rows that were stripped, by table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "one count for each table, by the table's name")]
pub struct Stripped {
    pub calls: u64,
    pub analytics: u64,
    pub recordings: u64,
    pub messages: u64,
}
