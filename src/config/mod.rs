//! The configuration: `config.toml` (compiled in), a file of yours, the environment; each counts over the one before.
//! This is the only place that reads file and environment. Each room owns its part as its `Settings`.

mod check;
mod environment;
mod sealed;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use check::{check_appointments, check_outreach, check_urls};
use environment::PREFIX;
use tables::{find, overlay, parse, set, strings_mut, typed, unknown, unset};

use crate::crypto::{Keys, purpose};
use crate::domain::{AppointmentSettings, ConversationSettings, OutreachSettings};
use crate::jobs::{self, AlertSettings, AnalysisSettings, CrmSettings, Integrations, TenantSettings};
use crate::live::{self, TenantParts};
use crate::nearest::hint;
use crate::redact::Secret;
use crate::{console, crypto, db, http, processor, reconcile, retention, spool, telemetry, urls};

/// Every key with its default, as shipped.
pub const DEFAULT: &str = include_str!("../../config.toml");

/// Sections that a tenant may have of its own.
const OWN_SECTIONS: &[&str] =
    &["outreach", "integrations", "analysis", "alerts", "crm", "appointments", "conversation"];
/// Keys of the program alone whose values are never printed; those that tenants have as well are [`purpose::SETTINGS`].
const SECRETS: &[&str] = &["database.url", "database.read_url", "oidc.client_secret"];

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "one field for each table of config.toml, which says what it is")]
pub struct Config {
    pub database: db::Settings,
    pub postgres: PostgresSettings,
    pub secrets: crypto::Settings,
    pub http: http::Settings,
    pub spool: spool::Settings,
    pub console: console::Settings,
    pub oidc: console::oidc::Settings,
    pub processor: processor::Settings,
    pub phones: PhoneSettings,
    pub outreach: OutreachSettings,
    pub analysis: AnalysisSettings,
    pub jobs: jobs::Settings,
    pub alerts: AlertSettings,
    pub crm: CrmSettings,
    pub live: live::Settings,
    pub appointments: AppointmentSettings,
    pub conversation: ConversationSettings,
    pub integrations: Integrations,
    pub retention: retention::Settings,
    pub reconcile: reconcile::Settings,
    pub log: telemetry::Settings,
    pub handlers: BTreeMap<String, String>,
    pub functions: BTreeMap<String, String>,
    /// The sections that a tenant may have of its own, as they were read.
    #[serde(skip)]
    own_sections: Table,
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
    #[error("{source_name}: unknown key {key}{}", hint(nearest.as_deref()))]
    UnknownKey {
        /// The file or the variable.
        source_name: String,
        /// The key.
        key: String,
        /// The nearest one that exists.
        nearest: Option<String>,
    },
    /// A variable that looks like one of ours and is none.
    #[error("{name}: no variable of this program{}", hint(nearest.as_deref()))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The one that was probably meant.
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
        let named = file.map(Path::to_owned).or_else(|| environment.get(environment::FILE).map(PathBuf::from));
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
        let own_sections = table.iter().filter(|(key, _)| OWN_SECTIONS.contains(&key.as_str()));
        let own_sections = own_sections.map(|(key, value)| (key.clone(), value.clone())).collect();
        check_urls(&table)?;
        let mut config = Self { own_sections, ..deserialized(table)? };
        let master_key = environment.get(crypto::VARIABLE).cloned().unwrap_or_default();
        config.secrets.master_key = Secret::new(master_key);
        config.check()?;
        Ok(config)
    }

    /// What counts for a tenant: its own settings over the configuration.
    pub fn for_tenant(&self, own: &serde_json::Value, keys: &Keys) -> Result<TenantSettings, ConfigError> {
        let mut table = self.own_sections.clone();
        let wrong = |key: &str, message: &str| ConfigError::Value { key: key.to_owned(), message: message.to_owned() };
        if own.as_object().is_some_and(|own| !own.is_empty()) {
            let mut own =
                Table::try_from(own).map_err(|_| wrong("settings", "null and numbers beyond i64 are no values"))?;
            sealed::open(&mut own, keys)?;
            let known = table.clone();
            overlay(&mut table, own, "", "the tenant's settings", &known)?;
        }
        check_urls(&table)?;
        let settings: TenantSettings = deserialized(table)?;
        check_outreach(&settings.outreach)?;
        check_appointments(&settings.appointments)?;
        Ok(settings)
    }

    /// The same, as far as a caller of the tenant is told of it.
    pub fn spoken_for_tenant(&self, own: &serde_json::Value, keys: &Keys) -> Result<TenantParts, ConfigError> {
        let TenantSettings { appointments, conversation, outreach, .. } = self.for_tenant(own, keys)?;
        Ok(TenantParts { appointments, conversation, time_zone: outreach.time_zone })
    }

    /// A tenant's own settings with this key set to what the text means, or without it; refused if they would not count.
    /// A secret is sealed for its key.
    pub fn with_tenant_setting(
        &self,
        own: &serde_json::Value,
        key: &str,
        text: Option<&str>,
        keys: &Keys,
    ) -> Result<serde_json::Value, ConfigError> {
        let path: Vec<&str> = key.split('.').collect();
        let value = match text {
            Some(text) => Some(
                typed(&self.own_sections, &path, text, key)?
                    .ok_or_else(|| unknown("the tenant's settings", key.to_owned(), &self.own_sections))?,
            ),
            None => None,
        };
        let mut table = Table::try_from(own).unwrap_or_default();
        match value {
            Some(value) => set(&mut table, &path, sealed::sealed(key, value, keys)),
            None => unset(&mut table, &path),
        }
        let own = serde_json::to_value(table).unwrap_or_default();
        self.for_tenant(&own, keys)?;
        Ok(own)
    }
}

/// The configuration as it counts, as a table; secrets are masked, those within URLs as well. For `config print`.
pub fn effective(file: Option<(&str, &str)>, environment: &BTreeMap<String, String>) -> Result<Table, ConfigError> {
    let mut table = merged(file, environment)?;
    for path in SECRETS.iter().chain(purpose::SETTINGS) {
        let path: Vec<&str> = path.split('.').collect();
        if find(&table, &path).and_then(Value::as_str).is_some_and(|value| !value.is_empty()) {
            set(&mut table, &path, Value::String("[redacted]".to_owned()));
        }
    }
    for (_, value) in &mut table {
        strings_mut(value, &mut |text| *text = urls::masked(text));
    }
    Ok(table)
}

/// A table as what it means; the error names the key.
fn deserialized<T: serde::de::DeserializeOwned>(table: Table) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| ConfigError::Value {
        key: error.path().to_string(),
        message: error.into_inner().message().trim().to_owned(),
    })
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
    environment::check(environment, &default)?;
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
