//! Which field of a record is what.
//!
//! | ours | Leads | Contacts |
//! | --- | --- | --- |
//! | phone | Phone, when inserted; read from every field | not written; read from every field |
//! | name | First_Name, Last_Name (mandatory: the number, while there is no name) | the same |
//! | email | Email | Email |
//! | company | Company | not written; read from Account_Name |
//! | stage | Lead_Status | – |
//! | score, last call, note | Description, while it is ours | the same |
//! | | Lead_Source = Phone, when inserted | – |
//!
//! Description is a field that people write into. It is ours while it is empty or begins with [`OURS`].

use chrono::{DateTime, SecondsFormat, Utc};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};
use serde_json::{Map, Value, json};

use super::error::text_or_number;
use crate::domain::LeadStage;
use crate::integrations::crm::{Contact, LeadCard, Module, Record};
use crate::redact::{Email, Hidden, PersonName, Phone, Spoken};

/// How a Description of ours begins.
const OURS: &str = "[Switchhook]";
/// A telephone number as people write it, or paste it from a page that runs from right to left, has no other characters.
const NUMBER_CHARS: &str = "+0123456789 -–.()/\u{a0}\u{2011}\u{200e}\u{200f}\u{202a}\u{202c}";

/// One number in the forms that a CRM may have it in.
pub(super) struct Numbers {
    e164: String,
    /// As it is dialled at home, digits only: 0501234567.
    national: Option<String>,
    /// What the digits may be, if it is written as an international number.
    abroad: Vec<String>,
    /// What they may be without the country code.
    home: Vec<String>,
}

impl Numbers {
    /// `phone`: E.164.
    pub(super) fn of(phone: &Phone) -> Self {
        let (e164, international) = (phone.expose().to_owned(), digits(phone.expose()));
        let (mut abroad, mut home) = (vec![international.clone(), format!("00{international}")], Vec::new());
        let mut national = None;
        if let Ok(number) = PHONE_NUMBER_UTIL.parse(&e164, None) {
            let dialled = digits(&PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::National));
            // +972 (0)50 …
            abroad.push(format!("{}{dialled}", number.country_code));
            home.extend(international.strip_prefix(&number.country_code.to_string()).map(str::to_owned));
            home.push(dialled.clone());
            national = Some(dialled);
        }
        Self { e164, national, abroad, home }
    }

    /// How Zoho compares 050… with +97250… is not known, so both are asked for.
    pub(super) fn search_forms(&self) -> impl Iterator<Item = &str> {
        [Some(self.e164.as_str()), self.national.as_deref()].into_iter().flatten()
    }

    /// Zoho's search finds more than what is equal.
    fn is(&self, text: &str) -> bool {
        let (is_number, digits) = (text.chars().all(|c| NUMBER_CHARS.contains(c)), digits(text));
        is_number && (self.abroad.contains(&digits) || (!text.contains('+') && self.home.contains(&digits)))
    }

    /// The number in the record, as it stands there: in Phone, Mobile or any other field.
    fn in_record<'r>(&self, record: &'r Value) -> Option<&'r str> {
        let fields = record.as_object()?;
        let usual = ["Phone", "Mobile"].iter().filter_map(|name| fields.get(*name));
        let any = fields.iter().filter(|(name, _)| *name != "id").map(|(_, value)| value);
        usual.chain(any).filter_map(Value::as_str).find(|text| self.is(text))
    }
}

/// Zoho's name of the module.
pub(super) fn module_name(module: Module) -> &'static str {
    match module {
        Module::Lead => "Leads",
        Module::Contact => "Contacts",
    }
}

/// The record of this number that is linked, else the one that was changed last. A lead that was converted is a contact
/// now, and passed over.
pub(super) fn pick(records: &[Value], module: Module, numbers: &Numbers, linked: Option<&Record>) -> Option<Contact> {
    let found: Vec<Contact> = records
        .iter()
        .filter(|record| record["$converted"] != true)
        .filter_map(|record| contact(record, module, numbers.in_record(record)?))
        .collect();
    let twins = found.len().saturating_sub(1);
    let is_linked = |contact: &Contact| linked.is_some_and(|linked| *linked == contact.record());
    let best = found
        .into_iter()
        .max_by(|a, b| (is_linked(a), a.modified_at, &a.id).cmp(&(is_linked(b), b.modified_at, &b.id)));
    best.map(|contact| Contact { twins, ..contact })
}

