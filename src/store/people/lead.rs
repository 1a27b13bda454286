//! One lead: what is known, and what happened.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lead_history::{self, LeadAppointment, LeadChange, LeadNote};
use super::{AnalysisItem, CallFilter, CallItem, MessageItem, analytics, calls, json, messages};
use crate::access::{Scope, TenantScope};

/// Calls, messages, notes and so on that are shown of a person, of each the newest; more calls and messages are in their
/// lists.
const LEAD_SHOWN_MAX: i64 = 100;

/// A lead, whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0004_domain.sql say what each is")]
pub struct LeadDetail {
    pub id: Uuid,
    pub tenant: String,
    pub phone: Option<String>,
    pub name: Option<String>,
    pub name_by_hand: Option<String>,
    pub email: Option<String>,
    pub email_by_hand: Option<String>,
    pub stage: String,
    pub stage_by_hand: Option<String>,
    pub source: Option<String>,
    pub crm_link: Option<String>,
    pub tags: Vec<String>,
    pub first_seen_at: Option<DateTime<Utc>>,
    pub profile: Option<Value>,
    pub opted_out: bool,
    /// `true`: never to be written to, `false`: whatever they said, `null`: what they said counts.
    pub opted_out_by_hand: Option<bool>,
    pub calls: Vec<CallItem>,
    pub messages: Vec<MessageItem>,
    pub analyses: Vec<AnalysisItem>,
    pub jobs: Vec<LeadJob>,
    /// What was noted of them.
    pub notes: Vec<LeadNote>,
    /// What they have booked.
    pub appointments: Vec<LeadAppointment>,
    /// What people decided about them.
    pub changes: Vec<LeadChange>,
}

/// What was to be done because of a person's calls.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the comments of the columns in migrations/0005_outbox.sql say what each is")]
pub struct LeadJob {
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub due_at: DateTime<Utc>,
    pub settled_at: Option<DateTime<Utc>>,
    pub note: Option<String>,
    pub last_error: Option<String>,
}

/// A lead, masked; `None`: there is none of this id, or it is not theirs.
pub async fn find(connection: &mut PgConnection, scope: &Scope, id: Uuid) -> Result<Option<LeadDetail>, sqlx::Error> {
    let row =
        sqlx::query_file!("sql/people/find_lead.sql", id, scope.tenant_id()).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let Some(within) = scope.within(row.tenant_id) else { return Ok(None) };
    let filter = CallFilter { number: Some(row.phone.clone()), ..CallFilter::default() };
    let calls = calls::list(&mut *connection, &within, &filter, None, LEAD_SHOWN_MAX).await?.items;
    let messages = messages::of_number(&mut *connection, &within, &row.phone, None, LEAD_SHOWN_MAX).await?;
    let ids: Vec<Uuid> = calls.iter().map(|call| call.id).collect();
    let analyses = analytics::of_calls(&mut *connection, scope, &ids, row.tenant_id, Some(&row.phone)).await?;
    let of_messages: Vec<Uuid> = messages.iter().map(|message| message.id).collect();
    let jobs = jobs_of(&mut *connection, &within, id, &ids, &of_messages).await?;
    let (notes, appointments, changes) =
        lead_history::of(connection, &within, (row.id, &row.phone), LEAD_SHOWN_MAX).await?;
    let mut lead = LeadDetail {
        id: row.id,
        tenant: row.tenant,
        phone: Some(row.phone),
        name: row.name,
        name_by_hand: row.name_by_hand,
        email: row.email,
        email_by_hand: row.email_by_hand,
        stage: row.stage,
        stage_by_hand: row.stage_by_hand,
        source: row.source,
        crm_link: row.crm_link,
        tags: row.tags,
        first_seen_at: row.first_seen_at,
        profile: json(row.profile),
        opted_out: row.opted_out,
        opted_out_by_hand: row.opted_out_by_hand,
        calls,
        messages,
        analyses,
        jobs,
        notes,
        appointments,
        changes,
    };
    scope.number(&mut lead.phone);
    [&mut lead.name, &mut lead.name_by_hand].into_iter().for_each(|name| scope.name(name));
    [&mut lead.email, &mut lead.email_by_hand].into_iter().for_each(|email| scope.email(email));
    scope.data(&mut lead.profile);
    Ok(Some(lead))
}

/// What was to be done because of these calls and messages of a person.
pub(super) async fn jobs_of(
    connection: &mut PgConnection,
    scope: &TenantScope,
    lead: Uuid,
    calls: &[Uuid],
    messages: &[Uuid],
) -> Result<Vec<LeadJob>, sqlx::Error> {
    let of_calls = calls.iter().flat_map(|call| [call.to_string(), format!("{lead}:{call}")]);
    let keys: Vec<String> = of_calls.chain(messages.iter().map(Uuid::to_string)).collect();
    sqlx::query_file_as!(LeadJob, "sql/people/jobs_of_calls.sql", &keys, scope.tenant()).fetch_all(connection).await
}
