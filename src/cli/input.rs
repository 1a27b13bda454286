//! What people write on the command line: times, platforms, regions, headers, secrets.

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::builder::PossibleValuesParser;

use super::Output;
use super::failure::Usage;
use crate::domain::phone::is_region;
use crate::providers;
use crate::redact::Secret;

/// Longest secret that is read.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// A point in time: `2026-01-31T08:00:00Z`, `2026-01-31` (its midnight, UTC), or `2h` (that long ago).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    /// Then.
    At(DateTime<Utc>),
    /// So long before now.
    Ago(TimeDelta),
}

impl When {
    /// The point itself.
    pub(super) fn resolve(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(wait) => now.checked_sub_signed(wait).unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(at.to_utc()));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::At(date.and_time(chrono::NaiveTime::MIN).and_utc()));
        }
        let wait = humantime::parse_duration(text).ok().and_then(|wait| TimeDelta::from_std(wait).ok());
        wait.map(Self::Ago)
            .ok_or_else(|| "write a time (2026-01-31T08:00:00Z), a day (2026-01-31), or how long ago (2h)".to_owned())
    }
}

/// A duration: `90d`, `24h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a number and a unit, such as 90d or 24h".to_owned())
}

/// The name of a platform.
pub(super) fn provider() -> PossibleValuesParser {
    PossibleValuesParser::new(providers::ALL.iter().map(|provider| provider.name()))
}

/// An ISO 3166 code of a region that has telephone numbers.
pub(super) fn region(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    if is_region(&code) { Ok(code) } else { Err("not an ISO 3166 code such as US, GB or IL".to_owned()) }
}

/// An ISO 4217 code: by its form, not by a list that ages.
pub(super) fn currency(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    let fits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if fits { Ok(code) } else { Err("three letters, such as USD or ILS".to_owned()) }
}

/// A name in a URL, as the table takes it.
pub(super) fn slug(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && text.len() <= 128 && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("letters, digits, _ and -, beginning with a letter or a digit, 128 at most".to_owned())
    }
}

/// A tenant's name in commands, as the table takes it.
pub(super) fn tenant_slug(text: &str) -> Result<String, String> {
    if text.len() <= 63 && slug(text).is_ok() && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err("lower-case letters, digits, _ and -, beginning with a letter or a digit, 63 at most".to_owned())
    }
}

/// `Name: value`.
pub(super) fn header(text: &str) -> Result<(String, Secret), String> {
    let (name, value) = text.split_once(':').ok_or("write Name: value")?;
    let (name, value) = (name.trim(), value.trim());
    let name = actix_web::http::header::HeaderName::from_str(name).map_err(|_| "not the name of a header")?;
    actix_web::http::header::HeaderValue::from_str(value).map_err(|_| "not the value of a header")?;
    if value.is_empty() { Err("the value is empty".to_owned()) } else { Ok((name.to_string(), Secret::new(value))) }
}

/// An address or a network.
pub(super) fn network(text: &str) -> Result<String, String> {
    match crate::http::parse_network(text) {
        Some(network) => Ok(network.to_string()),
        None => Err("not an address or a network, such as 192.0.2.7 or 192.0.2.0/24".to_owned()),
    }
}

/// Reads a secret from standard input: all of it, or, from a terminal, one line.
pub(super) fn secret_from_stdin(output: Output) -> anyhow::Result<Secret> {
    let mut text = String::new();
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        output.say("The secret, then Enter:")?;
        stdin.read_line(&mut text)?;
    } else {
        stdin.lock().take(MAX_SECRET_BYTES).read_to_string(&mut text).context("the secret on standard input")?;
    }
    secret(&text).map_err(|message| Usage::error(format!("standard input: {message}")))
}

/// Reads a secret from a file.
pub(super) fn secret_from_file(path: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    secret(&text).map_err(|message| Usage::error(format!("{}: {message}", path.display())))
}

/// Without the line's end that editors and `echo` add.
fn secret(text: &str) -> Result<Secret, &'static str> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err("the secret is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("the secret is more than one line, or holds control characters");
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_ago() {
        let now: DateTime<Utc> = "2026-01-31T08:00:00Z".parse().unwrap();
        for (text, then) in [
            ("2026-01-30T10:00:00+02:00", "2026-01-30T08:00:00Z"),
            ("2026-01-30", "2026-01-30T00:00:00Z"),
            ("2h", "2026-01-31T06:00:00Z"),
            ("1h 30m", "2026-01-31T06:30:00Z"),
            ("100000000000days", "1970-01-01T00:00:00Z"),
        ] {
            let when: When = text.parse().unwrap();
            assert_eq!(when.resolve(now), then.parse::<DateTime<Utc>>().unwrap(), "{text}");
        }
        assert!("yesterday".parse::<When>().is_err());
    }

    #[test]
    fn a_secret_is_one_line() {
        assert_eq!(secret("s3cret\r\n").unwrap().expose(), "s3cret");
        assert_eq!(secret(" a b ").unwrap().expose(), " a b ");
        for bad in ["", "\n", "  \n", "a\nb"] {
            assert!(secret(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_checked_before_the_database_is_asked() {
        assert_eq!(region("il"), Ok("IL".to_owned()));
        assert!(["UK", "XX", "972", "ISR", ""].iter().all(|code| region(code).is_err()));
        assert!(slug("a".repeat(128).as_str()).is_ok() && slug("-a").is_err() && slug("a/b").is_err());
        assert!(tenant_slug("acme-2").is_ok() && tenant_slug("Acme").is_err());
        assert_eq!(header("X-Key:  v").unwrap(), ("x-key".to_owned(), Secret::new("v")));
        assert!(header("X-Key").is_err() && header("X Key: v").is_err() && header("X-Key:").is_err());
        assert_eq!(network("192.0.2.7"), Ok("192.0.2.7/32".to_owned()));
    }
}
