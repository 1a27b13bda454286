//! Slack, by an incoming webhook. Facts: docs.slack.dev (sending messages using incoming webhooks; rate limits) and the
//! platform's changelog of 2016-05-17 for the words of its errors; words that only third parties have seen are marked.
//!
//! Slack knows no idempotency key, and its `ok` names no message: a post whose answer was lost may be there twice after
//! it is repeated.

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Transport, TransportError, Verdict};
use crate::redact::{Secret, Spoken};

/// Longer texts are cut: Slack advises 4,000 characters, and an alert that is longer is read by nobody.
const TEXT_CHARS_MAX: usize = 4_000;

/// `[integrations.slack]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The URL that Slack gave; it is the credential, and belongs to one channel. Empty: not configured.
    pub webhook_url: Secret,
}

/// Posts to one channel.
#[derive(Clone, Debug)]
pub struct Client {
    webhook_url: Secret,
    transport: Transport,
}

/// Why a text was not posted, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer.
    #[error("slack: {0}")]
    Transport(#[from] TransportError),
    /// More than a message a second.
    #[error("slack: too many messages")]
    Limited {
        /// What `Retry-After` said.
        wait: Option<Duration>,
    },
    /// A status that is no success, with the word for it where it is one of Slack's.
    #[error("slack: status {status} {word}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The word, or nothing.
        word: &'static str,
    },
    /// 200 without Slack's `ok`.
    #[error("slack: what answered is not slack")]
    NotSlack,
}

/// Slack's words, and what they mean for the job.
const WORDS: &[(u16, &str, Verdict)] = &[
    (400, "invalid_payload", Verdict::Stop),
    (400, "user_not_found", Verdict::Stop),
    (400, "invalid_blocks", Verdict::Stop), // third parties
    (400, "no_text", Verdict::Stop),        // third parties
    (400, "missing_text_or_fallback_or_attachments", Verdict::Stop), // third parties
    (400, "too_many_attachments", Verdict::Stop), // third parties
    // The webhook belongs to one channel: what is wrong with it is wrong for every message, until a person mends it.
    (403, "action_prohibited", Verdict::Refused),
    (403, "invalid_token", Verdict::Refused), // third parties
    (403, "posting_to_general_channel_denied", Verdict::Refused), // third parties
    (404, "channel_not_found", Verdict::Refused),
    (404, "no_service", Verdict::Refused), // third parties
    (404, "no_team", Verdict::Refused),    // third parties
    (410, "channel_is_archived", Verdict::Refused),
    (500, "rollup_error", Verdict::Retry),
];

impl Settings {
    /// Whether there is a webhook.
    pub fn is_configured(&self) -> bool {
        !self.webhook_url.expose().is_empty()
    }
}

impl Client {
    /// A client for this webhook.
    pub fn new(settings: &Settings, transport: Transport) -> Self {
        Self { webhook_url: settings.webhook_url.clone(), transport }
    }

    /// Posts a text. `*bold*` and the like are kept, but nothing in it becomes a link or a mention (`<!channel>`).
    pub async fn post(&self, text: &Spoken, now: DateTime<Utc>) -> Result<(), Error> {
        let body = json!({ "text": escape(&cut(text.expose())), "unfurl_links": false, "unfurl_media": false });
        let request = self.transport.client().post(self.webhook_url.expose()).json(&body);
        let answer = self.transport.send(request).await?;
        match answer.status {
            200 if answer.body == b"ok" => Ok(()),
            200..=299 => Err(Error::NotSlack),
            429 => Err(Error::Limited { wait: answer.retry_after(now) }),
            status => Err(Error::Refused { status, word: word(&answer) }),
        }
    }
}

impl Error {
    /// What it means for the job.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Transport(error) => error.verdict(),
            Self::Limited { wait } => wait.map_or(Verdict::Retry, Verdict::Wait),
            Self::Refused { status, word } => WORDS
                .iter()
                .find(|(known_status, known, _)| (known_status, known) == (status, word))
                .map_or_else(|| by_status(*status), |(_, _, verdict)| *verdict),
            Self::NotSlack => Verdict::Unknown,
        }
    }
}

/// For a status without one of Slack's words.
fn by_status(status: u16) -> Verdict {
    match status {
        400 => Verdict::Stop,
        // Slack: "duplicate possible".
        500.. => Verdict::Unknown,
        // No such webhook, or no webhook at all: it hears nobody.
        _ => Verdict::Refused,
    }
}

fn word(answer: &Answer) -> &'static str {
    let body = answer.body.trim_ascii();
    WORDS.iter().map(|(_, word, _)| *word).find(|word| word.as_bytes() == body).unwrap_or("")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The three characters that mean something in mrkdwn.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
