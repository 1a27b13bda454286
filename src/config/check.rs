//! What of the configuration is refused although it can be read: with it the program would start, and not work.

use chrono_tz::Tz;
use toml::Table;

use super::tables::strings;
use super::{Config, ConfigError};
use crate::domain::phone::is_region;
use crate::domain::{AppointmentSettings, OutreachSettings};
use crate::nearest::{self, hint};
use crate::{db, urls};

impl Config {
    /// Refuses what reads well and would not work.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong =
            |key: &str, message: &str| Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
        if let Some(message) = db::url_mistake(self.database.url.expose()) {
            return wrong("database.url", &message);
        }
        self.check_read_url()?;
        if let Err(message) = self.database.password() {
            return wrong("database.password_file", message);
        }
        if let Some(message) = self.log.mistake() {
            return wrong("log.level", &message);
        }
        if !is_region(&self.phones.default_region) {
            return wrong("phones.default_region", "not an ISO 3166 code such as US, GB or IL");
        }
        for (key, value) in [
            ("processor.workers", self.processor.workers),
            ("processor.batch_size", self.processor.batch_size),
            ("processor.retry.max_attempts", self.processor.retry.max_attempts),
            ("database.max_connections", self.database.max_connections),
            ("console.connections", self.console.connections),
        ] {
            if value == 0 {
                return wrong(key, "must be at least 1");
            }
        }
        let lookups = self.live.lookups;
        if lookups.numbers_per_minute == 0 || lookups.new_numbers_per_minute == 0 {
            return wrong("live.lookups", "a source that may ask about nobody is told of nobody: 1 at least");
        }
        if self.live.caller_timeout.is_zero() || self.live.function_timeout.is_zero() {
            return wrong("live.caller_timeout", "neither it nor live.function_timeout may be nothing");
        }
        if let Some((key, message)) = self.oidc.mistake(&self.http.base_url()) {
            return wrong(&format!("oidc.{key}"), message);
        }
        check_outreach(&self.outreach)?;
        check_appointments(&self.appointments)
    }
}

impl Config {
    /// A standby to read from is one of a server of the user's own, and not that server again.
    fn check_read_url(&self) -> Result<(), ConfigError> {
        let db::Settings { url, read_url, read_lag, .. } = &self.database;
        let wrong =
            |key: &str, message: &str| Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
        if let Some(message) = db::read_url_mistake(read_url.expose()) {
            return wrong("database.read_url", &message);
        }
        if read_lag.as_secs() == 0 {
            return wrong("database.read_lag", "1s at least: it is looked once a second how far the standby is behind");
        }
        if read_url.expose().is_empty() {
            return Ok(());
        }
        if url.expose().is_empty() {
            return wrong("database.read_url", "the private Postgres has no standby: set database.url as well");
        }
        if url.expose() == read_url.expose() {
            return wrong("database.read_url", "is the same as database.url: it must lead to a standby");
        }
        Ok(())
    }
}

/// Credentials travel to every URL of the integrations: over TLS, or to this machine.
pub(super) fn check_urls(table: &Table) -> Result<(), ConfigError> {
    let Some(integrations) = table.get("integrations") else { return Ok(()) };
    let mut wrong = None;
    strings("integrations", integrations, &mut |key, text| {
        if let Some(message) = urls::mistake(text) {
            wrong.get_or_insert_with(|| ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
        }
    });
    wrong.map_or(Ok(()), Err)
}

pub(super) fn check_outreach(outreach: &OutreachSettings) -> Result<(), ConfigError> {
    let wrong = |key: &str, message: &str| Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() });
    if outreach.reminders.len() > 2 {
        return wrong("outreach.reminders", "two at most");
    }
    if ![0, 2].contains(&outreach.quiet_hours.len()) {
        return wrong("outreach.quiet_hours", "from and until, such as [\"21:00\", \"08:00\"], or nothing");
    }
    if outreach.time_zone.parse::<Tz>().is_err() {
        let meant = hint(nearest::time_zone(&outreach.time_zone));
        return wrong("outreach.time_zone", &format!("not a time zone of the IANA list, such as Europe/Madrid{meant}"));
    }
    Ok(())
}

pub(super) fn check_appointments(appointments: &AppointmentSettings) -> Result<(), ConfigError> {
    match appointments.mistake() {
        Some((key, message)) => Err(ConfigError::Value { key: key.to_owned(), message: message.to_owned() }),
        None => Ok(()),
    }
}
