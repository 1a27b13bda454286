//! What the tests of the platforms share: events, deliveries, and payloads with every field spoilt in turn.

use std::collections::HashSet;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Document, Outgoing, Provider, Sample};
use crate::dispatch::{Handler, Registry};
use crate::domain::{CallReport, Changes};
use crate::inbox::Event;
use crate::queue::Failure;
use crate::redact::Hidden;

/// A time, from its text.
pub(super) fn at(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

/// Headers, from names and values.
pub(super) fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    pairs
        .into_iter()
        .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

/// The headers of a request to be sent.
pub(super) fn headers_of(outgoing: &Outgoing) -> HeaderMap {
    headers(outgoing.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// The vectors of a platform.
pub(super) fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

/// The sample whose name begins so.
pub(super) fn sample(provider: &dyn Provider, name: &str) -> &'static Sample {
    provider.samples().iter().find(|sample| sample.name.starts_with(name)).unwrap()
}

/// How many samples the platform itself published.
pub(super) fn published(provider: &dyn Provider) -> usize {
    provider.samples().iter().filter(|sample| sample.is_published()).count()
}

/// A body as the door stores it.
pub(super) fn document(provider: &dyn Provider, body: &str) -> Document {
    let delivery = super::Delivery { query: "", headers: &HeaderMap::new(), body: body.as_bytes() };
    Document::read(provider, &delivery).unwrap()
}

/// A payload as the processor hands it to a handler.
pub(super) fn event(provider: &dyn Provider, payload: &Value) -> Event {
    let envelope = provider.envelope(payload);
    Event {
        id: Uuid::from_u128(1),
        connection_id: Uuid::from_u128(2),
        tenant_id: None,
        provider: provider.name().to_owned(),
        event_type: envelope.event_type,
        external_event_id: "external".to_owned(),
        occurred_at: envelope.occurred_at,
        received_at: DateTime::UNIX_EPOCH,
        attempts: 0,
        campaign_rank: None,
        connection_region: None,
        tenant_region: None,
        tenant_outreach_delay_ms: None,
        payload: Hidden::new(payload.to_string()),
        payload_removed: false,
    }
}

/// What a payload's handler says; `None` where its type is ignored or nobody has registered it.
pub(super) fn handle(provider: &dyn Provider, payload: &Value) -> Option<Result<Changes, Failure>> {
    let mut registry = Registry::new();
    provider.register(&mut registry);
    let registry = registry.build().unwrap();
    let event = event(provider, payload);
    match registry.find(provider.name(), &event.event_type)? {
        Handler::Pure(handler) => Some(handler(&event)),
        _ => None,
    }
}

/// What a payload's handler says of the one call that it is about.
pub(super) fn report(provider: &dyn Provider, payload: &Value) -> CallReport {
    let changes = handle(provider, payload).unwrap().unwrap();
    assert_eq!(changes.calls.len(), 1);
    changes.calls.into_iter().next().unwrap()
}

/// What a sample's handler says of the one call that it is about.
pub(super) fn report_of(provider: &dyn Provider, name: &str) -> CallReport {
    report(provider, &document(provider, sample(provider, name).body).payload)
}

/// Why a payload is dead.
pub(super) fn death(provider: &dyn Provider, payload: &Value) -> String {
    match handle(provider, payload) {
        Some(Err(Failure::Dead(why))) => why,
        other => panic!("not dead: {other:?}"),
    }
}

/// Feeds a platform every one of its samples with every field in turn replaced by what does not belong there.
/// Nothing may panic, and no note or failure may repeat a value.
pub(super) fn spoil_every_field(provider: &dyn Provider) {
    let mut seen = HashSet::new();
    for sample in provider.samples() {
        let payload: Value = serde_json::from_str(sample.body).unwrap();
        let event_type = provider.envelope(&payload).event_type;
        let mut paths = Vec::new();
        collect_paths(&payload, String::new(), &mut paths);
        // A field that was spoilt in one sample of a type need not be spoilt in the next.
        paths.retain(|path| seen.insert((event_type.clone(), path.clone())));
        for path in paths {
            for intruder in intruders() {
                let mut spoilt = payload.clone();
                *spoilt.pointer_mut(&path).unwrap() = intruder;
                survive(provider, spoilt);
            }
        }
    }
}

fn survive(provider: &dyn Provider, mut payload: Value) {
    provider.acknowledge(&payload);
    let notes = match handle(provider, &payload) {
        None => Vec::new(),
        Some(Ok(changes)) => changes.notes,
        Some(Err(failure)) => vec![failure.to_string()],
    };
    assert!(notes.iter().all(|note| !note.contains("INTRUDER")), "{notes:?}");
    provider.detach(&mut payload);
}

/// Values of every kind and size that a field may hold and should not.
fn intruders() -> Vec<Value> {
    let deep = (0..100).fold(json!("INTRUDER"), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(-1.7e308),
        json!(8_999_999_999.0),
        json!(""),
        json!("INTRUDER"),
        json!("8999999999999"),
        json!("assistant:\nuser:"),
        json!([]),
        json!([[], {}, "INTRUDER", 7]),
        json!({}),
        json!({ "INTRUDER": { "value": ["INTRUDER"] } }),
        deep,
    ]
}

fn collect_paths(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect_paths(value, format!("{path}/{key}"), paths);
            }
        }
        // The first two stand for the rest of a list.
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate().take(2) {
                collect_paths(value, format!("{path}/{index}"), paths);
            }
        }
        _ => {}
    }
    paths.push(path);
}
