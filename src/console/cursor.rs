//! Where a page of a list ended, as text for a URL.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The text of a place.
pub fn encode(place: &impl Serialize) -> Option<String> {
    serde_json::to_vec(place).ok().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// The place that a text says; `None`: it says none.
pub fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_and_anything_else_is_none() {
        let text = encode(&(Some(7), "id")).unwrap();
        assert_eq!(decode(&text), Some((Some(7), "id".to_owned())));
        assert_eq!(decode::<(Option<i64>, String)>("%"), None);
        assert_eq!(decode::<(Option<i64>, String)>("e30"), None);
    }
}
