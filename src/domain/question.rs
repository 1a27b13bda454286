//! Questions that a platform asks while somebody is on the line, free of any platform: who is calling, and do this now.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::redact::{Hidden, PersonName, Phone};

/// `[conversation]`: what the voice agent says of the tenant and to its callers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationSettings {
    /// The language of what is spoken: `en`, `he`, `es`, `hi`.
    pub language: Language,
    /// What the agent should mind in every call.
    pub special_instructions: String,
    /// The agent that takes calls instead of the number's own (Retell). Empty: the number's own.
    pub agent_id: String,
    /// The first sentence instead of the agent's own; `{greeting_context}` and the like are filled in. Empty: its own.
    pub first_message: String,
    /// Variables of the tenant's own, by name.
    #[serde(deserialize_with = "texts")]
    pub variables: BTreeMap<String, String>,
}

/// A language that we can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Hebrew.
    #[serde(rename = "he")]
    Hebrew,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
    /// Hindi.
    #[serde(rename = "hi")]
    Hindi,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::English, Self::Hebrew, Self::Spanish, Self::Hindi];

    /// Its code (ISO 639-1).
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Hebrew => "he",
            Self::Spanish => "es",
            Self::Hindi => "hi",
        }
    }
}

/// Values as texts: a number or a yes in the configuration is what it is written as.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(values.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// Who is on the line, in the platform's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Party {
    /// Their number, as written, by the word of the platform; none where it is withheld. It alone says who they are.
    pub phone: Option<Phone>,
    /// A number that the voice agent's model wrote, so that the caller may have dictated it: nobody vouches for it.
    pub claimed_phone: Option<Phone>,
    /// Our number, as written.
    pub our_number: Option<Phone>,
    /// The voice agent.
    pub agent_id: Option<String>,
    /// The voice agent's name.
    pub agent_name: Option<PersonName>,
    /// The platform's id of the call, by its own word.
    pub call_id: Option<String>,
}

/// A function that the voice agent calls.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    /// Which.
    pub name: String,
    /// With what.
    pub args: Hidden<Map<String, Value>>,
    /// Who is on the line.
    pub party: Party,
    /// The platform's id of this very call of the function, where it has one.
    pub tool_call_id: Option<String>,
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Who is calling?
    Caller(Party),
    /// Do this, and say what came of it.
    Function(FunctionCall),
}

/// What an agent is told before it takes a call. Every value is a text that can be spoken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// By name.
    pub variables: Hidden<BTreeMap<String, String>>,
    /// Whether the call is to be declined.
    pub reject: bool,
    /// The agent that is to take it instead.
    pub agent_id: Option<String>,
    /// The first sentence instead of the agent's own.
    pub first_message: Option<Hidden<String>>,
    /// The language of what is spoken.
    pub language: Option<Language>,
    /// What the platform should keep with the call.
    pub metadata: BTreeMap<String, String>,
}
