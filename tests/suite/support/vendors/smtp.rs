//! A mail server: it wants EHLO, STARTTLS, EHLO, AUTH, MAIL FROM, RCPT TO, DATA in this order, shows a certificate of
//! a CA of its own, and refuses everything else. It does as it is told where it was told something.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Where in the conversation the server does as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    MailFrom,
    RcptTo,
    Data,
    /// After the dot that ends the mail.
    Content,
    /// Any other command.
    Other,
}

/// A mail that was accepted.
#[derive(Clone, Debug)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Head and body as they came, without the doubled dots.
    pub data: String,
    /// Whether it came over TLS.
    pub encrypted: bool,
    /// The name that the sender greeted with.
    pub hello: String,
}

enum Told {
    Answer(String),
    Drop,
    Hang,
}

/// A running server. It stops when it is dropped.
pub struct SmtpStub {
    pub port: u16,
    /// Belongs into `ca_file`.
    pub ca_file: PathBuf,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

struct Shared {
    acceptor: TlsAcceptor,
    mails: Mutex<Vec<Mail>>,
    told: Mutex<VecDeque<(Step, Told)>>,
}

/// One conversation.
struct Session<'s> {
    shared: &'s Shared,
    encrypted: bool,
    /// With this name; empty: not yet.
    hello: String,
    proven: bool,
    from: Option<String>,
    to: Vec<String>,
}

/// How a conversation over one stream ended.
enum End {
    Closed,
    StartTls,
}

impl SmtpStub {
    pub const USER: &str = "alerts@example.com";
    pub const PASSWORD: &str = "p@ss/word";

    /// Speaks plainly until STARTTLS.
    pub async fn start() -> Self {
        Self::start_with(false).await
    }

    /// Speaks TLS from the first byte.
    pub async fn start_implicit_tls() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(implicit_tls: bool) -> Self {
        let (config, ca_pem) = certified("127.0.0.1");
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, ca_pem).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            mails: Mutex::default(),
            told: Mutex::default(),
        });
        let task = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move { converse(&shared, stream, implicit_tls).await.ok() });
                }
            }
        });
        Self { port, ca_file, shared, task, _folder: folder }
    }

    /// What belongs into `smtp_url`, with the right credentials.
    pub fn smtp_url(&self, scheme: &str, query: &str) -> String {
        format!("{scheme}://alerts%40example.com:p%40ss%2Fword@127.0.0.1:{}{query}", self.port)
    }

    /// The mails that were accepted.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// Answers with this line (or these lines) the next time that it comes to this step.
    pub fn answer_next(&self, step: Step, line: &str) {
        self.tell(step, Told::Answer(line.to_owned()));
    }

    /// Hangs up the next time that it comes to this step.
    pub fn drop_next(&self, step: Step) {
        self.tell(step, Told::Drop);
    }

    /// Says nothing more the next time that it comes to this step.
    pub fn hang_next(&self, step: Step) {
        self.tell(step, Told::Hang);
    }

    fn tell(&self, step: Step, told: Told) {
        self.shared.told.lock().unwrap().push_back((step, told));
    }
}

impl Drop for SmtpStub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server's configuration with a certificate for this host, and the CA that signed it.
fn certified(host: &str) -> (ServerConfig, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    (config, ca.pem())
}

async fn converse(shared: &Shared, mut stream: TcpStream, implicit_tls: bool) -> io::Result<()> {
    let mut session =
        Session { shared, encrypted: false, hello: String::new(), proven: false, from: None, to: Vec::new() };
    if !implicit_tls {
        session.say(&mut stream, Step::Greeting, "220 mail.example.com ESMTP").await?;
        match session.listen(BufReader::new(&mut stream)).await? {
            End::Closed => return Ok(()),
            End::StartTls => {}
        }
    }
    let mut stream = shared.acceptor.accept(stream).await?;
    (session.encrypted, session.hello) = (true, String::new());
    if implicit_tls {
        session.say(&mut stream, Step::Greeting, "220 mail.example.com ESMTP").await?;
    }
    session.listen(BufReader::new(stream)).await?;
    Ok(())
}

