//! The platforms that send us webhooks: one folder each, all of the same shape.
//!
//! `mod.rs` proves the sender, names the event and registers its handlers; `payload.rs` knows the wire format;
//! `translate.rs` turns it into changes. A platform knows one wire format and no business rule.

mod asks;
pub mod bolna;
mod crypto;
pub mod dialpad;
pub mod elevenlabs;
mod envelope;
mod evidence;
pub mod function;
mod person;
mod query;
mod reader;
pub mod retell;
mod sample;
mod stored;
mod switchhook;
#[cfg(test)]
mod testing;
mod trace;
mod trial;
pub mod verification;
pub mod voicenter;
pub mod whatsapp;

pub use asks::{has, needs, needs_of};
pub use crypto::{hmac_sha256, same, sha256_hex};
pub use envelope::{Document, Envelope, external_event_id, sanitize};
pub use evidence::{Credentials, Evidence, Refusal, Used, presented, url_tokens, verify_webhook};
pub use function::OwnArguments;
pub use reader::{Notes, Reader};
pub use sample::{Outgoing, Sample};
pub use trace::Trace;
pub use trial::try_sample;
pub use verification::{
    Asked, Carried, Carrier, Lacks, LiveRequests, PlatformClass, SourceHas, Verdict, VerifiedBy, verify,
};

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::dispatch::Registry;
use crate::domain::secret_strength::{SecretMaker, SourceKind};
use crate::domain::{Question, Told};
use crate::redact::Secret;

/// Every platform. Everything about one follows from its line here.
pub const ALL: &[&dyn Provider] = &[
    &bolna::Bolna,
    &dialpad::Dialpad,
    &elevenlabs::ElevenLabs,
    &retell::Retell,
    &voicenter::Voicenter,
    &whatsapp::WhatsApp,
];

/// The platform of this name.
pub fn find(name: &str) -> Option<&'static dyn Provider> {
    ALL.iter().copied().find(|provider| provider.name() == name)
}

/// What must be known of the platform of this name to give a source its secrets.
pub fn source_kind(name: &str) -> Option<SourceKind> {
    let provider = find(name)?;
    Some(SourceKind {
        signs: provider.signs(),
        shakes_hands: provider.shakes_hands(),
        secret_maker: provider.secret_maker(),
        takes_live_token: provider.live_requests() == LiveRequests::Unsigned,
    })
}

/// A registry with the handlers of every platform.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    for provider in ALL {
        provider.register(&mut registry);
    }
    switchhook::register(&mut registry);
    registry
}

/// A request as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The query string, without the question mark.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type, lower case, without parameters.
    pub fn media_type(&self) -> Option<String> {
        let text = self.header("content-type")?.split(';').next()?.trim().to_ascii_lowercase();
        (!text.is_empty()).then_some(text)
    }
}

/// What the platform is told once its event is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Acknowledgement {
    /// The body is left free: our own status JSON.
    Ours,
    /// The platform wants this JSON.
    Fixed(Value),
}

/// A GET by which a platform asks whether the URL that somebody has entered there is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The verify token that it names: it must be the connection's.
    pub token: Secret,
    /// What it wants to hear then, as plain text.
    pub challenge: String,
}

/// A part of a payload that is kept beside it.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The media type.
    pub media_type: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A platform that sends us webhooks.
pub trait Provider: Sync {
    /// Its name: in the URL, the tables, the metrics.
    fn name(&self) -> &'static str;

    /// Whether it signs what it sends. One that does not is proven by an unguessable URL or a static header.
    fn signs(&self) -> bool {
        true
    }

    /// The region that its national numbers are read in, where neither connection nor tenant says otherwise: platforms
    /// of one country write them without a country code.
    fn home_region(&self) -> Option<&'static str> {
        None
    }

    /// Whether this secret proves this delivery at this time.
    fn check(&self, delivery: &Delivery<'_>, secret: &Secret, now: DateTime<Utc>) -> Result<(), Refusal>;

    /// Whether bodies of this media type are read. `None`: the request names none.
    fn accepts(&self, media_type: Option<&str>) -> bool {
        media_type.is_none_or(|media_type| {
            media_type == "application/octet-stream"
                || media_type.starts_with("text/") && media_type != "text/xml"
                || media_type.ends_with("json")
        })
    }

    /// Whether a GET with a query is an event.
    fn reads_query(&self) -> bool {
        false
    }

    /// Whether the platform asks by GET if a URL is ours before it sends anything there.
    fn shakes_hands(&self) -> bool {
        false
    }

    /// That question, where this query holds one.
    fn handshake(&self, _query: &str) -> Option<Result<Handshake, Refusal>> {
        None
    }

    /// The JSON that the delivery means. It has been proven.
    fn read(&self, delivery: &Delivery<'_>) -> Result<String, Refusal> {
        envelope::json_text(delivery.body)
    }

    /// What kind of event this is, about what, and when. Never fails: what is not understood is an event of type
    /// `unrecognized`.
    fn envelope(&self, payload: &Value) -> Envelope;

    /// Takes out of the payload what is kept beside it.
    fn detach(&self, _payload: &mut Value) -> Option<Attachment> {
        None
    }

    /// What the platform expects to hear.
    fn acknowledge(&self, _payload: &Value) -> Acknowledgement {
        Acknowledgement::Ours
    }

    /// What a payload asks while somebody waits, where it asks something.
    fn question(&self, _payload: &Value) -> Option<Question> {
        None
    }

    /// A question that is asked by GET, as the JSON that its query means.
    fn lookup(&self, _query: &str) -> Option<String> {
        None
    }

    /// How it sends requests that wait for an answer during a call.
    fn live_requests(&self) -> LiveRequests {
        LiveRequests::None
    }

    /// The party that makes the secret of a source. A platform that signs with a key of its own takes none of ours.
    fn secret_maker(&self) -> SecretMaker {
        SecretMaker::Platform
    }

    /// The arguments of a function that the platform itself fills in, by its own names. None: all are its model's.
    fn own_arguments(&self) -> &'static OwnArguments {
        &OwnArguments::NONE
    }

    /// What it is told of a caller, in its own form.
    fn tell(&self, _payload: &Value, _told: &Told) -> Value {
        Value::Null
    }

    /// Registers its event types.
    fn register(&self, registry: &mut Registry);

    /// A request as the platform would send it, for `trigger`, `demo` and the tests.
    fn sign(&self, body: &str, secret: Option<&Secret>, now: DateTime<Utc>) -> Outgoing;

    /// Sample bodies.
    fn samples(&self) -> &'static [Sample];
}
