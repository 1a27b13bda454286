//! What one call may write. A voice agent that is talked into a loop, or a stranger who talks to it, stops here; the
//! counts are in the database, so that requests side by side and all processes count together.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::tenant::Asker;
use crate::dispatch::{Called, Writing};

/// `[live.writes]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteSettings {
    /// All writes of one call.
    pub per_call: u16,
    /// New appointments.
    pub bookings_per_call: u16,
    /// Appointments moved or called off.
    pub changes_per_call: u16,
    /// Callbacks asked for.
    pub callbacks_per_call: u16,
    /// Calls flagged for review.
    pub flags_per_call: u16,
    /// Notes, and what callers say of themselves.
    pub notes_per_call: u16,
    /// Appointments, and callbacks, under a number that nobody vouches for.
    pub unverified_per_call: u16,
    /// Such appointments of a tenant in a day (UTC).
    pub unverified_bookings_per_day: u16,
    /// Such callbacks of a tenant in a day (UTC).
    pub unverified_callbacks_per_day: u16,
    /// All writes of a source in an hour by requests whose platform names no call.
    pub without_call_per_hour: u16,
}

/// Everything that is written, of whatever kind.
const ANY: &str = "any";

/// One limit: what is counted, and how far.
struct Limit {
    connection_id: Uuid,
    call_ref: String,
    since: DateTime<Utc>,
    writing: String,
    most: u16,
}

/// Counts a write under every limit that it falls under. False: one of them is reached, and the savepoint is to be rolled
/// back, which takes the counts with it.
pub(super) async fn count(
    settings: &WriteSettings,
    asker: Asker,
    writing: Writing,
    called: &mut Called<'_>,
) -> Result<bool, sqlx::Error> {
    let limits = limits(settings, asker, writing, called);
    if limits.is_empty() {
        return Ok(true);
    }
    let counted = sqlx::query_file_scalar!(
        "sql/live/count_writes.sql",
        called.tenant.id,
        called.now,
        &limits.iter().map(|limit| limit.connection_id).collect::<Vec<_>>(),
        &limits.iter().map(|limit| limit.call_ref.clone()).collect::<Vec<_>>(),
        &limits.iter().map(|limit| limit.since).collect::<Vec<_>>(),
        &limits.iter().map(|limit| limit.writing.clone()).collect::<Vec<_>>(),
        &limits.iter().map(|limit| i32::from(limit.most)).collect::<Vec<_>>(),
    )
    .fetch_all(&mut *called.connection)
    .await?;
    Ok(counted.len() == limits.len())
}

fn limits(settings: &WriteSettings, asker: Asker, writing: Writing, called: &Called<'_>) -> Vec<Limit> {
    let truncated = |length| called.now.duration_trunc(length).unwrap_or(called.now);
    let of_kind = match writing {
        Writing::Booking => settings.bookings_per_call,
        Writing::Change => settings.changes_per_call,
        Writing::Callback => settings.callbacks_per_call,
        Writing::Flag => settings.flags_per_call,
        Writing::Note => settings.notes_per_call,
        // It is done once, and no limit may keep anybody from it.
        Writing::OptOut => return Vec::new(),
        Writing::Other => settings.per_call,
    };
    // Without a call, all callers of the source share what is left for an hour.
    let (call_ref, since, of_any, of_kind) = match &called.party.call_id {
        Some(id) => (id.clone(), DateTime::UNIX_EPOCH, settings.per_call, of_kind),
        None => {
            let most = settings.without_call_per_hour;
            (String::new(), truncated(TimeDelta::hours(1)), most, most)
        }
    };
    let of_call = |writing: &str, most| Limit {
        connection_id: asker.connection_id,
        call_ref: call_ref.clone(),
        since,
        writing: writing.to_owned(),
        most,
    };
    let mut limits = vec![of_call(ANY, of_any), of_call(writing.as_str(), of_kind)];
    let of_day = match writing {
        Writing::Booking => settings.unverified_bookings_per_day,
        Writing::Callback => settings.unverified_callbacks_per_day,
        _ => return limits,
    };
    if called.claimed_phone.is_some() {
        let unverified = format!("unverified_{}", writing.as_str());
        limits.push(of_call(&unverified, settings.unverified_per_call));
        limits.push(Limit {
            connection_id: Uuid::nil(),
            call_ref: String::new(),
            since: truncated(TimeDelta::days(1)),
            writing: unverified,
            most: of_day,
        });
    }
    limits
}
