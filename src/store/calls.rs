//! `calls`.

use sqlx::PgConnection;

use super::columns::{at, column, json, number, of, rank};
use crate::domain::CallRow;
use crate::redact::{PersonName, Spoken};

/// Inserts the calls, or merges them into what is there.
pub(super) async fn upsert(connection: &mut PgConnection, rows: &[CallRow]) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/store/upsert_calls.sql",
        column(rows, |row| row.id) as _,
        column(rows, |row| row.tenant_id) as _,
        column(rows, |row| row.provider.as_str()) as _,
        column(rows, |row| row.provider_call_id.as_str()) as _,
        column(rows, |row| row.parent_call_id.as_deref()) as _,
        column(rows, |row| row.direction.map(|direction| direction.as_str())) as _,
        column(rows, |row| row.status.map(|status| status.as_str())) as _,
        column(rows, |row| of(&row.provider_status, String::as_str)) as _,
        column(rows, |row| rank(&row.provider_status)) as _,
        column(rows, |row| row.disposition.map(|disposition| disposition.as_str())) as _,
        column(rows, |row| number(&row.from_raw)) as _,
        column(rows, |row| number(&row.from_number)) as _,
        column(rows, |row| number(&row.to_raw)) as _,
        column(rows, |row| number(&row.to_number)) as _,
        column(rows, |row| number(&row.our_number)) as _,
        column(rows, |row| number(&row.contact_number)) as _,
        column(rows, |row| row.agent_id.as_deref()) as _,
        column(rows, |row| row.agent_name.as_ref().map(PersonName::expose)) as _,
        column(rows, |row| row.campaign_rank.as_deref()) as _,
        column(rows, |row| row.initiated_at) as _,
        column(rows, |row| row.ringing_at) as _,
        column(rows, |row| row.answered_at) as _,
        column(rows, |row| row.ended_at) as _,
        column(rows, |row| of(&row.durations, |value| value.total_ms).flatten()) as _,
        column(rows, |row| of(&row.durations, |value| value.talk_ms).flatten()) as _,
        column(rows, |row| rank(&row.durations)) as _,
        column(rows, |row| at(&row.hangup)) as _,
        column(rows, |row| of(&row.hangup, |value| value.by.as_deref()).flatten()) as _,
        column(rows, |row| of(&row.hangup, |value| value.reason.as_deref()).flatten()) as _,
        column(rows, |row| rank(&row.hangup)) as _,
        column(rows, |row| at(&row.recording_url)) as _,
        column(rows, |row| of(&row.recording_url, String::as_str)) as _,
        column(rows, |row| rank(&row.recording_url)) as _,
        column(rows, |row| at(&row.transcript)) as _,
        column(rows, |row| of(&row.transcript, |value| value.text.expose())) as _,
        column(rows, |row| of(&row.transcript, |value| json(&value.turns))) as _,
        column(rows, |row| rank(&row.transcript)) as _,
        column(rows, |row| at(&row.analysis)) as _,
        column(rows, |row| of(&row.analysis, |value| value.summary.as_ref().map(Spoken::expose)).flatten()) as _,
        column(rows, |row| of(&row.analysis, |value| value.sentiment.map(|word| word.as_str())).flatten()) as _,
        column(rows, |row| of(&row.analysis, |value| value.successful).flatten()) as _,
        column(rows, |row| of(&row.analysis, |value| value.data.as_ref().map(json)).flatten()) as _,
        column(rows, |row| rank(&row.analysis)) as _,
        column(rows, |row| at(&row.cost)) as _,
        column(rows, |row| of(&row.cost, |value| value.amount)) as _,
        column(rows, |row| of(&row.cost, |value| value.unit)) as _,
        column(rows, |row| rank(&row.cost)) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
