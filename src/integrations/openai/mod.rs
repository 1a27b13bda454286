//! OpenAI: the Responses API (developers.openai.com, "Responses"), asked for JSON of a strict schema. It has no
//! idempotency key: what is asked twice is paid twice.

mod error;
mod read;
mod wait;

#[cfg(test)]
mod tests;

pub use error::{Class, Error, class_of};

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Transport;
use crate::redact::{Hidden, Secret, Spoken};

/// `[integrations.openai]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The API with its version.
    pub base_url: String,
    /// The key of a project.
    pub api_key: Secret,
    /// A model that answers with structured output.
    pub model: String,
    /// A stored prompt that stands in place of our instructions, for requests that allow it.
    pub prompt_id: String,
    /// The longest answer, what a model thinks before it included; 0: as long as the model likes.
    pub max_output_tokens: u32,
    /// How long an answer may take.
    #[serde(with = "crate::duration_text")]
    pub timeout: Duration,
}

/// Asks the model.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Settings,
    transport: Transport,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What the model is to do. Ours, never a stranger's words.
    pub instructions: &'a str,
    /// Whether the configured stored prompt may stand in place of the instructions: it was written for one task.
    pub stored_prompt: bool,
    /// What to do it with.
    pub input: Spoken,
    /// The name of the schema: letters, digits, `_` and `-`, 64 at most.
    pub schema_name: &'a str,
    /// The JSON schema, strict. As text, because the model answers in the order in which it stands there.
    pub schema: &'a str,
    /// Shown beside the request in OpenAI's log. No personal data.
    pub metadata: &'a [(&'a str, &'a str)],
}

/// What the model answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The answer: an object of the schema.
    pub output: Hidden<Value>,
    /// The model that gave it; may be a dated name of the one that was asked.
    pub model: String,
    /// What it used; the API may leave it out.
    pub usage: Option<Usage>,
    /// `resp_…`.
    pub response_id: String,
}

/// The tokens that a request used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// All tokens read.
    pub input_tokens: u64,
    /// Those of them that OpenAI still had from an earlier request; they cost less.
    pub cached_tokens: u64,
    /// All tokens written, thoughts included.
    pub output_tokens: u64,
}

impl Settings {
    /// Whether anything can be asked at all.
    pub fn is_configured(&self) -> bool {
        !self.api_key.expose().is_empty()
    }
}

impl Client {
    /// A client for these settings.
    pub fn new(settings: Settings, transport: Transport) -> Self {
        Self { settings, transport }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Asks, and waits for the whole answer.
    pub async fn respond(&self, now: DateTime<Utc>, request: &Request<'_>) -> Result<Response, Error> {
        let url = format!("{}/responses", self.settings.base_url.trim_end_matches('/'));
        let request = self
            .transport
            .client()
            .post(url)
            .timeout(self.settings.timeout)
            .bearer_auth(self.settings.api_key.expose())
            .json(&self.body(request)?);
        read::response(&self.transport.send(request).await?, now)
    }

    fn body<'a>(&'a self, request: &'a Request<'_>) -> Result<Body<'a>, Error> {
        let id = self.settings.prompt_id.as_str();
        let prompt = (request.stored_prompt && !id.is_empty()).then_some(Prompt { id });
        if self.settings.model.is_empty() && prompt.is_none() {
            return Err(Error::NotSent { class: Class::Configuration, reason: "no model is configured" });
        }
        let schema = serde_json::from_str(request.schema)
            .map_err(|_| Error::NotSent { class: Class::Request, reason: "the schema is no JSON" })?;
        Ok(Body {
            model: &self.settings.model,
            instructions: prompt.is_none().then_some(request.instructions),
            prompt,
            input: [Turn { role: "user", content: [Part { kind: "input_text", text: request.input.expose() }] }],
            text: Text { format: Format { kind: "json_schema", name: request.schema_name, schema, strict: true } },
            max_output_tokens: Some(self.settings.max_output_tokens).filter(|tokens| *tokens > 0),
            store: false,
            metadata: request.metadata.iter().copied().collect(),
        })
    }
}

/// The body of a request.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<Prompt<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    input: [Turn<'a>; 1],
    text: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    /// False: what people said is not to be kept there for us to look at.
    store: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Prompt<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
struct Format<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    schema: &'a RawValue,
    strict: bool,
}
