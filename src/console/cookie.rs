//! The cookie of a session. Its value is random and only its digest is kept, so there is nothing to sign.

use actix_web::HttpRequest;

use crate::redact::Secret;

/// Over TLS: the prefix makes browsers refuse it from a sub-domain or over plain HTTP.
const SECURE_NAME: &str = "__Host-switchhook";
/// On a machine of one's own, without TLS.
const PLAIN_NAME: &str = "switchhook";

/// The session's id that a request carries.
pub(super) fn read(request: &HttpRequest, is_https: bool) -> Option<Secret> {
    let headers = request.headers().get_all("cookie").filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == name_of(is_https)).map(|(_, value)| Secret::new(value))
}

/// The header that sets it. It ends with the browser; how long it is good is known to the server alone.
pub(super) fn set(id: &Secret, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    format!("{}={}; Path=/; HttpOnly; SameSite=Lax{secure}", name_of(is_https), id.expose())
}

/// The header that takes it away.
pub(super) fn clear(is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", name_of(is_https))
}

fn name_of(is_https: bool) -> &'static str {
    if is_https { SECURE_NAME } else { PLAIN_NAME }
}