impl Session<'_> {
    async fn listen<S: AsyncRead + AsyncWrite + Unpin>(&mut self, mut stream: BufReader<S>) -> io::Result<End> {
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(End::Closed);
            }
            let line = line.trim_end();
            let (verb, rest) = line.split_once([' ', ':']).unwrap_or((line, ""));
            let (step, reply) = match verb.to_ascii_uppercase().as_str() {
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(End::Closed);
                }
                "EHLO" => self.ehlo(rest),
                "STARTTLS" if !self.hello.is_empty() && !self.encrypted => {
                    if self.say(&mut stream, Step::StartTls, "220 go ahead").await? {
                        return Ok(End::StartTls);
                    }
                    continue;
                }
                "AUTH" => (Step::Auth, self.auth(rest)),
                "MAIL" => (Step::MailFrom, self.mail(rest)),
                "RCPT" => (Step::RcptTo, self.rcpt(rest)),
                "DATA" if !self.to.is_empty() => {
                    if !self.say(&mut stream, Step::Data, "354 end with a dot").await? {
                        continue;
                    }
                    let mail = self.read_mail(&mut stream).await?;
                    if self.say(&mut stream, Step::Content, "250 2.0.0 queued").await? {
                        self.shared.mails.lock().unwrap().push(mail);
                    }
                    continue;
                }
                _ => (Step::Other, "503 5.5.1 bad sequence of commands"),
            };
            if !self.say(&mut stream, step, reply).await? {
                self.undo(step);
            }
        }
    }

    /// What was answered otherwise was not done.
    fn undo(&mut self, step: Step) {
        match step {
            Step::Auth => self.proven = false,
            Step::MailFrom => self.from = None,
            Step::RcptTo => {
                self.to.pop();
            }
            _ => {}
        }
    }

    fn ehlo(&mut self, rest: &str) -> (Step, &'static str) {
        rest.clone_into(&mut self.hello);
        match self.encrypted {
            false => (Step::Ehlo, "250-mail.example.com\r\n250-SIZE 1000000\r\n250 STARTTLS"),
            true => (Step::Ehlo, "250-mail.example.com\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN"),
        }
    }

    fn auth(&mut self, rest: &str) -> &'static str {
        if !self.encrypted {
            return "538 5.7.11 encryption required";
        }
        let expected = STANDARD.encode(format!("\0{}\0{}", SmtpStub::USER, SmtpStub::PASSWORD));
        self.proven = rest == format!("PLAIN {expected}");
        if self.proven { "235 2.7.0 accepted" } else { "535 5.7.8 bad credentials" }
    }

    fn mail(&mut self, rest: &str) -> &'static str {
        match rest.strip_prefix("FROM:<").and_then(|rest| rest.split_once('>')) {
            _ if !self.encrypted => "530 5.7.0 must issue a STARTTLS command first",
            _ if !self.proven => "530 5.7.0 authentication required",
            Some((from, _)) if !self.hello.is_empty() => {
                self.from = Some(from.to_owned());
                "250 2.1.0 ok"
            }
            _ => "503 5.5.1 bad sequence of commands",
        }
    }

    fn rcpt(&mut self, rest: &str) -> &'static str {
        match rest.strip_prefix("TO:<").and_then(|rest| rest.strip_suffix('>')) {
            _ if self.from.is_none() => "503 5.5.1 bad sequence of commands",
            Some(to) if to.starts_with("nobody@") => "550 5.1.1 no such user",
            Some(to) => {
                self.to.push(to.to_owned());
                "250 2.1.5 ok"
            }
            None => "501 5.5.4 syntax error",
        }
    }

    async fn read_mail<S: AsyncRead + Unpin>(&mut self, stream: &mut BufReader<S>) -> io::Result<Mail> {
        let mut data = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == ".\r\n" {
                break;
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        Ok(Mail {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            data,
            encrypted: self.encrypted,
            hello: self.hello.clone(),
        })
    }

    /// Says the line, or what it was told for this step. Whether the line was said, and the conversation goes on.
    async fn say<S: AsyncWrite + Unpin>(&self, stream: &mut S, step: Step, line: &str) -> io::Result<bool> {
        let told = {
            let mut told = self.shared.told.lock().unwrap();
            let place = told.iter().position(|(at, _)| *at == step);
            place.and_then(|place| told.remove(place)).map(|(_, told)| told)
        };
        let said = match &told {
            None => line,
            Some(Told::Answer(line)) => line,
            Some(Told::Drop) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Told::Hang) => std::future::pending().await,
        };
        stream.write_all(format!("{said}\r\n").as_bytes()).await?;
        stream.flush().await?;
        Ok(told.is_none())
    }
}
