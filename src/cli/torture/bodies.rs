//! What is sent: webhooks by their number, always the same, so that one can tell afterwards whether each is there once.

use serde_json::{Value, json};

/// Every so many webhooks one is bad: two of a hundred.
const BAD_EVERY: u64 = 50;
/// Every so many are sent twice, as platforms do.
const TWICE_EVERY: u64 = 10;
/// The agent whose calls the database refuses, by a constraint that is made for this.
pub(super) const REFUSED_AGENT: &str = "refused-by-the-database";

/// The body of a webhook of Retell AI. Of four numbers three are the reports of one call that was taken, in order, and the
/// fourth is a call that was missed, each by a person of their own, to whom one message is sent.
pub(super) fn body(number: u64, began_ms: i64) -> String {
    let call = number / 4;
    let at_ms = began_ms + i64::try_from(call).unwrap_or(i64::MAX);
    let (event, more) = match number % 4 {
        0 => ("call_started", json!({ "call_status": "ongoing" })),
        1 => (
            "call_ended",
            json!({ "call_status": "ended", "end_timestamp": at_ms + 60_000, "duration_ms": 60_000,
                "recording_url": format!("https://recordings.example.com/{call}.wav"),
                "transcript": format!("Agent: Good morning, how can I help you?\nUser: I call about number {call}.\n") }),
        ),
        2 => (
            "call_analyzed",
            json!({ "call_status": "ended", "end_timestamp": at_ms + 60_000,
                "call_analysis": { "call_summary": format!("About number {call}."), "user_sentiment": "Positive" } }),
        ),
        _ => ("call_ended", json!({ "call_status": "not_connected", "end_timestamp": at_ms })),
    };
    let (id, from) = match number % 4 {
        3 => (format!("missed-{call}"), format!("+155501{:05}", call % 100_000)),
        _ => (format!("taken-{call}"), format!("+155502{:05}", call % 100_000)),
    };
    let mut object = json!({ "call_id": id, "direction": "inbound", "from_number": from, "to_number": "+15550109999",
        "agent_id": "agent-1", "start_timestamp": at_ms, "metadata": { "number": number } });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
        match bad(number) {
            None => {}
            // Refused by the handler.
            Some(Bad::ForUs) => drop(object.remove("call_id")),
            // Refused by Postgres alone.
            Some(Bad::ForPostgres) => drop(object.insert("agent_id".to_owned(), json!(REFUSED_AGENT))),
        }
    }
    json!({ "event": event, "call": object, "event_timestamp": at_ms + 61_000 }).to_string()
}

/// What is wrong with a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    ForUs,
    ForPostgres,
}

/// What is wrong with this one, if anything is.
pub(super) fn bad(number: u64) -> Option<Bad> {
    match number % (2 * BAD_EVERY) {
        place if place == BAD_EVERY - 1 => Some(Bad::ForUs),
        place if place == 2 * BAD_EVERY - 2 => Some(Bad::ForPostgres),
        _ => None,
    }
}

/// Whether it is sent once more.
pub(super) fn is_sent_twice(number: u64) -> bool {
    number % TWICE_EVERY == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_webhooks_of_a_hundred_are_bad_in_either_way_and_each_is_another() {
        let bads: Vec<Bad> = (0..1_000).filter_map(bad).collect();
        assert_eq!(bads.len(), 20);
        assert_eq!(bads.iter().filter(|bad| **bad == Bad::ForUs).count(), 10);
        let bodies: std::collections::HashSet<String> = (0..1_000).map(|number| body(number, 0)).collect();
        assert_eq!(bodies.len(), 1_000);
        assert!(body(49, 0).find("call_id").is_none() && body(98, 0).contains(REFUSED_AGENT));
    }
}
