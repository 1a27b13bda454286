//! What is known of a person: read in one round trip, through indexes only.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;

use super::calendar::{self, PER_DAY};
use crate::crypto::DigestKey;
use crate::dispatch::TenantView;
use crate::domain::lead_id;
use crate::redact::{Email, Hidden, PersonName, Phone, Spoken};

/// What is known of a person, and when the tenant is free. Times are by the tenant's clock.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "sql/live/person.sql says what each is")]
pub struct Memory {
    pub is_known: bool,
    pub name: Option<PersonName>,
    pub email: Option<Email>,
    pub stage: Option<String>,
    pub tags: Vec<String>,
    pub crm_link: Option<Hidden<String>>,
    pub opted_out: bool,
    pub blocked: bool,
    pub profile: Option<Hidden<Value>>,
    pub total_calls: i64,
    pub calls: Vec<PastCall>,
    pub notes: Vec<Note>,
    pub appointments: Vec<Appointment>,
    pub whole_summary: Option<Spoken>,
    pub now: NaiveDateTime,
    pub slots: Vec<NaiveDateTime>,
}

/// A call of theirs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "sql/live/person.sql says what each is")]
pub struct PastCall {
    pub at: Option<NaiveDateTime>,
    pub direction: Option<String>,
    pub summary: Option<Spoken>,
    pub sentiment: Option<String>,
    pub interests: Option<Hidden<Value>>,
    pub complaint: Option<String>,
}

/// A note on them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "sql/live/person.sql says what each is")]
pub struct Note {
    pub kind: String,
    pub body: Spoken,
    pub author: Option<PersonName>,
    pub at: NaiveDateTime,
    pub open: bool,
}

/// An appointment of theirs that is to come.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "sql/live/person.sql says what each is")]
pub struct Appointment {
    pub at: NaiveDateTime,
    pub purpose: Option<Spoken>,
}

/// Looks up a person; nobody, where the number is withheld: then it says only when the tenant is free.
pub async fn recall(
    connection: &mut PgConnection,
    ids: &DigestKey,
    tenant: &TenantView,
    phone: Option<&Phone>,
    now: DateTime<Utc>,
) -> Result<Memory, sqlx::Error> {
    let settings = &tenant.appointments;
    let openings = settings.openings();
    let (earliest, latest) = calendar::bounds(settings, now);
    let row = sqlx::query_file!(
        "sql/live/person.sql",
        tenant.id,
        phone.map(|phone| lead_id(ids, tenant.id, phone.expose())),
        phone.map(Phone::expose),
        tenant.time_zone,
        now,
        &openings.weekdays,
        &openings.opens,
        &openings.closes,
        &settings.holidays,
        settings.slot.as_secs_f64(),
        settings.step().as_secs_f64(),
        i32::from(settings.capacity),
        earliest,
        latest,
        PER_DAY,
        // Today, tomorrow, and the first one after.
        2 * PER_DAY + 1,
    )
    .fetch_one(connection)
    .await?;
    Ok(Memory {
        is_known: row.lead_id.is_some(),
        name: row.name.map(PersonName::new),
        email: row.email.map(Email::new),
        stage: row.stage,
        tags: row.tags.unwrap_or_default(),
        crm_link: row.crm_link.map(Hidden::new),
        opted_out: row.opted_out,
        blocked: row.blocked,
        profile: row.profile.and_then(|text| serde_json::from_str(&text).ok()).map(Hidden::new),
        total_calls: row.total_calls,
        calls: list(row.calls),
        notes: list(row.notes),
        appointments: list(row.appointments),
        whole_summary: row.complete_summary.map(Spoken::new),
        now: row.now,
        slots: row.slots,
    })
}

/// A list that Postgres has put together. What cannot be read, because somebody has written into our tables by hand, is
/// left out rather than leave the caller without an answer.
fn list<T: DeserializeOwned>(text: Option<String>) -> Vec<T> {
    let values: Vec<Value> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}
