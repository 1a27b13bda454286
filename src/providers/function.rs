//! A function call as a platform sends it: with its name and its call around the arguments (Retell), or the arguments
//! alone, the name in the URL (Retell's "args only", ElevenLabs' tools, Bolna's custom functions). The second becomes the
//! first before it is stored.

use serde_json::{Map, Value, json};

use super::{Envelope, Notes, Reader, sha256_hex};
use crate::domain::{Direction, FunctionCall, Party};
use crate::redact::{Hidden, Phone};

/// Arguments by which the platform is told to say who is on the line: they are no arguments of the function. The names
/// are those of the platforms' own variables.
const CALL_ID: &[&str] = &["call_id", "conversation_id", "execution_id", "system__conversation_id"];
const CALLER: &[&str] = &["from_number", "caller_id", "user_number", "contact_number", "system__caller_id"];
const OURS: &[&str] = &["to_number", "called_number", "agent_number", "system__called_number"];
const AGENT: &[&str] = &["agent_id", "system__agent_id", "system__current_agent_id"];
const TOOL_CALL_ID: &[&str] = &["tool_call_id", "request_id"];
const DIRECTION: &[&str] = &["direction", "call_direction"];

/// The form with the name and the call, of a body that may be the arguments alone. `name`: as the URL has it.
pub fn whole(name: Option<&str>, body: Value) -> Value {
    if is_whole(&body) {
        return body;
    }
    let Value::Object(mut args) = body else { return json!({ "name": name, "args": body }) };
    let mut call = Map::new();
    for (key, names) in [
        ("call_id", CALL_ID),
        ("from_number", CALLER),
        ("to_number", OURS),
        ("agent_id", AGENT),
        ("tool_call_id", TOOL_CALL_ID),
        ("direction", DIRECTION),
    ] {
        for name in names {
            if let Some(value) = args.remove(*name)
                && !call.contains_key(key)
                && value.as_str().is_some_and(|text| !text.is_empty())
            {
                call.insert(key.to_owned(), value);
            }
        }
    }
    json!({ "name": name.unwrap_or_default(), "args": args, "call": call })
}

/// Whether this is a function call: a name, arguments, and no event.
pub(super) fn is_whole(payload: &Value) -> bool {
    let has_no = |key: &str| payload.get(key).is_none_or(Value::is_null);
    payload.get("name").is_some_and(Value::is_string)
        && payload.get("args").is_some_and(Value::is_object)
        && ["event", "type", "status", "id"].into_iter().all(has_no)
}

/// The function call of a payload, if it is one.
pub(super) fn read(payload: &Value) -> Option<FunctionCall> {
    if !is_whole(payload) {
        return None;
    }
    let notes = Notes::default();
    let body = Reader::new(payload, &notes);
    let call = body.object("call");
    let (from, to) = (call.phone("from_number"), call.phone("to_number"));
    let outbound = call.text("direction").as_deref() == Some(Direction::Outbound.as_str());
    let (phone, our_number): (Option<Phone>, Option<Phone>) = if outbound { (to, from) } else { (from, to) };
    let (name, args) = (body.text("name").unwrap_or_default(), payload.get("args")?.as_object()?.clone());
    let tool_call_id = call.text("tool_call_id").or_else(|| invocation(&call, &name, &args));
    Some(FunctionCall {
        name,
        args: Hidden::new(args),
        party: Party {
            phone,
            our_number,
            agent_id: call.text("agent_id"),
            agent_name: call.name("agent_name"),
            call_id: call.text("call_id"),
        },
        tool_call_id,
    })
}

/// What names the request: the platform's id of this call of the function; else the call, the function and its
/// arguments, which a retry repeats.
pub(super) fn envelope(payload: &Value) -> Option<Envelope> {
    let call = read(payload)?;
    let id = call.tool_call_id.clone().unwrap_or_else(|| {
        let said = json!([call.name, call.args.expose()]).to_string();
        sha256_hex(said.as_bytes())[..24].to_owned()
    });
    let mut envelope = Envelope::new("function", call.party.call_id.clone(), None);
    let subject = call.party.call_id.unwrap_or_else(|| "-".to_owned());
    envelope.event_id = Some(format!("{subject}:function:{id}"));
    Some(envelope)
}

/// Retell says in the transcript so far which call of a tool it is: the last one of this name with these arguments.
fn invocation(call: &Reader<'_>, name: &str, args: &Map<String, Value>) -> Option<String> {
    let turns = call.value("transcript_with_tool_calls")?.as_array()?;
    let is_this = |turn: &&Value| {
        let said = turn.get("arguments").and_then(Value::as_str);
        turn.get("role").and_then(Value::as_str) == Some("tool_call_invocation")
            && turn.get("name").and_then(Value::as_str) == Some(name)
            && said
                .and_then(|text| serde_json::from_str::<Value>(text).ok())
                .is_some_and(|said| said.as_object() == Some(args))
    };
    let id = turns.iter().rev().find(is_this)?.get("tool_call_id")?.as_str()?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_alone_become_the_whole_form() {
        let body =
            json!({ "date": "2026-11-02", "system__caller_id": "+15550100001", "system__conversation_id": "conv_1" });
        let whole = whole(Some("book_appointment"), body);
        assert_eq!(
            whole,
            json!({ "name": "book_appointment", "args": { "date": "2026-11-02" },
                    "call": { "from_number": "+15550100001", "call_id": "conv_1" } })
        );
        let call = read(&whole).unwrap();
        assert_eq!((call.name.as_str(), call.party.phone), ("book_appointment", Some(Phone::new("+15550100001"))));
    }

    #[test]
    fn a_retry_has_the_key_of_what_it_repeats() {
        let request = |turns: Value, date: &str| {
            let args = json!({ "date": date });
            json!({ "name": "book", "args": args, "call": { "call_id": "c1", "transcript_with_tool_calls": turns } })
        };
        let key = |payload: &Value| envelope(payload).unwrap().event_id.unwrap();
        let turn = |id: &str| json!({ "role": "tool_call_invocation", "tool_call_id": id, "name": "book", "arguments": "{\"date\": \"a\"}" });
        assert_eq!(key(&request(json!([turn("t1")]), "a")), "c1:function:t1");
        assert_eq!(key(&request(json!([turn("t1"), turn("t2")]), "a")), "c1:function:t2");
        assert_eq!(key(&request(json!([turn("t1")]), "b")), key(&request(json!([]), "b")));
        assert_ne!(key(&request(json!([]), "a")), key(&request(json!([]), "b")));
    }

    #[test]
    fn on_a_call_of_ours_the_other_side_is_the_caller() {
        let call = json!({ "direction": "outbound", "from_number": "+15550100199", "to_number": "+15550100001" });
        let call = read(&json!({ "name": "f", "args": {}, "call": call })).unwrap();
        assert_eq!(call.party.phone, Some(Phone::new("+15550100001")));
    }
}
