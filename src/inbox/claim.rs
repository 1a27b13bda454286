//! Claiming: a batch of due events, locked and off the queue until the transaction ends.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::lane::HANDLERS;
use super::{Event, Look};
use crate::redact::Hidden;

/// A claimed batch.
#[derive(Debug, Default)]
pub struct Claim {
    /// The events, each once.
    pub events: Vec<Event>,
    /// When the last one of each lane was due: where the next claim may begin. Empty: nothing was on the queue.
    pub last_due_at: HashMap<i16, DateTime<Utc>>,
    /// Rows that came off the queue.
    pub taken: u32,
    /// Whether more may be due: as many rows as were asked for, or as many bytes.
    pub is_full: bool,
}

/// Claims events that are due, as many as `look` says.
pub async fn claim(connection: &mut PgConnection, look: &Look) -> Result<Claim, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/inbox/claim.sql",
        look.rows,
        &look.lanes,
        &look.since,
        &look.passed,
        &look.rows_of_lane,
        look.bytes,
        &look.avoided,
        !look.is_blind,
    )
    .fetch_all(connection)
    .await?;
    let mut claim = Claim { taken: u32::try_from(rows.len()).unwrap_or(u32::MAX), ..Claim::default() };
    for row in rows {
        claim.is_full = row.seen >= look.rows || row.seen > i64::from(claim.taken);
        let last = claim.last_due_at.entry(row.lane).or_insert(row.due_at);
        *last = row.due_at.max(*last);
        claim.events.extend((|| {
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
        })());
    }
    // An event that was skipped and replayed by hand may stand in the queue twice.
    claim.events.sort_by_key(|event| event.id);
    claim.events.dedup_by_key(|event| event.id);
    Ok(claim)
}

/// Puts claimed events back, into the lane of those with a handler of the user's own.
pub async fn hand_over(connection: &mut PgConnection, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query_file!("sql/inbox/hand_over.sql", ids, HANDLERS).execute(connection).await?;
    Ok(())
}
