//! A function call as a platform sends it: with its name and its call around the arguments (Retell), or the arguments
//! alone, the name in the URL (Retell's "args only", ElevenLabs' tools, Bolna's custom functions). The second becomes the
//! first before it is stored.
//!
//! A platform that signs vouches for the call that it puts around the arguments; every platform vouches for the arguments that
//! it fills in itself.

use serde_json::{Map, Value, json};

use super::{Envelope, Notes, Reader, sha256_hex};
use crate::domain::{Direction, FunctionCall, Party};
use crate::redact::Hidden;

/// The longest id of a call: what is longer is none of a platform's, and counts as no id.
const CALL_ID_CHARS_MAX: usize = 200;

/// The arguments that a platform fills in itself, by the names of its own variables. Only these say who is on the line:
/// everything else among the arguments is written by the voice agent's model, which writes what its caller tells it.
#[derive(Clone, Copy, Debug)]
pub struct OwnArguments {
    /// The caller's number.
    pub caller: &'static [&'static str],
    /// Our number.
    pub ours: &'static [&'static str],
    /// The call.
    pub call_id: &'static [&'static str],
    /// The voice agent.
    pub agent: &'static [&'static str],
}

impl OwnArguments {
    /// The platform fills in nothing.
    pub const NONE: Self = Self { caller: &[], ours: &[], call_id: &[], agent: &[] };
}

/// Arguments about the call that are no arguments of the function, by the names that people give them.
const CALL_ID: &[&str] = &["call_id", "conversation_id", "execution_id", "system__conversation_id"];
const CALLER: &[&str] = &["from_number", "caller_id", "user_number", "contact_number", "system__caller_id"];
const OURS: &[&str] = &["to_number", "called_number", "agent_number", "system__called_number"];
const AGENT: &[&str] = &["agent_id", "system__agent_id", "system__current_agent_id"];
const TOOL_CALL_ID: &[&str] = &["tool_call_id", "request_id"];
const DIRECTION: &[&str] = &["direction", "call_direction"];

/// The form with the name and the call, of a body that is the arguments alone: `name` is the one in the URL. What the
/// platform fills in itself becomes `call`; what its model may have written becomes `claimed`, and identifies nobody. A
/// body that has the whole form already is no exception: at such a URL a model may write that, too.
pub fn whole(own: &OwnArguments, name: &str, body: Value) -> Value {
    let is_whole = is_whole(&body);
    let Value::Object(mut args) = body else { return json!({ "name": name, "args": body }) };
    let said = args.get("call").and_then(Value::as_object).filter(|_| is_whole).cloned().unwrap_or_default();
    if is_whole && let Some(Value::Object(inner)) = args.remove("args") {
        args = inner;
    }
    let (mut call, mut claimed) = (Map::new(), Map::new());
    for (key, names, own) in [
        ("call_id", CALL_ID, own.call_id),
        ("from_number", CALLER, own.caller),
        ("to_number", OURS, own.ours),
        ("agent_id", AGENT, own.agent),
        // Neither identifies anybody: a retry is told by the first, and the second says which side is the caller.
        ("tool_call_id", TOOL_CALL_ID, TOOL_CALL_ID),
        ("direction", DIRECTION, DIRECTION),
    ] {
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        for name in names {
            let into = if own.contains(name) { &mut call } else { &mut claimed };
            let value = args.remove(*name);
            if let Some(value) = value.filter(is_text)
                && !into.contains_key(key)
            {
                into.insert(key.to_owned(), value);
            }
        }
        if let Some(value) = said.get(key).filter(|value| is_text(value)) {
            claimed.entry(key).or_insert_with(|| value.clone());
        }
    }
    json!({ "name": name, "args": args, "call": call, "claimed": claimed })
}

