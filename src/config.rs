//! The configuration: `config.toml` (compiled in), a file of yours, the environment; each counts over the one before.
//! This is the only place that reads file and environment. Each room owns its part as its `Settings`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::domain::OutreachSettings;
use crate::{db, http, processor, telemetry};

/// Every key with its default, as shipped.
pub const DEFAULT: &str = include_str!("../config.toml");
/// Variables of this form set keys: SWITCHHOOK__HTTP__BIND sets http.bind.
const PREFIX: &str = "SWITCHHOOK__";
/// Tables whose keys are names of yours.
const OPEN_TABLES: &[&str] = &["handlers", "http.body_bytes_max"];

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "one field for each table of config.toml, which says what it is")]
pub struct Config {
    pub database: db::Settings,
    pub postgres: PostgresSettings,
    pub http: http::Settings,
    pub processor: processor::Settings,
    pub phones: PhoneSettings,
    pub outreach: OutreachSettings,
    pub log: telemetry::Settings,
    pub handlers: BTreeMap<String, String>,
}

/// `[postgres]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// Where the private Postgres keeps its data.
    pub data_dir: PathBuf,
}

/// `[phones]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhoneSettings {
    /// The region of tenants without one.
    pub default_region: String,
}

/// Why there is no configuration. No values in the texts: they may be secrets.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {kind}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The file is not TOML.
    #[error("{path}: not TOML: {message}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A key that does not exist.
    #[error("{source_name}: unknown key {key}{}", nearest.as_ref().map_or(String::new(), |key| format!("; did you mean {key}?")))]
    UnknownKey {
        /// The file or the variable.
        source_name: String,
        /// The key.
        key: String,
        /// The nearest one that exists.
        nearest: Option<String>,
    },
    /// A value of the wrong form.
    #[error("{key}: {message}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong.
        message: String,
    },
}

/// What the configuration is read from: a file, if there is one, and the environment.
#[derive(Debug)]
pub struct Sources {
    file: Option<(String, String)>,
    environment: BTreeMap<String, String>,
}

impl Sources {
    /// Reads both. `file`: as for [`Config::load`].
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = file.map(Path::to_owned).or_else(|| environment.get("SWITCHHOOK_CONFIG").map(PathBuf::from));
        let found = named.or_else(|| Some(PathBuf::from("config.toml")).filter(|path| path.is_file()));
        let file = match found {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| ConfigError::File { path: path.clone(), kind: error.kind() })?;
                Some((path.display().to_string(), text))
            }
        };
        Ok(Self { file, environment })
    }

    /// The name of the file, if there is one.
    pub fn file_name(&self) -> Option<&str> {
        self.file.as_ref().map(|(name, _)| name.as_str())
    }

    /// The configuration as it counts; secrets are masked.
    pub fn effective(&self) -> Result<Table, ConfigError> {
        effective(self.file(), &self.environment)
    }

    fn file(&self) -> Option<(&str, &str)> {
        self.file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

impl Config {
    /// Reads the configuration. `file`: as `--config` names it; else SWITCHHOOK_CONFIG, else ./config.toml if there
    /// is one.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let sources = Sources::read(file)?;
        Self::from_parts(sources.file(), &sources.environment)
    }

    /// The configuration from a file's name and text, and an environment.
    pub fn from_parts(file: Option<(&str, &str)>, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let table = merged(file, environment)?;
        let config: Self =
            serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| ConfigError::Value {
                key: error.path().to_string(),
                message: error.into_inner().message().trim().to_owned(),
            })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong =
            |key: &str, message: &str| Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
        if self.phones.default_region.len() != 2 || !self.phones.default_region.bytes().all(|b| b.is_ascii_uppercase())
        {
            return wrong("phones.default_region", "not an ISO 3166 code such as US or IL");
        }
        for (key, value) in [
            ("processor.workers", self.processor.workers),
            ("processor.batch_size", self.processor.batch_size),
            ("processor.retry.max_attempts", self.processor.retry.max_attempts),
            ("database.max_connections", self.database.max_connections),
        ] {
            if value == 0 {
                return wrong(key, "must be at least 1");
            }
        }
        Ok(())
    }
}

/// The configuration as it counts, as a table; secrets are masked. For `config print`.
pub fn effective(file: Option<(&str, &str)>, environment: &BTreeMap<String, String>) -> Result<Table, ConfigError> {
    let mut table = merged(file, environment)?;
    if let Some(Value::Table(database)) = table.get_mut("database")
        && database.get("url").and_then(Value::as_str).is_some_and(|url| !url.is_empty())
    {
        database.insert("url".to_owned(), Value::String("[redacted]".to_owned()));
    }
    Ok(table)
}

