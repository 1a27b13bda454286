//! The secrets among a tenant's settings: sealed where they lie, each for its key.

use toml::{Table, Value};

use super::tables::{find, set};
use super::{ConfigError, SECRETS};
use crate::crypto::{Keys, is_sealed};
use crate::redact::Secret;

/// The value of a key as it is kept.
pub(super) fn sealed(key: &str, value: Value, keys: &Keys) -> Value {
    match (value, SECRETS.iter().find(|secret| **secret == key)) {
        (Value::String(text), Some(secret)) if !text.is_empty() => Value::String(keys.seal(secret, &Secret::new(text))),
        (value, _) => value,
    }
}

/// Opens the secrets where they stand.
pub(super) fn open(own: &mut Table, keys: &Keys) -> Result<(), ConfigError> {
    for key in SECRETS {
        let path: Vec<&str> = key.split('.').collect();
        let Some(text) = find(own, &path).and_then(Value::as_str).filter(|text| is_sealed(text)) else {
            continue;
        };
        let opened = keys
            .open(key, text)
            .map_err(|error| ConfigError::Value { key: (*key).to_owned(), message: error.to_string() })?;
        set(own, &path, Value::String(opened.into_exposed()));
    }
    Ok(())
}

/// The secrets of a tenant's settings, as they lie there: each with its key, which is what it is sealed for.
pub fn of_settings(own: &serde_json::Value) -> Vec<(&'static str, &str)> {
    let values = SECRETS.iter().filter_map(|key| Some((*key, own.pointer(&pointer(key))?.as_str()?)));
    values.filter(|(_, text)| !text.is_empty()).collect()
}

/// Puts a secret in the place of the one that lies there.
pub fn replace_in_settings(own: &mut serde_json::Value, key: &'static str, sealed: String) {
    if let Some(value) = own.pointer_mut(&pointer(key)) {
        *value = sealed.into();
    }
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}
