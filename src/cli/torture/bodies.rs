//! What is sent: webhooks by their number, always the same, so that one can tell afterwards whether each is there once.

use serde_json::{Value, json};

/// Every so many webhooks one is bad: two of a hundred.
const BAD_EVERY: u64 = 50;
/// The agent whose calls the database refuses, by a constraint that is made for this.
pub(super) const REFUSED_AGENT: &str = "refused-by-the-database";

/// The body of a webhook of Retell AI. Of ten numbers nine are the reports of three calls that were taken, in order, and the
/// tenth is a call that was missed, each by a person of their own, to whom one message is sent.
pub(super) fn body(number: u64, began_ms: i64) -> String {
    let (ten, place) = (number / 10, number % 10);
    let is_missed = place == 9;
    let call = if is_missed { ten } else { ten * 3 + place / 3 };
    // Of all reports of a call the same.
    let at_ms = began_ms + i64::try_from(number - place % 3).unwrap_or(i64::MAX);
    let (event, more) = match place % 3 {
        0 if is_missed => ("call_ended", json!({ "call_status": "not_connected", "end_timestamp": at_ms })),
        0 => ("call_started", json!({ "call_status": "ongoing" })),
        1 => (
            "call_ended",
            json!({ "call_status": "ended", "end_timestamp": at_ms + 60_000, "duration_ms": 60_000,
                "recording_url": format!("https://recordings.example.com/{call}.wav"),
                "transcript": format!("Agent: Good morning, how can I help you?\nUser: I call about number {call}.\n") }),
        ),
        _ => (
            "call_analyzed",
            json!({ "call_status": "ended", "end_timestamp": at_ms + 60_000,
                "call_analysis": { "call_summary": format!("About number {call}."), "user_sentiment": "Positive" } }),
        ),
    };
    let (id, from) = match is_missed {
        true => (format!("missed-{call}"), format!("+155501{:05}", call % 100_000)),
        false => (format!("taken-{call}"), format!("+155502{:05}", call % 100_000)),
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

/// Whether it is sent once more, as platforms do: one of ten, of every kind.
pub(super) fn is_sent_twice(number: u64) -> bool {
    number % 10 == number / 10 % 10
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
