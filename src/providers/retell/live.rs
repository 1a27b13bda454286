//! Questions before and during a call, and the answers in Retell's form: the inbound webhook for calls and for chats, and
//! `context_request`, which existing integrations send.

use serde_json::{Map, Value, json};

use super::super::{Notes, Reader, function};
use crate::domain::{Party, Question, Told};

/// The question of a payload.
pub(super) fn question(payload: &Value) -> Option<Question> {
    if let Some(call) = function::read(payload) {
        return Some(Question::Function(call));
    }
    let notes = Notes::default();
    let body = Reader::new(payload, &notes);
    let (call, id) = match body.text("event")?.as_str() {
        "call_inbound" => (body.object("call_inbound"), "call_id"),
        "chat_inbound" => (body.object("chat_inbound"), "chat_id"),
        "context_request" => (body.object("call"), "call_id"),
        _ => return None,
    };
    Some(Question::Caller(Party {
        phone: call.phone("from_number"),
        claimed_phone: None,
        our_number: call.phone("to_number"),
        agent_id: call.text("agent_id"),
        agent_name: None,
        call_id: call.text(id),
    }))
}

/// The answer to it.
pub(super) fn tell(payload: &Value, told: &Told) -> Value {
    let variables = told.variables.expose();
    let key = match payload.get("event").and_then(Value::as_str) {
        Some("context_request") => {
            return json!({ "response_data": { "retell_llm_dynamic_variables": variables } });
        }
        Some("chat_inbound") => "chat_inbound",
        _ => "call_inbound",
    };
    if told.reject {
        return json!({ key: { "reject": true } });
    }
    let mut answer = Map::new();
    answer.insert("dynamic_variables".to_owned(), json!(variables));
    answer.insert("metadata".to_owned(), json!(told.metadata));
    if let Some(agent_id) = &told.agent_id {
        answer.insert("override_agent_id".to_owned(), json!(agent_id));
    }
    if let Some(message) = &told.first_message {
        answer.insert("agent_override".to_owned(), json!({ "retell_llm": { "begin_message": message } }));
    }
    json!({ key: answer })
}
