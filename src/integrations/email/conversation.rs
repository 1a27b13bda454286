//! One conversation with a mail server, command by command, so that it is known how far it came when it ends early.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};

use super::server::{Security, Server};
use super::{Error, Sent, Step};

/// How long the server may take to say goodbye. Nobody waits for it.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A conversation and how far it has come.
pub(super) struct Conversation<'s> {
    server: &'s Server,
    timeout: Duration,
    step: Step,
}

impl<'s> Conversation<'s> {
    pub(super) fn new(server: &'s Server, timeout: Duration) -> Self {
        Self { server, timeout, step: Step::Connect }
    }

    /// The step that was begun last.
    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// Hands one mail in.
    pub(super) async fn send(&mut self, from: Address, to: Vec<Address>, content: &[u8]) -> Result<Sent, Error> {
        let mut connection = self.connect().await?;
        let result = self.hand_in(&mut connection, from, to, content).await;
        if !connection.has_broken() {
            // What the server says to QUIT changes nothing, and what is known should be settled at once.
            tokio::spawn(async move { tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await });
        }
        result
    }

    async fn connect(&mut self) -> Result<AsyncSmtpConnection, Error> {
        let (at, hello) = ((self.server.host.as_str(), self.server.port), &self.server.hello);
        let tls: Option<TlsParameters> = match &self.server.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::StartTls(_) | Security::None => None,
        };
        let connecting = AsyncSmtpConnection::connect_tokio1(at, Some(self.timeout), hello, tls, None);
        let mut connection = connecting.await.map_err(|error| self.failed(&error))?;
        if let Security::StartTls(parameters) = &self.server.security {
            self.step = Step::StartTls;
            if !connection.can_starttls() {
                return Err(Error::NotOffered("STARTTLS"));
            }
            connection.starttls(parameters.clone(), hello).await.map_err(|error| self.failed(&error))?;
        }
        Ok(connection)
    }

    async fn hand_in(
        &mut self,
        connection: &mut AsyncSmtpConnection,
        from: Address,
        to: Vec<Address>,
        content: &[u8],
    ) -> Result<Sent, Error> {
        if let Some(credentials) = &self.server.credentials {
            self.step = Step::Auth;
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(|error| self.failed(&error))?;
        }
        self.step = Step::Sender;
        connection.command(Mail::new(Some(from), Vec::new())).await.map_err(|error| self.failed(&error))?;
        self.step = Step::Recipient;
        let recipients_refused = self.name_recipients(connection, to).await?;
        self.step = Step::Data;
        connection.command(Data).await.map_err(|error| self.failed(&error))?;
        self.step = Step::Content;
        connection.message(content).await.map_err(|error| self.failed(&error))?;
        Ok(Sent { recipients_refused })
    }

    /// One address that is wrong must not keep the mail from the others. Returns how many were refused.
    async fn name_recipients(&self, connection: &mut AsyncSmtpConnection, to: Vec<Address>) -> Result<usize, Error> {
        let (count, mut refusals) = (to.len(), Vec::new());
        for recipient in to {
            match connection.command(Rcpt::new(recipient, Vec::new())).await.map_err(|error| self.failed(&error)) {
                Ok(_) => {}
                Err(refusal @ Error::Refused { .. }) => refusals.push(refusal),
                Err(error) => return Err(error),
            }
        }
        match refusals.last() {
            Some(refusal) if refusals.len() == count => Err(*refusal),
            _ => Ok(refusals.len()),
        }
    }

    /// The text of the error may quote an address: only its kind goes on.
    fn failed(&self, error: &smtp::Error) -> Error {
        if let Some(code) = error.status() {
            return Error::Refused { step: self.step, code: code.into() };
        }
        if is_about_certificate(error) {
            return Error::Certificate;
        }
        if error.is_client() && self.step == Step::Auth {
            return Error::NotOffered("a way to authenticate that is known here");
        }
        if error.is_timeout() { Error::TimedOut(self.step) } else { Error::Broken(self.step) }
    }
}

fn is_about_certificate(error: &smtp::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        // An I/O error shows as its source what the error inside of it has as source, and hides that error itself.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref()).or_else(|| error.downcast_ref());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        source = error.source();
    }
    false
}
