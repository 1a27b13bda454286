//! Against a stand-in that refuses what Zoho refuses, and every sample of its errors.

use std::time::Duration;

use serde_json::json;

use super::error::{CODES, CREDITS_WAIT, Class};
use super::token::THROTTLED_WAIT;
use super::*;
use crate::integrations::Verdict;
use crate::integrations::stubs::ZohoStub;
use crate::redact::{Email, Hidden, PersonName, Spoken};

/// An invented number does not tell 050… from +97250…, so this is the one of the samples.
const PHONE: &str = "+972502345678";

macro_rules! sample {
    ($file:literal) => {
        include_str!(concat!("../../../tests/outbound/zoho-crm/", $file))
    };
}

pub(super) fn now() -> DateTime<Utc> {
    "2026-09-01T10:15:00Z".parse().unwrap()
}

pub(super) fn settings(url: &str) -> Settings {
    Settings {
        accounts_url: url.to_owned(),
        api_url: String::new(),
        client_id: ZohoStub::CLIENT_ID.to_owned(),
        client_secret: Secret::new(ZohoStub::CLIENT_SECRET),
        refresh_token: Secret::new(ZohoStub::REFRESH_TOKEN),
    }
}

pub(super) fn client_with(settings: &Settings, store: Arc<dyn TokenStore>) -> Client {
    // Longer than any answer takes on a busy machine.
    Client::new(settings, Transport::new(Duration::from_secs(10)).unwrap(), store)
}

pub(super) fn hasty_client(settings: &Settings) -> Client {
    Client::new(settings, Transport::new(Duration::from_secs(1)).unwrap(), Arc::new(MemoryTokens::default()))
}

pub(super) fn client(settings: &Settings) -> Client {
    client_with(settings, Arc::new(MemoryTokens::default()))
}

pub(super) async fn start() -> (ZohoStub, Client) {
    let zoho = ZohoStub::start().await;
    let client = client(&settings(&zoho.base_url));
    (zoho, client)
}

pub(super) fn card() -> LeadCard {
    LeadCard {
        phone: Phone::new(PHONE),
        known: None,
        name: None,
        email: None,
        company: None,
        stage: None,
        score: None,
        last_call_at: None,
        note: None,
    }
}

pub(super) async fn find(client: &Client) -> Result<Option<Contact>, CrmError> {
    client.find_by_phone(&Phone::new(PHONE), None, now()).await
}

pub(super) async fn upsert(client: &Client, card: LeadCard) -> Result<Upserted, CrmError> {
    client.upsert(&[card], now()).await?.remove(0)
}

#[actix_web::test]
async fn a_person_is_found_in_whatever_form_their_number_is_written() {
    for there in ["+972502345678", "050-234-5678", "0502345678", "+972 50 234 5678"] {
        for (module, kind) in [("Leads", Module::Lead), ("Contacts", Module::Contact)] {
            let (zoho, client) = start().await;
            let id = zoho.add(module, json!({ "Last_Name": "Cohen", "Mobile": there }));
            let found = find(&client).await.unwrap().unwrap();
            assert_eq!((found.id, found.module, found.phone.expose()), (id, kind, there));
        }
    }
}

#[actix_web::test]
async fn nobody_is_asked_for_in_both_forms_in_both_modules() {
    let (zoho, client) = start().await;
    assert_eq!(find(&client).await, Ok(None));
    let asked: Vec<(String, String)> =
        zoho.requests().into_iter().map(|request| (request.path, request.query)).collect();
    let expected: Vec<(String, String)> = ["Leads", "Contacts"]
        .into_iter()
        .flat_map(|module| ["phone=%2B972502345678", "phone=0502345678"].map(|query| (module, query)))
        .map(|(module, query)| (format!("/crm/v8/{module}/search"), query.to_owned()))
        .collect();
    assert_eq!(asked, expected);
}

#[actix_web::test]
async fn what_zoho_finds_is_compared_again() {
    let (zoho, client) = start().await;
    zoho.add("Leads", json!({ "Last_Name": "Longer", "Phone": "+97250234567899" }));
    zoho.add("Leads", json!({ "Last_Name": "Another country", "Phone": "+0502345678" }));
    zoho.add("Leads", json!({ "Last_Name": "Text", "Description": "call +972502345678 back" }));
    zoho.add("Leads", json!({ "Last_Name": "Converted", "Phone": PHONE, "$converted": true }));
    assert_eq!(find(&client).await, Ok(None));
    zoho.add("Leads", json!({ "Last_Name": "Older", "Phone": PHONE, "Modified_Time": "2026-01-01T00:00:00Z" }));
    let newer = zoho.add("Leads", json!({ "Last_Name": "Newer", "Other_Phone": PHONE }));
    zoho.add("Leads", json!({ "Last_Name": "Old", "Phone": PHONE, "Modified_Time": "2026-01-01T00:00:00Z" }));
    assert_eq!(find(&client).await.unwrap().unwrap().id, newer);
}

