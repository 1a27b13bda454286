//! What a voice agent may do during a call: functions by name, with the arguments that they take.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::crypto::DigestKey;
use crate::domain::spoken_text::visible;
use crate::domain::{AppointmentSettings, ConversationSettings, Party};
use crate::redact::{Hidden, Phone};

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, as the platform calls it.
    pub name: String,
    /// What it does, for the model that decides to call it.
    pub description: String,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// What it writes: then a repeated request is answered with what was answered before, and one call writes so much and
    /// no more (`[live.writes]`). `None`: it only reads.
    pub writes: Option<Writing>,
    /// What it does.
    pub run: Run,
}

/// What a function writes, as far as it is limited by call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// A new appointment.
    Booking,
    /// An appointment that is there: moved, or called off.
    Change,
    /// That somebody should call back.
    Callback,
    /// That somebody should look at it.
    Flag,
    /// A note, or what a caller says of themselves.
    Note,
    /// That the caller wants no messages.
    OptOut,
    /// What your own functions write.
    Other,
}

impl Writing {
    /// The word for it, which counts are kept under.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Change => "change",
            Self::Callback => "callback",
            Self::Flag => "flag",
            Self::Note => "note",
            Self::OptOut => "opt_out",
            Self::Other => "other",
        }
    }
}

/// What a function does.
#[derive(Clone, Debug)]
pub enum Run {
    /// An async function with the open transaction: what it writes commits together with the request and its answer.
    /// It must not call the network.
    Rust(RustFunction),
    /// An SQL function that takes the request (jsonb) and returns the answer (jsonb): its name.
    Sql(String),
}

/// A function in Rust.
pub type RustFunction = for<'a, 'c> fn(&'a mut Called<'c>) -> BoxFuture<'a, Result<Reply, Stop>>;

/// What a function works with.
#[derive(Debug)]
pub struct Called<'c> {
    /// The open transaction.
    pub connection: &'c mut PgConnection,
    /// What ids are made with.
    pub ids: &'c DigestKey,
    /// Whose caller it is.
    pub tenant: &'c TenantView,
    /// The platform.
    pub provider: &'static str,
    /// Who is on the line.
    pub party: &'c Party,
    /// The caller's number in E.164, by the platform's word: it alone says whose rows may be read and changed.
    pub phone: Option<Phone>,
    /// Where the platform names none: a number in E.164 that the caller says is theirs, and anybody can say so. What is
    /// kept under it is new, and marked as unverified.
    pub claimed_phone: Option<Phone>,
    /// What was asked for.
    pub args: &'c Args,
    /// Whether the answer tells something of the person behind `phone`: set it, and the access log has it.
    pub reveals: bool,
    /// The request's row in `webhook_events`.
    pub event_id: Uuid,
    /// The time.
    pub now: DateTime<Utc>,
}

/// A tenant as functions see it.
#[derive(Clone, Debug)]
pub struct TenantView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its time zone.
    pub time_zone: String,
    /// The region that its national numbers are read in.
    pub region: String,
    /// When it can be visited.
    pub appointments: AppointmentSettings,
    /// What is said.
    pub conversation: ConversationSettings,
}

/// What a function answers.
#[derive(Clone, Default, PartialEq)]
pub struct Reply {
    /// A sentence that the agent can speak.
    pub message: String,
    /// Facts beside it, for the model.
    pub data: Map<String, Value>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a function did nothing. What it has written is taken back.
#[derive(Debug)]
pub enum Stop {
    /// For a reason that the caller can be told: a sentence.
    Refused(Reply),
    /// There was nothing left to do: it is answered as done, and counts for no limit.
    AlreadyDone(Reply),
    /// The database failed.
    Database(sqlx::Error),
}

impl Stop {
    /// Nothing was done, as this sentence says.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused(Reply { message: message.into(), data: Map::new() })
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// An argument.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: ParameterKind,
    /// Whether it must be there.
    pub required: bool,
    /// What it is, for the model.
    pub description: &'static str,
}

/// What an argument may be.
#[derive(Clone, Copy, Debug)]
pub enum ParameterKind {
    /// A text of so many characters at most.
    Text(usize),
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A day: 2026-11-30.
    Date,
    /// A time of day: 14:30.
    Time,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// An argument that is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which.
    pub parameter: &'static str,
    /// Whether it is there.
    pub is_missing: bool,
}

/// Arguments that fit the parameters.
#[derive(Clone, Debug, Default)]
pub struct Args(Hidden<Map<String, Value>>);

impl Args {
    /// A text that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.expose().get(name)?.as_str()
    }

    /// A day.
    pub fn date(&self, name: &str) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(self.text(name)?, "%Y-%m-%d").ok()
    }

    /// A time of day.
    pub fn time(&self, name: &str) -> Option<NaiveTime> {
        NaiveTime::parse_from_str(self.text(name)?, "%H:%M").ok()
    }

    /// All of them.
    pub fn values(&self) -> &Map<String, Value> {
        self.0.expose()
    }
}

impl Function {
    /// The JSON schema of its arguments.
    pub fn schema(&self) -> Value {
        let properties: Map<String, Value> =
            self.parameters.iter().map(|parameter| (parameter.name.to_owned(), parameter.schema())).collect();
        let required: Vec<&str> =
            self.parameters.iter().filter(|parameter| parameter.required).map(|parameter| parameter.name).collect();
        json!({ "type": "object", "properties": properties, "required": required })
    }

