//! The table of who wins, row by row.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use uuid::Uuid;

use super::agree::{Agreed, Agreement, Looked, Taken, digest};
use super::lead::Lead;
use crate::domain::LeadStage;
use crate::integrations::Transport;
use crate::integrations::crm::{Contact, Module, Record};
use crate::integrations::zoho::{Client, MemoryTokens, Settings};
use crate::redact::{Email, PersonName, Phone, Secret};

fn crm() -> Client {
    let settings = Settings {
        accounts_url: String::new(),
        api_url: String::new(),
        client_id: String::new(),
        client_secret: Secret::default(),
        refresh_token: Secret::default(),
    };
    Client::new(&settings, Transport::new(Duration::from_secs(1)).unwrap(), Arc::new(MemoryTokens::default()))
}

fn lead() -> Lead {
    Lead {
        id: Uuid::from_u128(1),
        phone: Phone::new("+15550100123"),
        name: None,
        name_is_by_hand: false,
        email: None,
        email_is_by_hand: false,
        stage: LeadStage::Contacted,
        stage_is_by_hand: false,
        score: None,
        last_call_at: None,
        digest: Vec::new(),
        pushes: 1,
        record: Some(Record { id: "7".to_owned(), module: Module::Lead }),
        agreed: Agreed::default(),
        linked_at: None,
        looked_at: None,
    }
}

fn contact() -> Contact {
    Contact {
        id: "7".to_owned(),
        module: Module::Lead,
        name: None,
        email: None,
        phone: Phone::new("+15550100123"),
        company: None,
        owner: None,
        stage: None,
        note: None,
        modified_at: DateTime::from_timestamp(1, 0),
        twins: 0,
    }
}

fn found(contact: Contact) -> Looked {
    Looked::Found(Box::new(contact))
}

/// What is told, taken, and left to a person: `w`, `t`, `d`, or nothing.
fn outcome(lead: &Lead, contact: &Contact, force: bool) -> String {
    let agreement = Agreement::of(lead, &found(contact.clone()), &crm(), force);
    let (card, taken) = (agreement.card(lead, Some(contact.clone())), agreement.taken().unwrap_or_default());
    let field = |writes: bool, takes: bool, word: &str| match (writes, takes, agreement.differs.contains(word)) {
        (true, false, false) => "w",
        (false, true, false) => "t",
        (false, false, true) => "d",
        (false, false, false) => "-",
        mixed => panic!("{word}: {mixed:?}"),
    };
    [
        field(card.name.is_some(), taken.name.is_some(), "name"),
        field(card.email.is_some(), taken.email.is_some(), "email"),
        field(card.stage.is_some(), taken.stage.is_some(), "stage"),
    ]
    .concat()
}

#[test]
fn names_and_addresses_by_hand_over_the_crm_over_what_platforms_say() {
    // Ours, by hand, theirs, agreed upon before: what comes of it.
    for (ours, is_by_hand, theirs, agreed, expected) in [
        (None, false, None, None, "-"),
        (None, false, Some("Dana Cohen"), None, "t"),
        (Some("DANA"), false, None, None, "w"),
        (Some("dana  cohen"), false, Some("Dana Cohen"), None, "-"),
        (Some("DANA"), false, Some("Dana Cohen"), None, "t"),
        (Some("Dana C"), true, Some("Dana Cohen"), None, "w"),
        // We told them, and nobody has touched it since.
        (Some("Dana Cohen"), false, Some("DANA"), Some("DANA"), "w"),
        (Some("Dana C"), true, Some("DANA"), Some("DANA"), "w"),
        // Somebody has.
        (Some("DANA"), false, Some("Dana Cohen"), Some("DANA"), "t"),
        (Some("Dana C"), true, Some("Dana Cohen"), Some("Dana C"), "d"),
        (Some("Dana C"), true, None, Some("Dana C"), "d"),
        (Some("DANA"), false, None, Some("DANA"), "d"),
    ] {
        let said = format!("{ours:?} by hand {is_by_hand}, {theirs:?}, {agreed:?}");
        let lead = Lead {
            name: ours.map(PersonName::new),
            name_is_by_hand: is_by_hand,
            email: ours.map(Email::new),
            email_is_by_hand: is_by_hand,
            agreed: Agreed { name: agreed.map(digest), email: agreed.map(digest), stage: None },
            ..lead()
        };
        let contact = Contact {
            name: theirs.map(PersonName::new),
            email: theirs.map(Email::new),
            stage: Some("Attempted to Contact".to_owned()),
            ..contact()
        };
        assert_eq!(outcome(&lead, &contact, false), format!("{expected}{expected}-"), "{said}");
        let forced = if expected == "d" { "w" } else { expected };
        assert_eq!(outcome(&lead, &contact, true), format!("{forced}{forced}-"), "{said}, by force");
    }
}

