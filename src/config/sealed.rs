//! The secrets among a tenant's settings: sealed where they lie, each for its key.

use toml::{Table, Value};

use super::ConfigError;
use super::tables::{find, set};
use crate::crypto::{Keys, is_sealed, purpose};
use crate::redact::Secret;

/// The value of a key as it is kept.
pub(super) fn sealed(key: &str, value: Value, keys: &Keys) -> Value {
    match (value, purpose::SETTINGS.iter().find(|secret| **secret == key)) {
        (Value::String(text), Some(secret)) if !text.is_empty() => Value::String(keys.seal(secret, &Secret::new(text))),
        (value, _) => value,
    }
}

/// Opens the secrets where they stand.
pub(super) fn open(own: &mut Table, keys: &Keys) -> Result<(), ConfigError> {
    for key in purpose::SETTINGS {
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