    /// The arguments, if they fit. What the schema does not know is left out: platforms add fields of their own. An SQL
    /// function reads its arguments itself.
    pub fn args(&self, given: &Map<String, Value>) -> Result<Args, Mistake> {
        if matches!(self.run, Run::Sql(_)) {
            return Ok(Args(Hidden::new(given.clone())));
        }
        let mut args = Map::new();
        for parameter in &self.parameters {
            let text = match given.get(parameter.name) {
                Some(Value::String(text)) => Some(visible(text).trim().to_owned()),
                Some(Value::Number(number)) => Some(number.to_string()),
                None | Some(Value::Null) => None,
                Some(_) => return Err(Mistake { parameter: parameter.name, is_missing: false }),
            };
            // A model that knows nothing writes an empty text.
            match text.filter(|text| !text.is_empty()) {
                Some(text) if parameter.kind.fits(&text) => {
                    args.insert(parameter.name.to_owned(), Value::String(text));
                }
                Some(_) => return Err(Mistake { parameter: parameter.name, is_missing: false }),
                None if parameter.required => return Err(Mistake { parameter: parameter.name, is_missing: true }),
                None => {}
            }
        }
        Ok(Args(Hidden::new(args)))
    }
}

impl Parameter {
    /// A parameter that must be there.
    pub const fn required(name: &'static str, kind: ParameterKind, description: &'static str) -> Self {
        Self { name, kind, required: true, description }
    }

    /// A parameter that may be left out.
    pub const fn optional(name: &'static str, kind: ParameterKind, description: &'static str) -> Self {
        Self { name, kind, required: false, description }
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            ParameterKind::Text(max) => json!({ "type": "string", "maxLength": max }),
            ParameterKind::Email => json!({ "type": "string", "format": "email", "pattern": EMAIL }),
            ParameterKind::Phone => json!({ "type": "string", "maxLength": PHONE_CHARS_MAX }),
            ParameterKind::Date => json!({ "type": "string", "format": "date", "pattern": "^\\d{4}-\\d{2}-\\d{2}$" }),
            ParameterKind::Time => json!({ "type": "string", "pattern": "^([01]\\d|2[0-3]):[0-5]\\d$" }),
            ParameterKind::OneOf(words) => json!({ "type": "string", "enum": words }),
        };
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(self.description));
        }
        schema
    }
}

/// The longest telephone number, with whatever stands between its digits.
const PHONE_CHARS_MAX: usize = 40;
/// The longest address that mail allows.
const EMAIL_CHARS_MAX: usize = 254;
const EMAIL: &str = "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$";

impl ParameterKind {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Text(max) => text.chars().count() <= max,
            Self::Email => is_email(text),
            Self::Phone => text.chars().count() <= PHONE_CHARS_MAX,
            Self::Date => text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok(),
            Self::Time => text.len() == 5 && NaiveTime::parse_from_str(text, "%H:%M").is_ok(),
            Self::OneOf(words) => words.contains(&text),
        }
    }
}

fn is_email(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.contains(|c: char| c == '@' || c.is_whitespace());
    text.len() <= EMAIL_CHARS_MAX
        && text.split_once('@').is_some_and(|(name, host)| {
            part(name) && part(host) && host.split_once('.').is_some_and(|(left, right)| part(left) && part(right))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> Function {
        Function {
            name: "f".to_owned(),
            description: String::new(),
            parameters: vec![
                Parameter::required("date", ParameterKind::Date, "when"),
                Parameter::optional("email", ParameterKind::Email, "whose"),
                Parameter::optional("kind", ParameterKind::OneOf(&["a", "b"]), "which"),
            ],
            writes: None,
            run: Run::Rust(|_| Box::pin(async { Ok(Reply::default()) })),
        }
    }

    fn mistake(given: Value) -> Option<(&'static str, bool)> {
        let result = function().args(given.as_object().unwrap());
        result.err().map(|mistake| (mistake.parameter, mistake.is_missing))
    }

    #[test]
    fn arguments_fit_or_are_named() {
        assert_eq!(mistake(json!({ "date": "2026-11-30", "execution_message": "one moment" })), None);
        assert_eq!(mistake(json!({ "date": " 2026-11-30 ", "email": "", "kind": null })), None);
        assert_eq!(mistake(json!({})), Some(("date", true)));
        assert_eq!(mistake(json!({ "date": "tomorrow" })), Some(("date", false)));
        assert_eq!(mistake(json!({ "date": "2026-02-30" })), Some(("date", false)));
        assert_eq!(mistake(json!({ "date": ["2026-11-30"] })), Some(("date", false)));
        assert_eq!(mistake(json!({ "date": "2026-11-30", "email": "a at b" })), Some(("email", false)));
        assert_eq!(mistake(json!({ "date": "2026-11-30", "kind": "c" })), Some(("kind", false)));
    }

    #[test]
    fn the_schema_says_the_same() {
        let schema = function().schema();
        assert_eq!(schema["required"], json!(["date"]));
        assert_eq!(schema["properties"]["kind"]["enum"], json!(["a", "b"]));
        assert_eq!(schema["properties"]["date"]["format"], "date");
    }
}
