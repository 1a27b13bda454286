//! What a voice agent may do during a call: one file a function.

mod book_appointment;
mod cancel_appointment;
mod check_availability;
mod diary;
mod flag_for_review;
mod lookup_customer;
mod note;
mod opt_out;
mod request_callback;
mod reschedule_appointment;
mod save_note;
mod update_customer;

use super::words::{self, Words};
use crate::dispatch::{Called, Parameter, ParameterKind, Registry, Stop};
use crate::domain::{LeadRow, Ranked, Weight, Writes, lead_id};
use crate::redact::Phone;
use crate::store;

/// Registers the functions that every tenant has.
pub fn register(registry: &mut Registry) {
    registry
        .function(lookup_customer::function())
        .function(check_availability::function())
        .function(book_appointment::function())
        .function(reschedule_appointment::function())
        .function(cancel_appointment::function())
        .function(save_note::function())
        .function(update_customer::function())
        .function(flag_for_review::function())
        .function(request_callback::function())
        .function(opt_out::function());
}

/// The number that a caller gives where the platform names none: for what is new, and for nothing else.
const PHONE: Parameter = Parameter::optional(
    "phone",
    ParameterKind::Phone,
    "The telephone number that the caller gives; needed only where it cannot be seen",
);

/// Whom something new is kept under.
struct Contact {
    phone: Phone,
    /// Only by the caller's word.
    is_unverified: bool,
}

/// The words of the tenant's language.
fn words(called: &Called<'_>) -> &'static Words {
    words::words(called.tenant.conversation.language)
}

/// The caller's number by the platform's word. Whoever withholds it is nobody: nothing is read, nothing is changed.
fn phone(called: &Called<'_>) -> Result<Phone, Stop> {
    called.phone.clone().ok_or_else(|| Stop::refused(words(called).say("unseen_number", &[])))
}

/// The caller, by the platform's word.
fn verified(called: &Called<'_>) -> Result<Contact, Stop> {
    Ok(Contact { phone: phone(called)?, is_unverified: false })
}

/// The number that something new is kept under, or a question for it.
fn contact(called: &Called<'_>) -> Result<Contact, Stop> {
    let verified = called.phone.clone().map(|phone| Contact { phone, is_unverified: false });
    let claimed = || called.claimed_phone.clone().map(|phone| Contact { phone, is_unverified: true });
    verified.or_else(claimed).ok_or_else(|| Stop::refused(words(called).say("no_number", &[])))
}

/// Writes that somebody has been in touch. Under a number that nobody vouches for it makes a lead where there is none, so
/// that people find what was asked for, and changes nothing of one that is there.
async fn write_contact(
    called: &mut Called<'_>,
    contact: Contact,
    tell: impl FnOnce(LeadRow) -> LeadRow,
) -> Result<(), Stop> {
    if !contact.is_unverified {
        return write_lead(called, contact.phone, tell).await;
    }
    let source = Ranked::new(Weight(1), Some(called.now), called.provider.to_owned());
    sqlx::query_file!(
        "sql/live/add_lead.sql",
        lead_id(called.ids, called.tenant.id, contact.phone.expose()),
        called.tenant.id,
        contact.phone.expose(),
        called.now,
        source.value,
        source.rank,
    )
    .execute(&mut *called.connection)
    .await?;
    Ok(())
}

/// Writes what the caller says of themselves. It merges by rank like what an event says: weight 2, said in a call; what
/// people set by hand stands in columns of its own.
async fn write_lead(called: &mut Called<'_>, phone: Phone, tell: impl FnOnce(LeadRow) -> LeadRow) -> Result<(), Stop> {
    let now = Some(called.now);
    let lead = LeadRow {
        id: lead_id(called.ids, called.tenant.id, phone.expose()),
        tenant_id: called.tenant.id,
        phone,
        first_seen_at: now,
        name: None,
        email: None,
        source: Ranked::new(Weight(1), now, called.provider.to_owned()),
        stage: None,
        profile: None,
        opted_out: None,
    };
    let writes = Writes { leads: vec![tell(lead)], ..Writes::default() };
    store::write(called.connection, &writes).await?;
    Ok(())
}

/// The tenant's day.
async fn today(called: &mut Called<'_>) -> Result<chrono::NaiveDate, sqlx::Error> {
    sqlx::query_file_scalar!("sql/live/today.sql", called.now, called.tenant.time_zone)
        .fetch_one(&mut *called.connection)
        .await
}

/// Appointments that one person may have at once: an agent that books in a loop stops here.
const APPOINTMENTS_MAX: usize = 5;
/// The longest note.
const NOTE_CHARS_MAX: usize = 1_000;
/// The longest name, and the longest purpose of an appointment.
const NAME_CHARS_MAX: usize = 100;
