//! Claiming: a batch of due events, locked and off the queue until the transaction ends.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Event;
use crate::redact::Hidden;

/// A claimed batch.
#[derive(Debug, Default)]
pub struct Claim {
    /// The events, each once.
    pub events: Vec<Event>,
    /// When the last one was due: where the next claim may begin. `None`: nothing was on the queue.
    pub last_due_at: Option<DateTime<Utc>>,
}

/// Claims up to `batch_size` events that are due, the longest due first, beginning at `from` in the queue. `from`
/// spares a scan over entries that are gone but still visible to an old snapshot; it is a hint, and the caller begins
/// at the very start now and then.
pub async fn claim(connection: &mut PgConnection, batch_size: u32, from: DateTime<Utc>) -> Result<Claim, sqlx::Error> {
    let rows = sqlx::query_file!("sql/inbox/claim.sql", i64::from(batch_size), from).fetch_all(connection).await?;
    let last_due_at = rows.iter().map(|row| row.due_at).max();
    let mut events: Vec<Event> = rows
        .into_iter()
        .filter_map(|row| {
            Some(Event {
                id: row.id?,
                connection_id: row.connection_id?,
                tenant_id: row.tenant_id,
                provider: row.provider?,
                event_type: row.event_type?,
                external_event_id: row.external_event_id?,
                occurred_at: row.occurred_at,
                received_at: row.received_at?,
                attempts: row.attempts?,
                campaign_rank: row.campaign_rank,
                connection_region: row.connection_region,
                tenant_region: row.tenant_region,
                tenant_outreach_delay_ms: row.tenant_outreach_delay_ms,
                payload: Hidden::new(row.payload?),
                payload_removed: row.payload_removed?,
            })
        })
        .collect();
    // An event that was skipped and replayed by hand may stand in the queue twice.
    events.sort_by_key(|event| event.id);
    events.dedup_by_key(|event| event.id);
    Ok(Claim { events, last_due_at })
}
