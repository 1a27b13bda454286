//! Reading events again, as the processor sees them, without claiming them.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Event;
use crate::redact::Hidden;

/// These events, by id.
pub async fn load(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Event>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/inbox/load.sql", ids).fetch_all(connection).await?;
    let events = rows.into_iter().map(|row| Event {
        id: row.id,
        connection_id: row.connection_id,
        tenant_id: row.tenant_id,
        provider: row.provider,
        event_type: row.event_type,
        external_event_id: row.external_event_id,
        occurred_at: row.occurred_at,
        received_at: row.received_at,
        attempts: row.attempts,
        campaign_rank: row.campaign_rank,
        connection_region: row.connection_region,
        tenant_region: row.tenant_region,
        tenant_outreach_delay_ms: row.tenant_outreach_delay_ms,
        payload: Hidden::new(row.payload),
        payload_removed: row.payload_removed,
    });
    Ok(events.collect())
}
