//! SMS by Twilio. Facts: twilio/twilio-oai (twilio_api_v2010.json of 2026-04-14), twilio.com/docs/api/errors, and the
//! libraries twilio-python 9.13 and twilio-node 6.2.
//!
//! Messages have no idempotency key. After a time-out or a 5xx the message may exist: [`Client::find_recent`] looks.

mod error;
#[cfg(test)]
mod tests;

pub use error::Error;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Url;
use serde::Deserialize;

use super::{Answer, Transport, TransportError};
use crate::redact::{Phone, Secret, Spoken};

/// Longer bodies are refused by Twilio (21617), so they are not sent.
const BODY_CHARS_MAX: usize = 1_600;
/// Messages to one number that are looked through: the largest page that Twilio gives, and more than anyone is sent.
const LIST_MAX: &str = "1000";
/// How far Twilio's clock may be behind ours.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(2);

/// What trial accounts put before every body.
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

/// `[integrations.twilio]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the API is.
    pub base_url: String,
    /// `AC…`. Empty: not configured.
    pub account_sid: String,
    /// The account's token, or an API key with its secret: `SK…:secret`.
    pub auth_token: Secret,
    /// The number to send from, or a messaging service: `MG…`.
    pub from: String,
}

/// Sends from one number of one account.
#[derive(Clone, Debug)]
pub struct Client {
    settings: Settings,
    transport: Transport,
}

/// A message that Twilio has. It may still fail on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Twilio's id, `SM…`.
    pub sid: String,
    /// How many messages it is charged as. Any character outside of GSM-7 makes a segment 70 characters long.
    pub segments: u32,
}

/// The Message resource, as far as it is read.
#[derive(Deserialize)]
struct Message {
    sid: String,
    #[serde(default)]
    body: Option<Spoken>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    error_code: Option<u32>,
    /// A number, as text.
    #[serde(default)]
    num_segments: Option<String>,
    /// RFC 2822.
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    direction: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Message>,
}

impl Settings {
    /// Whether everything is there that sending needs.
    pub fn is_configured(&self) -> bool {
        ![&self.base_url, &self.account_sid, &self.from].iter().any(|text| text.is_empty())
            && !self.auth_token.expose().is_empty()
    }
}

impl Client {
    /// A client for this account.
    pub fn new(settings: &Settings, transport: Transport) -> Self {
        Self { settings: settings.clone(), transport }
    }

    /// Sends an SMS. `to`: E.164.
    pub async fn send_sms(&self, to: &Phone, body: &Spoken, now: DateTime<Utc>) -> Result<Sent, Error> {
        if body.expose().chars().count() > BODY_CHARS_MAX {
            return Err(Error::TooLong);
        }
        let from = if self.settings.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let form = [("To", to.expose()), (from, &self.settings.from), ("Body", body.expose())];
        let request = self.transport.client().post(self.messages(&[])?).form(&form);
        let answer = self.transport.send(self.authorized(request)).await?;
        match answer.status {
            200..=299 => serde_json::from_slice::<Message>(&answer.body)
                .map_err(|_| Error::Unreadable)
                .and_then(Message::into_sent),
            _ => Err(Error::of_answer(&answer, now)),
        }
    }

    /// The latest message with this body to this number that was created since then, for a send whose outcome is
    /// unknown. `None`: there is none. An error is either what became of the message ([`Error::Failed`]), or says that
    /// nobody could look: then [`Verdict::Retry`](super::Verdict::Retry) means to look again, not to send again.
    ///
    /// Twilio can filter by the date of sending, but a message in the queue has none yet: the date of creation is
    /// compared here instead.
    pub async fn find_recent(
        &self,
        to: &Phone,
        since: DateTime<Utc>,
        body: &Spoken,
        now: DateTime<Utc>,
    ) -> Result<Option<Sent>, Error> {
        let url = self.messages(&[("To", to.expose()), ("PageSize", LIST_MAX)])?;
        let request = self.authorized(self.transport.client().get(url));
        let answer = self.transport.send(request).await.map_err(Error::NotListed)?;
        if answer.status != 200 {
            return Err(Error::of_answer(&answer, now).while_listing());
        }
        let page: Page = parse(&answer).ok_or(Error::UnreadableList)?;
        let found = page.messages.into_iter().find(|message| message.is_ours(body, since - CLOCK_SKEW));
        found.map(Message::into_sent).transpose()
    }

    fn messages(&self, query: &[(&str, &str)]) -> Result<Url, Error> {
        let Settings { base_url, account_sid, .. } = &self.settings;
        let text = format!("{}/2010-04-01/Accounts/{account_sid}/Messages.json", base_url.trim_end_matches('/'));
        let url = if query.is_empty() { Url::parse(&text) } else { Url::parse_with_params(&text, query) };
        url.map_err(|_| Error::Transport(TransportError::NotMade))
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let token = self.settings.auth_token.expose();
        match token.split_once(':').filter(|(key, _)| key.starts_with("SK")) {
            Some((key, secret)) => request.basic_auth(key, Some(secret)),
            None => request.basic_auth(&self.settings.account_sid, Some(token)),
        }
    }
}

impl Message {
    /// A message can be created and fail in one breath.
    fn into_sent(self) -> Result<Sent, Error> {
        match self.status.as_deref() {
            Some("failed" | "undelivered" | "canceled") => Err(Error::Failed { code: self.error_code }),
            _ => {
                let segments = self.num_segments.and_then(|number| number.parse().ok()).unwrap_or(1);
                Ok(Sent { sid: self.sid, segments })
            }
        }
    }

    fn is_ours(&self, body: &Spoken, since: DateTime<Utc>) -> bool {
        let created_at = self.date_created.as_deref().and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        let is_same = self.body.as_ref().is_some_and(|there| {
            let there = there.expose().trim();
            there.strip_prefix(TRIAL_PREFIX).unwrap_or(there) == body.expose().trim()
        });
        is_same
            && created_at.is_some_and(|at| at >= since)
            && self.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"))
    }
}

fn parse<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Option<T> {
    serde_json::from_slice(&answer.body).ok()
}
