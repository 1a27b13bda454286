//! One call: facts, turns, analysis, recordings, and the events that made it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::analytics::{self, AnalysisItem};
use super::json;
use crate::access::Scope;

/// Events come some time after what they report, and those of a call may have waited in the queue before its row was
/// written: those received within it of the call are looked at.
const EVENTS_AROUND: TimeDelta = TimeDelta::hours(1);
/// Nothing is heard of a call before it begins; but a platform's clock may be that much ahead.
const EVENTS_BEFORE: TimeDelta = TimeDelta::minutes(5);
/// Events of all tenants that are walked along for one call: some milliseconds for ten thousand.
const EVENTS_WALKED_MAX: i64 = 50_000;
/// Events of the tenant and the platform whose payloads are read for one call.
const PAYLOADS_READ_MAX: i64 = 5_000;

/// A call, whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct CallDetail {
    pub id: Uuid,
    pub tenant: String,
    pub provider: String,
    pub provider_call_id: String,
    pub parent_call_id: Option<String>,
    pub direction: Option<String>,
    pub status: Option<String>,
    pub disposition: Option<String>,
    pub provider_status: Option<String>,
    pub contact_number: Option<String>,
    pub our_number: Option<String>,
    pub from_number: Option<String>,
    pub from_raw: Option<String>,
    pub to_number: Option<String>,
    pub to_raw: Option<String>,
    pub agent_id: Option<String>,
    pub agent_name: Option<String>,
    /// Of the called number or the agent.
    pub campaign_id: Option<Uuid>,
    pub campaign_id_by_hand: Option<Uuid>,
    /// The name of the campaign that counts.
    pub campaign: Option<String>,
    pub converted: Option<bool>,
    pub initiated_at: Option<DateTime<Utc>>,
    pub ringing_at: Option<DateTime<Utc>>,
    pub answered_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub duration_ms: Option<i64>,
    pub talk_ms: Option<i64>,
    pub hangup_by: Option<String>,
    pub hangup_reason: Option<String>,
    pub hangup_at: Option<DateTime<Utc>>,
    pub recording_url: Option<String>,
    pub transcript: Option<String>,
    /// `[{role, text, at_ms}]`
    pub transcript_turns: Option<Value>,
    pub summary: Option<String>,
    pub sentiment: Option<String>,
    pub successful: Option<bool>,
    pub analysis: Option<Value>,
    pub analysis_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub cost: Option<f64>,
    pub cost_unit: Option<String>,
    /// The same for all calls that are one, as several platforms saw it.
    pub conversation_id: Uuid,
    pub recordings: Vec<Recording>,
    /// Our own analyses of the call.
    pub analyses: Vec<AnalysisItem>,
}

/// A recording of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct Recording {
    pub id: Uuid,
    pub kind: Option<String>,
    pub url: Option<String>,
    pub duration_ms: Option<i64>,
    pub started_at: Option<DateTime<Utc>>,
    pub audio_type: Option<String>,
    /// Where the audio itself is kept here.
    pub audio_bytes: Option<i32>,
}

/// An event that names a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0002_inbox.sql say what each is")]
pub struct CallEvent {
    pub id: Uuid,
    pub provider: String,
    pub event_type: String,
    pub occurred_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    /// The fields of the call that it set.
    pub sets: Vec<String>,
}

