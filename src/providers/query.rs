//! Query strings and forms: one parser for all platforms.

use std::borrow::Cow;

/// The pairs of a query or a form, decoded. A plus is a space, as in every form.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(text.as_bytes())
}

/// The pairs of a query that was put together without encoding: a plus stays one, since it begins a telephone number.
pub(super) fn pairs_with_plus(text: &str) -> Vec<(String, String)> {
    let text = text.replace('+', "%2B");
    pairs(&text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Values of a parameter that are looked at. A URL has one; whoever sends hundreds wants them all to be compared.
const SECRETS_MAX: usize = 2;

/// The first values of a parameter that may hold a secret: as decoded, and as written, because not everybody encodes what
/// is pasted into a URL.
pub(super) fn secrets<'a>(query: &'a str, name: &str) -> Vec<Cow<'a, str>> {
    let mut found: Vec<Cow<'a, str>> =
        pairs(query).filter(|(key, _)| key == name).map(|(_, value)| value).take(SECRETS_MAX).collect();
    let written = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
    for (_, value) in written.take(SECRETS_MAX) {
        if !found.iter().any(|known| known == value) {
            found.push(Cow::Borrowed(value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_decoded_and_as_written() {
        assert_eq!(secrets("a=1&token=a%2Bb%2F%3D", "token"), ["a+b/=", "a%2Bb%2F%3D"]);
        assert_eq!(secrets("token=a+b/=", "token"), ["a b/=", "a+b/="]);
        assert_eq!(secrets("token=plain&x=token", "token"), ["plain"]);
        assert_eq!(secrets(&"token=%61&token=%62&".repeat(10_000), "token"), ["a", "b", "%61", "%62"]);
        assert!(secrets("", "token").is_empty() && secrets("tokens=1", "token").is_empty());
    }

    #[test]
    fn a_plus_stays_where_nothing_is_encoded() {
        assert_eq!(pairs_with_plus("n=+1555&m=%2B1"), [("n", "+1555"), ("m", "+1")].map(|(a, b)| (a.into(), b.into())));
    }
}