fn merged(file: Option<(&str, &str)>, environment: &BTreeMap<String, String>) -> Result<Table, ConfigError> {
    let default = parse("config.toml (as shipped)", DEFAULT)?;
    let mut table = default.clone();
    if let Some((name, text)) = file {
        overlay(&mut table, parse(name, text)?, "", name, &default)?;
    }
    if let Some(url) = environment.get("DATABASE_URL") {
        set(&mut table, &["database", "url"], Value::String(url.clone()));
    }
    for (name, text) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let path: Vec<String> = name[PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let key = path.join(".");
        let Some(value) = typed(&default, &path, text, &key)? else {
            return Err(unknown(name, key, &default));
        };
        set(&mut table, &path, value);
    }
    Ok(table)
}

fn parse(name: &str, text: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        ConfigError::Syntax { path: PathBuf::from(name), message: format!("line {line}: {}", error.message()) }
    })
}

/// Lays a file over the defaults, key by key; keys that the defaults do not know are refused.
fn overlay(base: &mut Table, over: Table, prefix: &str, name: &str, default: &Table) -> Result<(), ConfigError> {
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
fn typed(default: &Table, path: &[&str], text: &str, key: &str) -> Result<Option<Value>, ConfigError> {
    let wrong = |message: &str| ConfigError::Value { key: key.to_owned(), message: message.to_owned() };
    let value = match find(default, path) {
        None => {
            let is_open = path.split_last().is_some_and(|(_, table)| OPEN_TABLES.contains(&table.join(".").as_str()));
            return Ok(is_open.then(|| text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)));
        }
        Some(Value::Integer(_)) => {
            Value::Integer(text.replace('_', "").parse().map_err(|_| wrong("not a whole number"))?)
        }
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

fn find<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { find(value.as_table()?, rest) }
}

fn set(table: &mut Table, path: &[&str], value: Value) {
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

fn unknown(source_name: &str, key: String, default: &Table) -> ConfigError {
    let mut keys = Vec::new();
    collect("", default, &mut keys);
    let nearest = keys
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&known, &key), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known);
    ConfigError::UnknownKey { source_name: source_name.to_owned(), key, nearest }
}

fn collect(prefix: &str, table: &Table, keys: &mut Vec<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if let Value::Table(inner) = value {
            collect(&path, inner, keys);
        }
        keys.push(path);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_shipped_file_is_complete() {
        let config = Config::from_parts(None, &BTreeMap::new()).unwrap();
        assert_eq!(config.http.body_limit("elevenlabs"), 32 * 1024 * 1024);
        assert_eq!(config.processor.retry.longest, Duration::from_secs(3600));
    }

    #[test]
    fn environment_over_file_over_default() {
        let file = "[http]\nflushers = 3\ncommit_rows_max = 10\n[handlers]\n\"dialpad/sms.received\" = \"on_sms\"";
        let env = environment(&[
            ("SWITCHHOOK__HTTP__FLUSHERS", "4"),
            ("SWITCHHOOK__HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.0/24"),
            ("SWITCHHOOK__HTTP__BODY_BYTES_MAX__RETELL", "1000"),
            ("DATABASE_URL", "postgres://example"),
        ]);
        let config = Config::from_parts(Some(("my.toml", file)), &env).unwrap();
        assert_eq!((config.http.flushers, config.http.commit_rows_max), (4, 10));
        assert_eq!(config.http.trusted_proxies.len(), 2);
        assert_eq!(config.http.body_limit("retell"), 1000);
        assert_eq!(config.handlers.len(), 1);
        assert!(!format!("{config:?}").contains("postgres://example"));
    }

    #[test]
    fn mistakes_are_named_with_their_mend() {
        let error = |file: &str, env: &[(&str, &str)]| {
            Config::from_parts(Some(("my.toml", file)), &environment(env)).unwrap_err().to_string()
        };
        assert_eq!(error("[http]\nbnid = 1", &[]), "my.toml: unknown key http.bnid; did you mean http.bind?");
        assert_eq!(
            error("", &[("SWITCHHOOK__PROCESSOR__BATCHSIZE", "1")]),
            "SWITCHHOOK__PROCESSOR__BATCHSIZE: unknown key processor.batchsize; did you mean processor.batch_size?"
        );
        assert!(error("[outreach]\ndelay = \"soon\"", &[]).starts_with("outreach.delay: not a duration"));
        assert!(error("[http\n", &[]).starts_with("my.toml: not TOML: line 1"));
        assert_eq!(error("", &[("SWITCHHOOK__HTTP__FLUSHERS", "many")]), "http.flushers: not a whole number");
    }
}
