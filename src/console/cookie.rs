//! The cookie of a session. Its value is random and only its digest is kept, so there is nothing to sign.

use actix_web::HttpRequest;

use crate::redact::Secret;

/// Over TLS: the prefix makes browsers refuse it from a sub-domain or over plain HTTP.
const SECURE_NAME: &str = "__Host-switchhook";
/// On a machine of one's own, without TLS.
const PLAIN_NAME: &str = "switchhook";
/// How long a browser is known after somebody signed in with it: half a year.
const BROWSER_SECONDS: u32 = 180 * 24 * 3600;

/// The session's id that a request carries.
pub(super) fn read(request: &HttpRequest, is_https: bool) -> Option<Secret> {
    find(request, name_of(is_https))
}

/// By what a browser is known that has signed somebody in: it opens nothing, failures elsewhere only do not slow it.
pub(super) fn read_browser(request: &HttpRequest, is_https: bool) -> Option<Secret> {
    find(request, &format!("{}-browser", name_of(is_https)))
}

/// The header that makes a browser known; for half a year after the last time.
pub(super) fn set_browser(id: &Secret, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    let name = format!("{}-browser", name_of(is_https));
    format!("{name}={}; Path=/; Max-Age={BROWSER_SECONDS}; HttpOnly; SameSite=Lax{secure}", id.expose())
}

/// What a browser has between the password and the second factor.
pub(super) fn read_pending(request: &HttpRequest, is_https: bool) -> Option<Secret> {
    find(request, &format!("{}-pending", name_of(is_https)))
}

/// The header that sets it.
pub(super) fn set_pending(id: &Secret, seconds: u32, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    let name = format!("{}-pending", name_of(is_https));
    format!("{name}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", id.expose())
}

/// The header that takes it away.
pub(super) fn clear_pending(is_https: bool) -> String {
    set_pending(&Secret::default(), 0, is_https)
}

/// The value of the cookie of this name.
pub(super) fn find(request: &HttpRequest, name: &str) -> Option<Secret> {
    let headers = request.headers().get_all("cookie").filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| Secret::new(value))
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
