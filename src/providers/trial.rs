//! A trial of a connection: a sample of its platform, signed with its newest secret, is verified as the door verifies it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};

use super::{Credentials, Delivery, verify_webhook};
use crate::store::connections::Connection;

/// The platform's name, if what it would send with this connection's secret would be let in; else why not.
pub fn try_sample(connection: &Connection, now: DateTime<Utc>) -> Result<&'static str, String> {
    let provider = super::find(&connection.provider).ok_or("there is no such platform")?;
    if connection.is_damaged {
        return Err("a secret of this connection cannot be opened: give it the platform's once more".to_owned());
    }
    let Some(sample) = provider.samples().first() else { return Ok(provider.name()) };
    let outgoing = provider.sign(sample.body, connection.secrets.first().map(|(_, secret)| secret), now);
    let mut headers = HeaderMap::new();
    let named = connection.header.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    let content_type = ("content-type".to_owned(), outgoing.content_type.to_owned());
    for (name, value) in outgoing.headers.into_iter().chain(named).chain([content_type]) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let credentials = Credentials {
        secrets: connection.secrets.iter().map(|(_, secret)| secret.clone()).collect(),
        header: connection.header.clone(),
        url_is_secret: connection.url_is_secret,
        tokens: connection.tokens.clone(),
        allow_unsigned: connection.allow_unsigned,
    };
    let delivery = Delivery { query: "", headers: &headers, body: outgoing.body.as_bytes() };
    let verified = verify_webhook(provider, &delivery, &credentials, now);
    verified.map(|()| provider.name()).map_err(|refusal| format!("what the platform would send is refused: {refusal}"))
}
