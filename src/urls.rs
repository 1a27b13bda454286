//! URLs among the settings: which ones credentials may travel over, and what of them may be printed.

use std::net::IpAddr;

use openidconnect::url::{Host, Url};

/// In place of what is masked within a URL, where brackets would be encoded.
const MASK: &str = "redacted";

/// Whether it leads to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // Names below it are resolved by whoever the system asks.
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        None => false,
    }
}

/// Whether what is sent there can be read on the way.
pub fn is_in_clear(url: &Url) -> bool {
    url.scheme() == "http" && !is_loopback(url)
}

/// What is wrong with a URL that credentials are sent to. Texts that are no URL are for those who call them.
pub fn mistake(text: &str) -> Option<&'static str> {
    let url = Url::parse(text).ok()?;
    if is_in_clear(&url) {
        return Some("must be https (http on loopback alone): the credentials travel with every request");
    }
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if url.scheme() == "smtp" && has_credentials && url.query() != Some("tls=required") {
        return Some("has credentials and no TLS: add ?tls=required");
    }
    None
}

/// A text with the credentials of every URL in it masked: the name and the password, the values of the query, the fragment.
pub fn masked(text: &str) -> String {
    if let Some(url) = Url::parse(text.trim()).ok().filter(Url::has_host)
        && let Some(masked) = masked_url(url)
        && !needs_no_mask(text)
    {
        return shown(&masked);
    }
    text.split_inclusive(char::is_whitespace).map(masked_word).collect()
}

/// Whether there is nothing in it that could be a credential.
fn needs_no_mask(text: &str) -> bool {
    !text.contains(['@', '?', '#'])
}

/// What is left of a second URL behind the first, or of a password that was not taken for one, is not shown.
fn shown(url: &Url) -> String {
    if url.path().contains('@') { format!("[{MASK}]") } else { url.to_string() }
}

fn masked_word(word: &str) -> String {
    let bare = word.trim_end();
    let is_url = bare.contains("://") || Url::parse(bare).is_ok_and(|url| url.has_host());
    if !is_url || needs_no_mask(bare) {
        return word.to_owned();
    }
    let end = &word[bare.len()..];
    let masked = Url::parse(bare).ok().and_then(masked_url);
    // What cannot be taken apart is not shown at all.
    masked.map_or_else(|| format!("[{MASK}]{end}"), |url| format!("{}{end}", shown(&url)))
}

fn masked_url(mut url: Url) -> Option<Url> {
    if !url.username().is_empty() {
        url.set_username(MASK).ok()?;
    }
    if url.password().is_some() {
        url.set_password(Some(MASK)).ok()?;
    }
    if url.query().is_some() {
        let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        // A query without values may be nothing but a token, and a token may end with `=`.
        let has_values = url.query_pairs().all(|(_, value)| !value.is_empty());
        match has_values {
            true => {
                url.query_pairs_mut().clear().extend_pairs(names.iter().map(|name| (name, MASK)));
            }
            false => url.set_query(Some(MASK)),
        }
    }
    if url.fragment().is_some() {
        url.set_fragment(Some(MASK));
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_within_urls_are_masked() {
        for (text, shown) in [
            ("https://api.example.com/v1", "https://api.example.com/v1"),
            ("https://me:pw@api.example.com/v1", "https://redacted:redacted@api.example.com/v1"),
            ("https://t0ken@api.example.com", "https://redacted@api.example.com/"),
            ("https://a.example.com/x?key=k1&b=2#t", "https://a.example.com/x?key=redacted&b=redacted#redacted"),
            ("https://a.example.com/?t0ken", "https://a.example.com/?redacted"),
            ("https://a.example.com/?dG9rZW4=", "https://a.example.com/?redacted"),
            ("https:/me:pw@a.example.com/", "https://redacted:redacted@a.example.com/"),
            ("https://a:b@a.example.com/,https://c:d@b.example.com/", "[redacted]"),
            ("https://u:pa ss@a.example.com/", "https://redacted:redacted@a.example.com/"),
            ("see https://a:b@example.com/ today", "see https://redacted:redacted@example.com/ today"),
            ("postgres://a:b@[::1:5432/x", "[redacted]"),
            ("postgres://a:b@one:1,two:2/x", "[redacted]"),
            ("Switchhook <alerts@example.com>", "Switchhook <alerts@example.com>"),
            ("is it so? yes", "is it so? yes"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn credentials_travel_over_tls_or_stay_on_this_machine() {
        for good in [
            "https://api.example.com",
            "http://127.0.0.1:9/v1",
            "http://[::1]/",
            "http://localhost:80",
            "smtp://mail.example.com",
            "smtp://a:b@mail.example.com?tls=required",
            "smtps://a:b@mail.example.com",
            "",
        ] {
            assert_eq!(mistake(good), None, "{good}");
        }
        for bad in [
            "http://api.example.com",
            " HTTP://api.example.com",
            "http:/api.example.com",
            "http://10.0.0.1/",
            "http://localhost.example.com",
            "http://0.0.0.0/",
            "smtp://a:b@mail.example.com",
        ] {
            assert!(mistake(bad).is_some(), "{bad}");
        }
    }
}