fn contact(record: &Value, module: Module, phone: &str) -> Option<Contact> {
    let text = |name: &str| record[name].as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let name: Vec<String> = ["First_Name", "Last_Name"].iter().filter_map(|part| text(part)).collect();
    // A name that is a number is the one that was put there for want of a name.
    let name = Some(name.join(" ")).filter(|name| name.chars().any(char::is_alphabetic));
    let company = match module {
        Module::Lead => text("Company"),
        Module::Contact => record["Account_Name"]["name"].as_str().map(str::to_owned),
    };
    Some(Contact {
        id: text_or_number(&record["id"])?,
        module,
        name: name.map(PersonName::new),
        email: text("Email").map(Email::new),
        phone: Phone::new(phone),
        company: company.map(Hidden::new),
        owner: record["Owner"]["name"].as_str().map(PersonName::new),
        stage: text("Lead_Status"),
        note: text("Description").map(Spoken::new),
        modified_at: text("Modified_Time").and_then(|text| Some(DateTime::parse_from_rfc3339(&text).ok()?.to_utc())),
        twins: 0,
    })
}

/// What is written for a card: a record that is known by its id, else a lead with everything that Zoho asks for.
/// `None`: the record that is known has nothing of it to take.
pub(super) fn of_card(card: &LeadCard) -> Option<Value> {
    let mut record = Map::new();
    let mut set = |field: &str, value: Option<&str>| {
        if let Some(value) = value {
            record.insert(field.to_owned(), json!(value));
        }
    };
    let is_lead = card.known.as_ref().is_none_or(|known| known.module == Module::Lead);
    let (first, last) = name_to_write(card).map_or((None, None), split);
    set("First_Name", first);
    match &card.known {
        Some(known) => {
            set("id", Some(&known.id));
            set("Last_Name", last);
        }
        None => {
            set("Phone", Some(card.phone.expose()));
            set("Last_Name", last.or(Some(card.phone.expose())));
            set("Lead_Source", Some("Phone"));
        }
    }
    set("Email", card.email.as_ref().map(Email::expose));
    if is_lead {
        set("Company", card.company.as_ref().map(|company| company.expose().as_str()));
        set("Lead_Status", card.stage.and_then(lead_status));
    }
    set("Description", description(card).as_deref());
    (record.len() > 1).then_some(Value::Object(record))
}

/// Zoho's own words of Lead_Status. A lead that is won is converted by a person.
pub(super) fn lead_status(stage: LeadStage) -> Option<&'static str> {
    match stage {
        LeadStage::New => Some("Not Contacted"),
        LeadStage::Contacted => Some("Attempted to Contact"),
        LeadStage::Engaged => Some("Contacted"),
        LeadStage::Qualified => Some("Pre-Qualified"),
        LeadStage::Lost => Some("Lost Lead"),
        LeadStage::Won => None,
    }
}

/// `None`: there is nothing to say, or the text that is there is not ours.
fn description(card: &LeadCard) -> Option<String> {
    let there = card.known.as_ref().and_then(|known| known.note.as_ref());
    if there.is_some_and(|there| !there.expose().starts_with(OURS)) {
        return None;
    }
    let score = card.score.map(|score| format!("Score {score}."));
    let call = card.last_call_at.map(|at| format!("Last call {}.", shown(at)));
    let note = card.note.as_ref().map(|note| note.expose().to_owned());
    let parts: Vec<String> = [score, call, note].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{OURS} {}", parts.join(" ")))
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// One word is written only where there is no name yet: as a last name beside a first name that is there already it
/// would make "Dana Dana".
fn name_to_write(card: &LeadCard) -> Option<&str> {
    let name = card.name.as_ref()?.expose().trim();
    let has_name = card.known.as_ref().is_some_and(|known| known.name.is_some());
    (name.contains(char::is_whitespace) || !has_name).then_some(name)
}

/// First and last name: the last word is the last name.
fn split(name: &str) -> (Option<&str>, Option<&str>) {
    match name.rsplit_once(char::is_whitespace) {
        Some((first, last)) => (Some(first.trim_end()), Some(last)),
        None => (None, Some(name).filter(|name| !name.is_empty())),
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