/// A call, masked; `None`: there is none of this id, or it is not theirs.
pub async fn find(connection: &mut PgConnection, scope: &Scope, id: Uuid) -> Result<Option<CallDetail>, sqlx::Error> {
    let row =
        sqlx::query_file!("sql/people/find_call.sql", id, scope.tenant_id()).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let recordings =
        sqlx::query_file_as!(Recording, "sql/people/recordings_of_call.sql", id).fetch_all(&mut *connection).await?;
    let analyses = analytics::of_calls(connection, scope, &[id], row.tenant_id, None).await?;
    let mut call = CallDetail {
        id: row.id,
        tenant: row.tenant,
        provider: row.provider,
        provider_call_id: row.provider_call_id,
        parent_call_id: row.parent_call_id,
        direction: row.direction,
        status: row.status,
        disposition: row.disposition,
        provider_status: row.provider_status,
        contact_number: row.contact_number,
        our_number: row.our_number,
        from_number: row.from_number,
        from_raw: row.from_raw,
        to_number: row.to_number,
        to_raw: row.to_raw,
        agent_id: row.agent_id,
        agent_name: row.agent_name,
        campaign_id: row.campaign_id,
        campaign_id_by_hand: row.campaign_id_by_hand,
        campaign: row.campaign,
        converted: row.converted,
        initiated_at: row.initiated_at,
        ringing_at: row.ringing_at,
        answered_at: row.answered_at,
        ended_at: row.ended_at,
        started_at: row.started_at,
        created_at: row.created_at,
        duration_ms: row.duration_ms,
        talk_ms: row.talk_ms,
        hangup_by: row.hangup_by,
        hangup_reason: row.hangup_reason,
        hangup_at: row.hangup_at,
        recording_url: row.recording_url,
        transcript: row.transcript,
        transcript_turns: json(row.transcript_turns),
        summary: row.summary,
        sentiment: row.sentiment,
        successful: row.successful,
        analysis: json(row.analysis),
        analysis_at: row.analysis_at,
        completed_at: row.completed_at,
        cost: row.cost,
        cost_unit: row.cost_unit,
        conversation_id: row.conversation_id,
        recordings,
        analyses,
    };
    call.mask(scope);
    Ok(Some(call))
}

/// The events that name a call, as far as they were received in the hours around it; and whether all of those were
/// looked at. `None`: there is no such call, or it is not theirs.
pub async fn events_of(
    connection: &mut PgConnection,
    scope: &Scope,
    id: Uuid,
) -> Result<Option<(Vec<CallEvent>, bool)>, sqlx::Error> {
    let row =
        sqlx::query_file!("sql/people/find_call.sql", id, scope.tenant_id()).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    // A retry of a Bolna execution is id#n here, and id in what was sent.
    let sent_id = row.provider_call_id.split('#').next().unwrap_or_default();
    let began_at = row.started_at.unwrap_or(row.created_at).min(row.created_at) - EVENTS_BEFORE;
    let first = began_at.max(row.created_at - EVENTS_AROUND);
    let last = [row.ended_at, row.completed_at].into_iter().flatten().fold(row.created_at, DateTime::max);
    let events = sqlx::query_file!(
        "sql/people/events_of_call.sql",
        row.tenant_id,
        row.provider,
        sent_id,
        first_id_at(first),
        first_id_at(last + EVENTS_AROUND),
        EVENTS_WALKED_MAX,
        PAYLOADS_READ_MAX,
    )
    .fetch_all(connection)
    .await?;
    let all = events.first().is_some_and(|event| event.looked_at_all);
    let events = events.into_iter().filter_map(|event| {
        Some(CallEvent {
            id: event.id?,
            provider: event.provider?,
            event_type: event.event_type?,
            occurred_at: event.occurred_at,
            received_at: event.received_at?,
            processed_at: event.processed_at,
            outcome: event.outcome,
            sets: Vec::new(),
        })
    });
    Ok(Some((events.collect(), all)))
}

/// The least id (UUID version 7) that could have been made then.
fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let ms = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(ms << 80)
}

impl CallDetail {
    fn mask(&mut self, scope: &Scope) {
        let numbers = [&mut self.from_number, &mut self.from_raw, &mut self.to_number, &mut self.to_raw];
        numbers.into_iter().chain([&mut self.contact_number]).for_each(|number| scope.number(number));
        scope.spoken(&mut self.transcript);
        scope.spoken(&mut self.summary);
        scope.data(&mut self.transcript_turns);
        scope.data(&mut self.analysis);
        scope.link(&mut self.recording_url);
        self.recordings.iter_mut().for_each(|recording| scope.link(&mut recording.url));
    }
}
