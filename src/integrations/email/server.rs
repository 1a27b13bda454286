//! Which server, and how to trust it.

use std::fmt;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::{Error, Settings};

/// Where mail is handed in.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
    /// What we say in EHLO.
    pub(super) hello: ClientId,
}

/// When TLS begins.
#[derive(Clone)]
pub(super) enum Security {
    /// Never.
    None,
    /// After STARTTLS; a server without it is not talked to.
    StartTls(TlsParameters),
    /// With the first byte.
    Tls(TlsParameters),
}

impl Server {
    /// Reads `smtp_url` and `ca_file`.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        const FORM: Error = Error::Settings("smtp_url is not smtp://user:password@host:port?tls=required or smtps://…");
        let url = Url::parse(settings.smtp_url.expose()).map_err(|_| FORM)?;
        // An address of version 6 stands in brackets in a URL only.
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(FORM)?.trim_matches(['[', ']']).to_owned();
        // The registered ports: 465 and 587 of RFC 8314, 25 of RFC 5321.
        let (security, usual_port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (Security::Tls(tls(&host, &settings.ca_file)?), 465),
            ("smtp", Some("tls=required")) => (Security::StartTls(tls(&host, &settings.ca_file)?), 587),
            ("smtp", None) => (Security::None, 25),
            _ => return Err(FORM),
        };
        let credentials = credentials(&url).ok_or(FORM)?;
        if credentials.is_some() && matches!(security, Security::None) {
            return Err(Error::Settings("smtp_url has credentials and no TLS: add ?tls=required"));
        }
        let hello = match url.path().trim_matches('/') {
            "" => ClientId::default(),
            name if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) => {
                ClientId::Domain(name.to_owned())
            }
            _ => return Err(FORM),
        };
        Ok(Self { host, port: url.port().unwrap_or(usual_port), security, credentials, hello })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// `None`: what stands there is no text.
fn credentials(url: &Url) -> Option<Option<Credentials>> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    match (url.username(), url.password()) {
        ("", None) => Some(None),
        (user, password) => Some(Some(Credentials::new(decode(user)?, decode(password.unwrap_or_default())?))),
    }
}

fn tls(host: &str, ca_file: &str) -> Result<TlsParameters, Error> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if !ca_file.is_empty() {
        let pem = std::fs::read(ca_file).map_err(|_| Error::Settings("ca_file cannot be read"))?;
        let certificates =
            Certificate::from_pem(&pem).map_err(|_| Error::Settings("ca_file does not hold certificates in PEM"))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(certificates);
    }
    parameters.build().map_err(|_| Error::Settings("TLS cannot be set up with ca_file"))
}