#[actix_web::test]
async fn of_several_with_a_number_the_linked_one_is_taken_and_the_others_are_counted() {
    let (zoho, client) = start().await;
    let older = zoho.add("Leads", json!({ "Last_Name": "Older", "Phone": PHONE }));
    zoho.change("Leads", &json!({ "Modified_Time": "2026-01-01T00:00:00Z" }));
    let newer = zoho.add("Leads", json!({ "Last_Name": "Newer", "Phone": PHONE }));
    let contact = zoho.add("Contacts", json!({ "Last_Name": "Contact", "Phone": PHONE }));
    let find = async |linked: Option<(&str, Module)>| {
        let linked = linked.map(|(id, module)| Record { id: id.to_owned(), module });
        let found = client.find_by_phone(&Phone::new(PHONE), linked.as_ref(), now()).await.unwrap().unwrap();
        (found.id, found.twins)
    };
    assert_eq!(find(None).await, (newer.clone(), 1));
    assert_eq!(find(Some((&older, Module::Lead))).await, (older.clone(), 1));
    assert_eq!(find(Some((&contact, Module::Contact))).await, (contact.clone(), 0));
    zoho.remove(&older);
    assert_eq!(find(Some((&older, Module::Lead))).await, (newer, 0));
}

#[actix_web::test]
async fn every_sample_of_a_search_has_its_result() {
    let (zoho, client) = start().await;
    let _: &dyn Crm = &client;
    for there in ["00972502345678", "+972 (0)50-234-5678", "\u{202a}+972502345678\u{202c}"] {
        zoho.answer_next("search", 200, &[], &json!({ "data": [{ "id": 7, "Fax": there }] }).to_string());
        assert_eq!(find(&client).await.unwrap().unwrap().id, "7");
    }
    zoho.play_next("search", sample!("04_search_phone_found.json"));
    let found = find(&client).await.unwrap().unwrap();
    assert_eq!(found.id, "5477061000001234567");
    assert_eq!(found.name, Some(PersonName::new("דנה כהן")));
    assert_eq!(found.email, Some(Email::new("dana@example.com")));
    assert_eq!(found.owner, Some(PersonName::new("Agent")));
    assert_eq!(found.modified_at, Some("2026-08-31T07:11:12Z".parse().unwrap()));
    for _ in 0..4 {
        zoho.play_next("search", sample!("05_search_phone_none.json"));
    }
    assert_eq!(find(&client).await, Ok(None));
    for (file, verdict) in [
        (sample!("11_error_401_scope.json"), Verdict::Refused),
        (sample!("12_error_429.json"), Verdict::Retry),
        (sample!("13_error_500.json"), Verdict::Retry),
        (sample!("14_error_400_module.json"), Verdict::Stop),
    ] {
        zoho.play_next("search", file);
        assert_eq!(find(&client).await.unwrap_err().verdict(), verdict, "{file}");
        zoho.play_next("upsert", file);
        assert_eq!(upsert(&client, card()).await.unwrap_err().verdict(), verdict, "{file}");
    }
}