/// Whether this is a function call: a name, arguments, and no event.
pub fn is_whole(payload: &Value) -> bool {
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
    let (call, claimed) = (body.object("call"), body.object("claimed"));
    let outbound = call.text("direction").as_deref() == Some(Direction::Outbound.as_str());
    let (theirs, ours) = if outbound { ("to_number", "from_number") } else { ("from_number", "to_number") };
    let (name, args) = (body.text("name").unwrap_or_default(), payload.get("args")?.as_object()?.clone());
    let tool_call_id = call.text("tool_call_id").or_else(|| invocation(&call, &name, &args));
    Some(FunctionCall {
        name,
        args: Hidden::new(args),
        party: Party {
            phone: call.phone(theirs),
            claimed_phone: claimed.phone(theirs),
            our_number: call.phone(ours),
            agent_id: call.text("agent_id"),
            agent_name: call.name("agent_name"),
            call_id: call.text("call_id").filter(|id| id.chars().count() <= CALL_ID_CHARS_MAX),
        },
        tool_call_id,
    })
}

/// What names the request: the platform's id of this call of the function; else the call, the function and its
/// arguments, which a retry repeats. Where the platform does not name the call, everything that tells one caller from
/// another belongs to it: else one of them would hear what another was answered.
pub(super) fn envelope(payload: &Value) -> Option<Envelope> {
    let call = read(payload)?;
    let (name, args, party) = (&call.name, call.args.expose(), &call.party);
    let mut envelope = Envelope::new("function", party.call_id.clone(), None);
    let digest = |said: Value| sha256_hex(said.to_string().as_bytes())[..24].to_owned();
    envelope.event_id = Some(match (&party.call_id, &call.tool_call_id) {
        (Some(call_id), Some(id)) => format!("{call_id}:function:{id}"),
        (Some(call_id), None) => format!("{call_id}:function:{}", digest(json!([name, args]))),
        (None, id) => {
            let said = json!([name, args, id, party.phone, payload.get("claimed")]);
            format!("-:function:{}", digest(said))
        }
    });
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
    use crate::redact::Phone;

    const OWN: OwnArguments =
        OwnArguments { caller: &["system__caller_id"], ours: &[], call_id: &["system__conversation_id"], agent: &[] };

    #[test]
    fn arguments_alone_become_the_whole_form() {
        let body =
            json!({ "date": "2026-11-02", "system__caller_id": "+15550100001", "system__conversation_id": "conv_1" });
        let whole = whole(&OWN, "book_appointment", body);
        assert_eq!(
            whole,
            json!({ "name": "book_appointment", "args": { "date": "2026-11-02" },
                    "call": { "from_number": "+15550100001", "call_id": "conv_1" }, "claimed": {} })
        );
        let call = read(&whole).unwrap();
        assert_eq!((call.name.as_str(), call.party.phone), ("book_appointment", Some(Phone::new("+15550100001"))));
    }

    #[test]
    fn what_a_model_may_have_written_is_claimed() {
        let said = json!({ "from_number": "+15550100009", "call_id": "c9", "to_number": "+15550100199" });
        for body in [said.clone(), json!({ "name": "cancel_appointment", "args": {}, "call": said })] {
            for own in [&OwnArguments::NONE, &OWN] {
                let call = read(&whole(own, "save_note", body.clone())).unwrap();
                assert_eq!((call.name.as_str(), call.party.phone, call.party.call_id), ("save_note", None, None));
                assert_eq!((call.party.claimed_phone, call.party.our_number), (Some(Phone::new("+15550100009")), None));
            }
        }
        // Its word counts beside the platform's for nothing.
        let both = json!({ "from_number": "+15550100009", "system__caller_id": "+15550100001" });
        let call = read(&whole(&OWN, "save_note", both)).unwrap();
        assert_eq!(call.party.phone, Some(Phone::new("+15550100001")));
    }

    #[test]
    fn without_a_call_one_caller_is_not_answered_as_another() {
        let key = |body: Value| envelope(&whole(&OWN, "cancel_appointment", body)).unwrap().event_id.unwrap();
        let (one, other) =
            (json!({ "system__caller_id": "+15550100001" }), json!({ "system__caller_id": "+15550100002" }));
        assert_eq!(key(one.clone()), key(one.clone()));
        assert_ne!(key(one), key(other));
        let claimed = |phone: &str| json!({ "call_id": "c1", "tool_call_id": "1", "from_number": phone });
        assert_ne!(key(claimed("+15550100001")), key(claimed("+15550100002")));
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