#[test]
fn the_furthest_stage_counts_and_a_word_of_their_own_is_left() {
    use LeadStage::{Contacted, Engaged, Lost, New, Won};
    for (ours, is_by_hand, theirs, agreed, expected) in [
        (Contacted, false, None, None, "w"),
        (Contacted, false, Some("Attempted to Contact"), None, "-"),
        (Contacted, false, Some("Not Contacted"), None, "w"),
        (New, false, Some("Pre-Qualified"), None, "t"),
        (New, true, Some("Pre-Qualified"), None, "w"),
        (Engaged, false, Some("Waiting for Godot"), None, "-"),
        (Engaged, true, Some("Waiting for Godot"), None, "w"),
        (Engaged, false, Some("Attempted to Contact"), Some("Attempted to Contact"), "w"),
        (Contacted, false, Some("Lost Lead"), Some("Attempted to Contact"), "t"),
        // Somebody set it back, or to a word of their own.
        (Engaged, false, Some("Not Contacted"), Some("Contacted"), "d"),
        (Engaged, false, Some("Waiting for Godot"), Some("Contacted"), "d"),
        (Engaged, false, None, Some("Contacted"), "d"),
        (Lost, true, Some("Contacted"), Some("Lost Lead"), "d"),
        // People convert a lead that is won.
        (Won, false, Some("Pre-Qualified"), None, "-"),
    ] {
        let said = format!("{ours:?} by hand {is_by_hand}, {theirs:?}, {agreed:?}");
        let agreed = Agreed { stage: agreed.map(digest), ..Agreed::default() };
        let lead = Lead { stage: ours, stage_is_by_hand: is_by_hand, agreed, ..lead() };
        let contact = Contact { stage: theirs.map(str::to_owned), ..contact() };
        assert_eq!(outcome(&lead, &contact, false), format!("--{expected}"), "{said}");
        let contact = Contact { module: Module::Contact, ..contact };
        let lead = Lead { record: Some(contact.record()), ..lead };
        assert_eq!(outcome(&lead, &contact, false), "---", "a contact has no stage");
    }
}

#[test]
fn records_that_are_gone_changed_or_doubled_are_for_a_person() {
    let crm = crm();
    let differs = |lead: &Lead, looked: &Looked, force| -> Vec<&'static str> {
        Agreement::of(lead, looked, &crm, force).differs.into_iter().collect()
    };
    let other = Contact { id: "8".to_owned(), ..contact() };
    assert_eq!(differs(&lead(), &found(contact()), false), [""; 0]);
    assert_eq!(differs(&lead(), &Looked::Gone, false), ["record_gone"]);
    assert_eq!(differs(&lead(), &Looked::Gone, true), [""; 0], "a new one is made");
    assert_eq!(differs(&lead(), &Looked::Nobody, false), [""; 0]);
    assert_eq!(differs(&lead(), &found(other.clone()), false), ["other_record"]);
    assert_eq!(differs(&Lead { record: None, ..lead() }, &found(other.clone()), false), [""; 0]);
    let converted = Contact { module: Module::Contact, ..other };
    assert_eq!(differs(&lead(), &found(converted), false), [""; 0], "a lead became a contact");
    let doubled = Contact { twins: 1, ..contact() };
    assert_eq!(differs(&lead(), &found(doubled), false), ["several_records"]);
}

#[test]
fn what_was_told_is_agreed_upon_and_what_differs_stays_so() {
    let crm = crm();
    let lead = Lead {
        name: Some(PersonName::new("Dana C")),
        name_is_by_hand: true,
        agreed: Agreed { name: Some(digest("Dana C")), ..Agreed::default() },
        ..lead()
    };
    let theirs = found(Contact { name: Some(PersonName::new("Danny")), ..contact() });
    let agreement = Agreement::of(&lead, &theirs, &crm, false);
    let told = agreement.agreed(&lead, &crm, true);
    assert_eq!((told.name, told.stage), (Some(digest("Dana C")), Some(digest("Attempted to Contact"))));
    assert_eq!(agreement.agreed(&lead, &crm, false).stage, None, "looking is not telling");
    // What is not found is not agreed upon, and not forgotten either.
    let gone = Agreement::of(&lead, &Looked::Gone, &crm, false);
    assert_eq!((gone.agreed(&lead, &crm, false), gone.taken()), (lead.agreed.clone(), None));
    let other = found(Contact { id: "8".to_owned(), name: Some(PersonName::new("Danny")), ..contact() });
    let lead = Lead { name_is_by_hand: false, ..lead };
    let other = Agreement::of(&lead, &other, &crm, false);
    let taken =
        Taken { name: Some(PersonName::new("Danny")), modified_at: DateTime::from_timestamp(1, 0), ..Taken::default() };
    assert_eq!((other.agreed(&lead, &crm, false).name, other.taken()), (None, Some(taken)));
}
