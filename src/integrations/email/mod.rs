//! Mail by SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314).
//!
//! One connection a mail: mails are few, and a connection that was kept is one more thing that may have broken. SMTP
//! knows no idempotency key, but a mail has a Message-ID, and a mail that is sent again has the same: many mailboxes
//! show it once.

mod conversation;
mod server;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes, Message};
use serde::Deserialize;
use uuid::Uuid;

use super::Verdict;
use crate::redact::{Email, Hidden, Secret, Spoken};
use conversation::Conversation;
use server::Server;

/// `[integrations.email]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `smtp://user:password@host:587?tls=required` (STARTTLS) or `smtps://user:password@host:465`; what is no plain
    /// letter or digit in user and password is percent-encoded. `smtp://` without `tls=required` is not encrypted, and
    /// must not have credentials. A path (`…:587/switchhook.example.com?tls=required`) is the name to greet with, for
    /// servers that want one. Empty: not configured.
    pub smtp_url: Secret,
    /// The sender: `alerts@example.com` or `Switchhook <alerts@example.com>`.
    pub from: Email,
    /// Who gets what is addressed to nobody in particular; several are parted by commas.
    pub to: Email,
    /// A file with the certificates (PEM) of the authorities to trust, instead of the system's. Empty: the system's.
    pub ca_file: String,
}

/// Sends mail through one server.
#[derive(Clone, Debug)]
pub struct Client {
    server: Server,
    from: Hidden<Mailbox>,
    to: Hidden<Mailboxes>,
    timeout: Duration,
}

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Becomes the Message-ID: the same for every attempt.
    pub id: Uuid,
    /// To whom; `None`: to those in the settings.
    pub to: Option<Email>,
    /// One line.
    pub subject: Spoken,
    /// Plain text.
    pub text: Spoken,
}

/// A mail that the server has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Recipients that the server refused; there was at least one that it did not.
    pub recipients_refused: usize,
}

/// How far a conversation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// TCP, TLS if it comes first, the greeting and EHLO.
    Connect,
    /// STARTTLS, the handshake and EHLO once more.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, before the mail itself.
    Data,
    /// The mail, up to the server's word that it has it.
    Content,
}

/// Why a mail was not sent, or may not have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The settings cannot be used.
    #[error("email: {0}")]
    Settings(&'static str),
    /// The recipient of this mail is no address, or its text no text.
    #[error("email: {0}")]
    Mail(&'static str),
    /// The server's certificate is not trusted.
    #[error("email: the server's certificate is not trusted")]
    Certificate,
    /// The server lacks what the settings ask for.
    #[error("email: the server does not offer {0}")]
    NotOffered(&'static str),
    /// The server said no.
    #[error("email: the server answered {code} to {step:?}")]
    Refused {
        /// When.
        step: Step,
        /// The reply code of RFC 5321.
        code: u16,
    },
    /// No answer in time.
    #[error("email: no answer in time to {0:?}")]
    TimedOut(Step),
    /// The connection broke, or never was.
    #[error("email: the connection broke at {0:?}")]
    Broken(Step),
}

impl Settings {
    /// Whether there are a server and a sender. Without `to`, only mail with a recipient of its own can be sent.
    pub fn is_configured(&self) -> bool {
        !self.smtp_url.expose().is_empty() && !self.from.expose().is_empty()
    }
}

impl Client {
    /// A client whose mails take this long at most. Reads `ca_file`.
    pub fn new(settings: &Settings, timeout: Duration) -> Result<Self, Error> {
        let from = settings.from.expose().parse().map_err(|_| Error::Settings("from is not an address"))?;
        let to = match settings.to.expose().trim() {
            "" => Mailboxes::new(),
            to => to.parse().map_err(|_| Error::Settings("to is not a list of addresses"))?,
        };
        Ok(Self { server: Server::new(settings)?, from: Hidden::new(from), to: Hidden::new(to), timeout })
    }

    /// Sends a mail, and returns when the server has taken it.
    pub async fn send(&self, mail: &Mail, now: DateTime<Utc>) -> Result<Sent, Error> {
        let to = match &mail.to {
            Some(to) => to.expose().parse().map_err(|_| Error::Mail("the recipient is not an address"))?,
            None => self.to.expose().clone(),
        };
        let content = self.message(mail, &to, now)?.formatted();
        let recipients: Vec<Address> = to.into_iter().map(|mailbox| mailbox.email).collect();
        let mut conversation = Conversation::new(&self.server, self.timeout);
        let talk = conversation.send(self.from.expose().email.clone(), recipients, &content);
        match tokio::time::timeout(self.timeout, talk).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut(conversation.step())),
        }
    }

    fn message(&self, mail: &Mail, to: &Mailboxes, now: DateTime<Utc>) -> Result<Message, Error> {
        if to.iter().next().is_none() {
            return Err(Error::Settings("to is empty, and the mail has no recipient of its own"));
        }
        // A subject of several lines could not end the head, lettre encodes it, but it is no subject either.
        let subject = mail.subject.expose().split_whitespace().collect::<Vec<_>>().join(" ");
        let mut message = Message::builder()
            .from(self.from.expose().clone())
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.expose().email.domain())))
            .raw_header(auto_submitted())
            .subject(subject)
            .header(ContentType::TEXT_PLAIN);
        for mailbox in to.iter() {
            message = message.to(mailbox.clone());
        }
        message.body(mail.text.expose().to_owned()).map_err(|_| Error::Mail("the mail cannot be put together"))
    }
}

impl Error {
    /// What it means for the job.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Settings(_) | Self::Certificate | Self::NotOffered(_) => Verdict::Refused,
            Self::Mail(_) => Verdict::Stop,
            Self::Refused { step, code } => by_reply(step, code),
            Self::TimedOut(Step::Content) | Self::Broken(Step::Content) => Verdict::Unknown,
            Self::TimedOut(_) | Self::Broken(_) => Verdict::Retry,
        }
    }
}

/// RFC 5321, 4.2.1: 4xx is transient, 5xx is not. RFC 4954: 530 asks for authentication, 534, 535 and 538 refuse it.
fn by_reply(step: Step, code: u16) -> Verdict {
    match (code, step) {
        (530 | 534 | 535 | 538, _) => Verdict::Refused,
        // Until the sender is named, and with the sender, nothing is about this mail: the next one fares no better.
        (500.., Step::Connect | Step::StartTls | Step::Auth | Step::Sender) => Verdict::Refused,
        (500.., _) => Verdict::Stop,
        _ => Verdict::Retry,
    }
}

/// RFC 3834: keeps automatic replies from coming back.
fn auto_submitted() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}
