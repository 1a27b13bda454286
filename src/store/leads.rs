//! `leads`.

use sqlx::PgConnection;

use super::columns::{column, json, of, rank};
use crate::domain::LeadRow;
use crate::redact::{Email, PersonName};

/// Inserts the leads, or merges them into what is there.
pub(super) async fn upsert(connection: &mut PgConnection, rows: &[LeadRow]) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/store/upsert_leads.sql",
        column(rows, |row| row.id) as _,
        column(rows, |row| row.tenant_id) as _,
        column(rows, |row| row.phone.expose()) as _,
        column(rows, |row| row.first_seen_at) as _,
        column(rows, |row| of(&row.name, PersonName::expose)) as _,
        column(rows, |row| rank(&row.name)) as _,
        column(rows, |row| of(&row.email, Email::expose)) as _,
        column(rows, |row| rank(&row.email)) as _,
        column(rows, |row| row.source.value.as_str()) as _,
        column(rows, |row| row.source.rank.as_str()) as _,
        column(rows, |row| row.stage.map(|stage| stage.as_str())) as _,
        column(rows, |row| row.profile.as_ref().map(|profile| json(&profile.value))) as _,
        column(rows, |row| rank(&row.profile)) as _,
        column(rows, |row| of(&row.opted_out, |opted_out| *opted_out)) as _,
        column(rows, |row| rank(&row.opted_out)) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
