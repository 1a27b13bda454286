//! One WhatsApp message to one person: composed, allowed, sent, and written down.

use std::sync::Arc;

use sqlx::PgConnection;
use uuid::Uuid;

use super::desk::{Begun, Tenant};
use super::person::Person;
use super::{Attempt, Desk};
use crate::domain::{
    Direction, ForgottenRows, MessageRow, MessageStatus, Ranked, Weight, Writes, display_name, message_id,
};
use crate::integrations::whatsapp::{Class, Client, Error, Kind, Message, Sent};
use crate::outbox::{Allowance, Job};
use crate::redact::Spoken;
use crate::store::{self, forgotten};

/// What is to be said.
pub(super) struct Wording<'a> {
    /// Within 24 hours of the person's own message; empty: the template.
    pub(super) text: &'a str,
    /// Otherwise.
    pub(super) template: &'a str,
}

/// Sends it, or says why not. What was sent comes with the row to be written.
pub(super) async fn send(
    job: &Job,
    desk: &Desk,
    tenant: &Tenant,
    person: &Person,
    wording: &Wording<'_>,
) -> Result<MessageRow, Attempt> {
    let whatsapp = &tenant.settings.integrations.whatsapp;
    if !whatsapp.is_configured() {
        return Err(Attempt::DryRun(preview(tenant, person, wording)));
    }
    let (day, quiet_until) = desk.local_time(tenant).await?;
    if let Some(until) = quiet_until {
        let wait = (until - desk.now()).to_std().unwrap_or_default();
        return Err(Attempt::Wait(wait, "quiet hours".to_owned()));
    }
    let outreach = &tenant.settings.outreach;
    let caps = [
        (
            format!("messages:{}", person.lead_id),
            outreach.per_person_per_day,
            "the person's messages of a day are used up",
        ),
        ("messages".to_owned(), outreach.per_tenant_per_day, "the tenant's messages of a day are used up"),
    ];
    let bounds = caps.each_ref().map(|(subject, most, _)| {
        (Allowance { tenant_id: tenant.id, subject: subject.clone(), day, amount: 1.0 }, f64::from(*most))
    });
    // Before anything is sent: what was sent must be written down.
    let ids = desk.ids().await?;
    match desk.begin_within(job, &bounds).await? {
        Begun::Yes => {}
        Begun::LeaseLost => return Err(Attempt::Retry("the lease was lost before sending".to_owned())),
        Begun::UsedUp(place) => return Err(Attempt::Skipped(caps[place].2.to_owned())),
    }
    let client = Client::new(whatsapp.clone(), desk.transport.clone());
    match ask(&client, job, desk, tenant, person, wording).await {
        Ok((sent, said)) => {
            let id = message_id(ids, tenant.id, "whatsapp", &sent.message_id);
            Ok(row(id, job, desk, tenant, person, sent, said))
        }
        Err(error) => {
            let attempt = Attempt::of(error.verdict(), error.to_string());
            if !matches!(attempt, Attempt::Unknown(_)) {
                desk.give_back(&bounds.map(|(allowance, _)| allowance)).await;
            }
            Err(attempt)
        }
    }
}

/// The words where they are allowed, else the template; also when WhatsApp says that the window is closed after all.
async fn ask(
    client: &Client,
    job: &Job,
    desk: &Desk,
    tenant: &Tenant,
    person: &Person,
    wording: &Wording<'_>,
) -> Result<(Sent, Option<Spoken>), Error> {
    let callback_data = job.id.to_string();
    let message = |kind| Message {
        from_phone_number_id: person.sender.as_deref(),
        to: person.phone.clone(),
        kind,
        callback_data: &callback_data,
    };
    if person.window_is_open && !wording.text.is_empty() {
        let text = Spoken::new(filled(wording.text, person));
        match client.send(desk.now(), &message(Kind::Text(text.clone()))).await {
            Err(error) if error.class() == Some(Class::WindowClosed) => {}
            result => return result.map(|sent| (sent, Some(text))),
        }
    }
    let parameters = tenant.settings.outreach.template_parameters.iter();
    let kind = Kind::Template {
        name: wording.template,
        language: &client.settings().language,
        body_parameters: parameters.map(|parameter| Spoken::new(filled(parameter, person))).collect(),
    };
    let said = Spoken::new(format!("[{}]", wording.template));
    client.send(desk.now(), &message(kind)).await.map(|sent| (sent, Some(said)))
}

fn row(
    id: Uuid,
    job: &Job,
    desk: &Desk,
    tenant: &Tenant,
    person: &Person,
    sent: Sent,
    said: Option<Spoken>,
) -> MessageRow {
    let now = desk.now();
    MessageRow {
        id,
        tenant_id: tenant.id,
        provider: "whatsapp".to_owned(),
        provider_message_id: sent.message_id,
        channel: "whatsapp",
        direction: Direction::Outbound,
        // The sender's own number comes with the first status.
        from_number: None,
        to_number: Some(person.phone.clone()),
        contact_number: Some(person.phone.clone()),
        body: said.map(|said| Ranked::new(Weight::WHOLE, Some(now), said)),
        status: Some(MessageStatus::Sent),
        error: None,
        sent_at: Some(now),
        job_id: Some(job.id),
    }
}

/// What is written once a message was sent: the message, and that the lead was contacted. Of somebody who was erased
/// meanwhile it is the bare row, so that what is still reported of it stays without a person.
pub(super) async fn write(connection: &mut PgConnection, row: &MessageRow, lead_id: Uuid) -> Result<(), sqlx::Error> {
    let writes = Writes { messages: vec![row.clone()], ..Writes::default() };
    store::write(connection, &writes).await?;
    if !is_still_known(connection, lead_id).await? {
        let rows = ForgottenRows { messages: vec![row.id], ..ForgottenRows::default() };
        forgotten::strip(connection, &rows, None).await?;
    }
    sqlx::query_file!("sql/jobs/mark_contacted.sql", lead_id).execute(connection).await?;
    Ok(())
}

/// Whether the person of this lead or call was not erased while a vendor was asked.
pub(super) async fn is_still_known(connection: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/jobs/is_still_known.sql", id).fetch_one(connection).await
}

/// What would have been sent, without the person in it.
fn preview(tenant: &Tenant, person: &Person, wording: &Wording<'_>) -> String {
    if person.window_is_open && !wording.text.is_empty() {
        return format!("WhatsApp to {}: {}", person.phone, wording.text);
    }
    let whatsapp = &tenant.settings.integrations.whatsapp;
    let template = if wording.template.is_empty() { "(no template is configured)" } else { wording.template };
    let parameters = &tenant.settings.outreach.template_parameters;
    format!("WhatsApp to {}: template {template} ({}) with {parameters:?}", person.phone, whatsapp.language)
}

/// Puts the person's name in place of `{name|fallback}`, if it is a name: it goes out under the business's own.
fn filled(text: &str, person: &Person) -> String {
    let Some((before, rest)) = text.split_once("{name") else { return text.to_owned() };
    let Some((inside, after)) = rest.split_once('}') else { return text.to_owned() };
    let fallback = inside.strip_prefix('|').unwrap_or_default();
    let name = person.name.as_ref().and_then(|name| display_name(name.expose()));
    format!("{before}{}{}", name.as_deref().unwrap_or(fallback), filled(after, person))
}

/// For effects that write what was sent.
pub(super) type SharedRow = Arc<MessageRow>;
