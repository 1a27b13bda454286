//! Tables over tables: what a file or a variable sets, and which key somebody meant.

use std::path::PathBuf;

use toml::{Table, Value};

use super::ConfigError;
use crate::nearest::nearest;

/// Tables whose keys are names of yours.
const OPEN_TABLES: &[&str] =
    &["handlers", "functions", "http.body_bytes_max", "live.fallback", "oidc.roles", "conversation.variables"];

pub(super) fn parse(name: &str, text: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        ConfigError::Syntax { path: PathBuf::from(name), message: format!("line {line}: {}", error.message()) }
    })
}

/// Lays a file over the defaults, key by key; keys that the defaults do not know are refused.
pub(super) fn overlay(
    base: &mut Table,
    over: Table,
    prefix: &str,
    name: &str,
    default: &Table,
) -> Result<(), ConfigError> {
    for (key, value) in over {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => overlay(inner, value, &path, name, default)?,
            (None, _) if !OPEN_TABLES.contains(&prefix) => return Err(unknown(name, path, default)),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
    Ok(())
}

/// A variable's text as the type that the default has. `None`: there is no such key.
pub(super) fn typed(default: &Table, path: &[&str], text: &str, key: &str) -> Result<Option<Value>, ConfigError> {
    let wrong = |message: &str| ConfigError::Value { key: key.to_owned(), message: message.to_owned() };
    let value = match find(default, path) {
        None => {
            let is_open = path.split_last().is_some_and(|(_, table)| OPEN_TABLES.contains(&table.join(".").as_str()));
            return Ok(is_open.then(|| text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)));
        }
        Some(Value::Integer(_)) => {
            Value::Integer(text.replace('_', "").parse().map_err(|_| wrong("not a whole number"))?)
        }
        Some(Value::Float(_)) => Value::Float(text.replace('_', "").parse().map_err(|_| wrong("not a number"))?),
        Some(Value::Boolean(_)) => Value::Boolean(text.parse().map_err(|_| wrong("neither true nor false"))?),
        Some(Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        Some(Value::Table(_)) => return Err(wrong("a table, not a value")),
        Some(_) => Value::String(text.to_owned()),
    };
    Ok(Some(value))
}

pub(super) fn find<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { find(value.as_table()?, rest) }
}

pub(super) fn set(table: &mut Table, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            if let Value::Table(inner) = table.entry((*first).to_owned()).or_insert_with(|| Value::Table(Table::new()))
            {
                set(inner, rest, value);
            }
        }
    }
}

pub(super) fn unset(table: &mut Table, path: &[&str]) {
    match path {
        [] => {}
        [last] => {
            table.remove(*last);
        }
        [first, rest @ ..] => {
            if let Some(Value::Table(inner)) = table.get_mut(*first) {
                unset(inner, rest);
                if inner.is_empty() {
                    table.remove(*first);
                }
            }
        }
    }
}

/// Every text under a key, with the key of each.
pub(super) fn strings(key: &str, value: &Value, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => see(key, text),
        Value::Array(items) => items.iter().for_each(|item| strings(key, item, see)),
        Value::Table(table) => table.iter().for_each(|(name, value)| strings(&format!("{key}.{name}"), value, see)),
        _ => {}
    }
}

/// The same, to change them.
pub(super) fn strings_mut(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| strings_mut(item, change)),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| strings_mut(value, change)),
        _ => {}
    }
}

pub(super) fn unknown(source_name: &str, key: String, default: &Table) -> ConfigError {
    let keys = keys(default);
    let nearest = nearest(&key, keys.iter().map(String::as_str)).map(str::to_owned);
    ConfigError::UnknownKey { source_name: source_name.to_owned(), key, nearest }
}

/// Every key of a table, those of the tables in it as well.
pub(super) fn keys(table: &Table) -> Vec<String> {
    fn collect(prefix: &str, table: &Table, keys: &mut Vec<String>) {
        for (key, value) in table {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            if let Value::Table(inner) = value {
                collect(&path, inner, keys);
            }
            keys.push(path);
        }
    }
    let mut keys = Vec::new();
    collect("", table, &mut keys);
    keys
}