#[actix_web::test]
async fn a_lead_is_inserted_with_what_is_known_and_then_updated() {
    let (zoho, client) = start().await;
    let full = LeadCard {
        name: Some(PersonName::new("Dana Bat Cohen")),
        email: Some(Email::new("dana@example.com")),
        company: Some(Hidden::new("Example".to_owned())),
        stage: Some(LeadStage::Qualified),
        score: Some(80),
        last_call_at: Some(now()),
        note: Some(Spoken::new("wants a quote")),
        ..card()
    };
    let first = upsert(&client, full.clone()).await.unwrap();
    assert!(first.created);
    assert_eq!(upsert(&client, full).await, Ok(Upserted { created: false, ..first }));
    let record = zoho.records("Leads").pop().unwrap();
    for (field, value) in [
        ("Phone", PHONE),
        ("First_Name", "Dana Bat"),
        ("Last_Name", "Cohen"),
        ("Email", "dana@example.com"),
        ("Company", "Example"),
        ("Lead_Status", "Pre-Qualified"),
        ("Lead_Source", "Phone"),
        ("Description", "[Switchhook] Score 80. Last call 2026-09-01T10:15:00Z. wants a quote"),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
    let sent = zoho.requests().pop().unwrap().json();
    assert_eq!((&sent["duplicate_check_fields"], &sent["trigger"]), (&json!(["Phone"]), &json!(["workflow"])));
    assert_eq!(zoho.records("Leads").len(), 1);
}

#[actix_web::test]
async fn a_lead_without_a_name_has_its_number_as_one_which_is_never_read_back() {
    let (zoho, client) = start().await;
    upsert(&client, card()).await.unwrap();
    assert_eq!(zoho.records("Leads")[0]["Last_Name"], PHONE);
    assert_eq!(find(&client).await.unwrap().unwrap().name, None);
}

#[actix_web::test]
async fn a_record_that_is_known_is_changed_and_keeps_what_people_wrote() {
    for (module, kind) in [("Leads", Module::Lead), ("Contacts", Module::Contact)] {
        let (zoho, client) = start().await;
        let there = json!({
            "First_Name": "Dana", "Last_Name": "Cohen", "Mobile": "050-234-5678", "Description": "a good customer",
        });
        let id = zoho.add(module, there);
        let known = find(&client).await.unwrap();
        let card = LeadCard {
            known,
            name: Some(PersonName::new("Dana")),
            email: Some(Email::new("dana@example.com")),
            stage: Some(LeadStage::Engaged),
            score: Some(80),
            ..card()
        };
        assert_eq!(upsert(&client, card).await, Ok(Upserted { id, created: false }));
        let record = zoho.records(module).pop().unwrap();
        assert_eq!((&record["First_Name"], &record["Last_Name"]), (&json!("Dana"), &json!("Cohen")));
        assert_eq!((&record["Description"], &record["Phone"]), (&json!("a good customer"), &Value::Null));
        assert_eq!(record["Email"], "dana@example.com");
        assert_eq!(record["Lead_Status"], if kind == Module::Lead { json!("Contacted") } else { Value::Null });
        assert_eq!(zoho.records("Leads").len() + zoho.records("Contacts").len(), 1, "nobody is there twice");
    }
}

#[actix_web::test]
async fn a_description_of_ours_is_written_anew() {
    let (zoho, client) = start().await;
    upsert(&client, LeadCard { score: Some(10), ..card() }).await.unwrap();
    let known = find(&client).await.unwrap();
    upsert(&client, LeadCard { known, score: Some(90), name: Some(PersonName::new("Dana")), ..card() }).await.unwrap();
    let record = zoho.records("Leads").pop().unwrap();
    assert_eq!((&record["Description"], &record["Last_Name"]), (&json!("[Switchhook] Score 90."), &json!("Dana")));
}

#[actix_web::test]
async fn each_card_has_its_own_result_in_the_order_of_the_cards() {
    let (zoho, client) = start().await;
    let id = zoho.add("Contacts", json!({ "Last_Name": "Cohen", "Phone": PHONE }));
    let known = find(&client).await.unwrap();
    let gone = known.clone().map(|known| Contact { id: "1".to_owned(), ..known });
    let bad = Phone::new("12");
    let email = Some(Email::new("dana@example.com"));
    let cards = [
        LeadCard { phone: bad, ..card() },
        LeadCard { known, email: email.clone(), ..card() },
        LeadCard { phone: Phone::new("+15550100123"), ..card() },
        LeadCard { known: gone, email, ..card() },
    ];
    let results = client.upsert(&cards, now()).await.unwrap();
    let [first, second, third, fourth] = results.as_slice() else { panic!("four results") };
    let error = first.as_ref().unwrap_err();
    assert_eq!((error.verdict(), error.to_string().as_str()), (Verdict::Stop, "crm: rejected: INVALID_DATA Phone"));
    assert_eq!(second, &Ok(Upserted { id, created: false }));
    assert!(third.as_ref().unwrap().created);
    assert_eq!(fourth.as_ref().unwrap_err().verdict(), Verdict::Stop);
    let requests = zoho.requests().len();
    let nothing = LeadCard { known: cards[1].known.clone(), ..card() };
    assert_eq!(upsert(&client, nothing).await, second.clone());
    assert_eq!(client.upsert(&[], now()).await, Ok(Vec::new()));
    assert_eq!(zoho.requests().len(), requests, "what has nothing to say is not said");
    assert_eq!(client.upsert(&vec![card(); CARDS_MAX + 1], now()).await, Err(CrmError::TooMany));
    // One of two requests fails: its cards only.
    zoho.answer_next("upsert", 500, &[], "");
    let results = client.upsert(&cards, now()).await.unwrap();
    let verdicts: Vec<Option<Verdict>> = results.iter().map(|r| r.as_ref().err().map(CrmError::verdict)).collect();
    assert_eq!(verdicts, [Some(Verdict::Retry), None, Some(Verdict::Retry), Some(Verdict::Stop)]);
}

#[actix_web::test]
async fn every_sample_of_an_upsert_has_its_result() {
    let (zoho, client) = start().await;
    for (file, created) in [(sample!("06_upsert_insert.json"), true), (sample!("07_upsert_update.json"), false)] {
        zoho.play_next("upsert", file);
        let id = "5477061000001234567".to_owned();
        assert_eq!(upsert(&client, card()).await, Ok(Upserted { id, created }));
    }
    for (file, code, field) in [
        (sample!("08_upsert_record_error_invalid_phone.json"), "INVALID_DATA", "Phone"),
        (sample!("09_upsert_mandatory_missing.json"), "MANDATORY_NOT_FOUND", "Last_Name"),
    ] {
        zoho.play_next("upsert", file);
        let error = CrmError::Rejected { code: code.to_owned(), field: Some(field.to_owned()) };
        assert_eq!(upsert(&client, card()).await, Err(error));
    }
}

#[actix_web::test]
async fn every_class_of_error_has_its_verdict() {
    let (zoho, client) = start().await;
    for (code, class) in CODES.iter().filter(|(code, _)| *code != "INVALID_TOKEN") {
        let verdict = match class {
            Class::NotAuthorized => Verdict::Refused,
            Class::Limited => Verdict::Wait(CREDITS_WAIT),
            Class::Busy => Verdict::Retry,
            Class::Rejected => Verdict::Stop,
        };
        let whole = json!({ "code": code, "details": {}, "message": format!("for {PHONE}"), "status": "error" });
        zoho.answer_next("search", 400, &[], &whole.to_string());
        assert_eq!(find(&client).await.unwrap_err().verdict(), verdict, "{code}");
        for (status, body) in [(429, whole.clone()), (400, json!({ "data": [whole] }))] {
            zoho.answer_next("upsert", status, &[], &body.to_string());
            let error = upsert(&client, card()).await.unwrap_err();
            assert_eq!(error.verdict(), verdict, "{code} with {status}");
            assert!(error.to_string().contains(code) && !error.to_string().contains(PHONE), "{error}");
        }
    }
    for (status, body, reading, writing) in [
        (400, "{\"code\": \"SOMETHING_NEW\"}", Verdict::Stop, Verdict::Stop),
        (400, "{\"code\": \"for +972502345678\"}", Verdict::Stop, Verdict::Stop),
        (302, "", Verdict::Refused, Verdict::Refused),
        (401, "{\"code\": \"SOMETHING_NEW\"}", Verdict::Refused, Verdict::Refused),
        (403, "", Verdict::Refused, Verdict::Refused),
        (429, "", Verdict::Retry, Verdict::Retry),
        (503, "<html>", Verdict::Retry, Verdict::Retry),
        (200, "garbage", Verdict::Retry, Verdict::Unknown),
        (200, "{\"data\": 7}", Verdict::Retry, Verdict::Unknown),
        (200, "{\"data\": []}", Verdict::Stop, Verdict::Unknown),
        (204, "", Verdict::Stop, Verdict::Unknown),
        (200, "{\"data\": [{\"status\": \"success\"}]}", Verdict::Stop, Verdict::Unknown),
    ] {
        // For a question, an empty list and 204 are answers.
        if reading != Verdict::Stop || status == 400 {
            zoho.answer_next("search", status, &[], body);
            assert_eq!(find(&client).await.unwrap_err().verdict(), reading, "{status} {body}");
        }
        zoho.answer_next("upsert", status, &[], body);
        let error = upsert(&client, card()).await.unwrap_err();
        assert_eq!(error.verdict(), writing, "{status} {body}");
        assert!(!error.to_string().contains("9725"), "{error}");
    }
}

#[actix_web::test]
async fn only_a_write_that_may_have_arrived_is_unknown() {
    let (zoho, there) = start().await;
    find(&there).await.unwrap();
    zoho.drop_next("search");
    assert_eq!(find(&there).await.unwrap_err().verdict(), Verdict::Retry);
    let hasty = hasty_client(&settings(&zoho.base_url));
    zoho.hang_next("search");
    assert_eq!(find(&hasty).await.unwrap_err().verdict(), Verdict::Retry);
    zoho.drop_next("upsert");
    assert_eq!(upsert(&there, card()).await.unwrap_err().verdict(), Verdict::Unknown);
    zoho.hang_next("upsert");
    assert_eq!(upsert(&hasty, card()).await.unwrap_err().verdict(), Verdict::Unknown);
    let token_only = Settings { api_url: "http://127.0.0.1:1".to_owned(), ..settings(&zoho.base_url) };
    assert_eq!(upsert(&client(&token_only), card()).await.unwrap_err().verdict(), Verdict::Retry);
    let wrong = Settings { api_url: "not a url".to_owned(), ..settings(&zoho.base_url) };
    assert_eq!(find(&client(&wrong)).await.unwrap_err().verdict(), Verdict::Refused);
    assert_eq!(upsert(&client(&wrong), card()).await.unwrap_err().verdict(), Verdict::Refused);
}

#[test]
fn waits_are_minutes_for_tokens_and_hours_for_credits() {
    assert_eq!((THROTTLED_WAIT, CREDITS_WAIT), (Duration::from_secs(900), Duration::from_secs(10_800)));
}
