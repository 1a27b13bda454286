//! WhatsApp: sends messages over Meta's Cloud API (developers.facebook.com, "Send messages"). An accepted message is
//! not a delivered one: what became of it comes later, in a status webhook with the same id and our callback data.

mod error;
mod wire;

#[cfg(test)]
mod tests;

pub use error::{Class, Error, class_of};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Transport;
use crate::redact::{Phone, Secret, Spoken};

/// `[integrations.whatsapp]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The Graph API with its version.
    pub base_url: String,
    /// The access token of a system user with `whatsapp_business_messaging`.
    pub token: Secret,
    /// The sender, as Meta numbers it, for messages that name no other.
    pub phone_number_id: String,
    /// The name of the approved template for those who have not written within 24 hours.
    pub template: String,
    /// The language that the template was approved in, as Meta writes it: `en`, `en_US`, `he`.
    pub language: String,
}

/// Sends messages.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Settings,
    transport: Transport,
}

/// A message to one person.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The sender, as Meta numbers it, in place of the configured one.
    pub from_phone_number_id: Option<&'a str>,
    /// To whom, in E.164.
    pub to: Phone,
    /// What.
    pub kind: Kind<'a>,
    /// Comes back in every status webhook of this message (`biz_opaque_callback_data`): with it a message whose
    /// answer was lost can be found again. No personal data.
    pub callback_data: &'a str,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// Words of ours: only within 24 hours of the person's last message or call.
    Text(Spoken),
    /// An approved template.
    Template {
        /// Its name.
        name: &'a str,
        /// The language it was approved in.
        language: &'a str,
        /// What stands in place of `{{1}}`, `{{2}}` … in its body.
        body_parameters: Vec<Spoken>,
    },
}

/// A message that WhatsApp has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// `wamid.…`: status webhooks and replies name it.
    pub message_id: String,
    /// The person's number as WhatsApp has it, which status webhooks and replies are under. It can differ from the
    /// number that was sent to.
    pub wa_id: Option<Phone>,
}

impl Settings {
    /// Whether messages can be sent at all.
    pub fn is_configured(&self) -> bool {
        !self.token.expose().is_empty()
    }
}

impl Client {
    /// A client for these settings.
    pub fn new(settings: Settings, transport: Transport) -> Self {
        Self { settings, transport }
    }

    /// The settings: the template and its language are the caller's to use.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends a message. There is no idempotency key: what this is called for twice is sent twice.
    pub async fn send(&self, now: DateTime<Utc>, message: &Message<'_>) -> Result<Sent, Error> {
        let sender = wire::sender(message.from_phone_number_id.unwrap_or(&self.settings.phone_number_id))?;
        let url = format!("{}/{sender}/messages", self.settings.base_url.trim_end_matches('/'));
        let request =
            self.transport.client().post(url).bearer_auth(self.settings.token.expose()).json(&wire::body(message)?);
        wire::read(&self.transport.send(request).await?, now)
    }
}
