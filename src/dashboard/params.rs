//! What stands in a URL or in a form: pairs, of which an empty one is as good as none.

use actix_web::HttpRequest;
use actix_web::web::Query;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a query as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// The pairs of a query or of a form.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Of a request's query.
    pub(super) fn of(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    /// Of the body of a form.
    pub(super) fn read(body: &[u8]) -> Self {
        Self::parse(&String::from_utf8_lossy(body))
    }

    fn parse(text: &str) -> Self {
        Self(Query::<Vec<(String, String)>>::from_query(text).map(Query::into_inner).unwrap_or_default())
    }

    /// The first value of this name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The first value of this name, as a text of its own.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// The first value of this name to the letter: a password may begin or end with a space.
    pub(super) fn raw(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.clone())
    }

    /// Every value of this name that is not empty.
    pub(super) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.pairs().filter(move |(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether a box of this name is ticked, or a mark set.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "0" && value != "false")
    }

    /// The same with another value of this name; `None`: without it. Always without the place in the list, which is of
    /// the list as it was.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut pairs: Vec<_> = self
            .0
            .iter()
            .filter(|(key, text)| key != name && key != "after" && !text.trim().is_empty())
            .cloned()
            .collect();
        pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        Self(pairs)
    }

    /// Without these names.
    pub(super) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(key, _)| !names.contains(&key.as_str())).cloned().collect())
    }

    /// The pairs that are not empty, for hidden fields of a form.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.trim())).filter(|(_, value)| !value.is_empty())
    }

    /// As a query, with its question mark; empty, if there is nothing to say.
    pub(super) fn query(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, KEPT).to_string();
        let pairs: Vec<String> =
            self.pairs().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_pair_is_none_and_a_query_comes_back() {
        let params = Params::parse("a=1&b=&c=x+y%26&a=2&after=z");
        assert_eq!((params.get("a"), params.get("b"), params.get("c")), (Some("1"), None, Some("x y&")));
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(params.with("c", None).query(), "?a=1&a=2");
        assert_eq!(params.with("a", Some("<3>")).query(), "?c=x%20y%26&a=%3C3%3E");
        assert_eq!(Params::parse(params.query().trim_start_matches('?')).get("c"), Some("x y&"));
        assert_eq!(Params::default().query(), "");
    }
}
