//! One line per request and per batch, as text or JSON, on standard error.

use std::io::IsTerminal;
use std::sync::OnceLock;

use serde::Deserialize;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// What changes the level of the process.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

use crate::nearest::{hint, nearest};

/// `[log]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `text` or `json`.
    pub format: Format,
    /// A level, or directives such as `info,switchhook::http=debug`.
    pub level: String,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What a level is called.
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
/// What the lines of this program are of.
const TARGET: &str = "switchhook";

impl Settings {
    /// What is wrong with the level, and how it is right. A word that is no level would be taken for the name of a part of
    /// the program that writes everything, and nothing else would write anything.
    pub fn mistake(&self) -> Option<String> {
        let mut directives = self.level.split(',').map(str::trim).filter(|directive| !directive.is_empty()).peekable();
        if directives.peek().is_none() {
            return Some(format!("empty: say one of {}", LEVELS.join(", ")));
        }
        directives.find_map(directive_mistake).or_else(|| {
            EnvFilter::try_new(&self.level)
                .err()
                .map(|_| format!("cannot be read: write it as info,{TARGET}::http=debug"))
        })
    }
}

fn directive_mistake(directive: &str) -> Option<String> {
    let (target, level) = match directive.split_once('=') {
        Some((target, level)) => (Some(target.trim()), level.trim()),
        // A part of this program without a level writes everything.
        None if directive.starts_with(TARGET) => (Some(directive), "trace"),
        None => (None, directive),
    };
    // Spans with fields hold commas and equals signs of their own: the filter's own grammar judges them.
    if directive.contains(['[', ']', '{', '}']) {
        return None;
    }
    let is_level = LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level));
    if !is_level {
        let meant = hint(nearest(level, LEVELS.iter().copied()));
        return Some(format!("{level} is no level ({}){meant}", LEVELS.join(", ")));
    }
    let first = target?.split("::").next().unwrap_or_default();
    let is_misspelt = first != TARGET && nearest(first, [TARGET]).is_some();
    is_misspelt.then(|| format!("{first} is no part of this program; did you mean {TARGET}?"))
}

/// Starts logging for the whole process. A second call changes nothing.
pub fn init(settings: &Settings) -> Result<(), String> {
    let (level, handle) = reload::Layer::new(filter(settings)?);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match settings.format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    let harmless = filter_fn(is_harmless);
    // An error means that a subscriber is there already, as in tests.
    if tracing_subscriber::registry().with(level).with(lines.with_filter(harmless)).try_init().is_ok() {
        LEVEL.set(handle).ok();
    }
    Ok(())
}

/// Changes what is logged from now on; what is no level changes nothing.
pub fn set_level(settings: &Settings) {
    if let (Some(handle), Ok(level)) = (LEVEL.get(), filter(settings)) {
        handle.reload(level).ok();
    }
}

fn filter(settings: &Settings) -> Result<EnvFilter, String> {
    EnvFilter::try_new(&settings.level).map_err(|_| format!("log.level is no level: {}", settings.level))
}

/// Libraries trace what passes through them: requests byte by byte, telephone numbers digit by digit. Whatever level
/// is asked for, of others only what an operator must know is written.
fn is_harmless(line: &Metadata<'_>) -> bool {
    line.target().starts_with("switchhook")
        || (*line.level() <= Level::WARN && !line.target().starts_with("rlibphonenumber"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(level: &str) -> Option<String> {
        Settings { format: Format::Text, level: level.to_owned() }.mistake()
    }

    #[test]
    fn a_level_is_a_level() {
        for right in ["info", "WARN", "off", "info,switchhook::http=debug", "warn,switchhook::jobs=trace", "switchhook"]
        {
            assert_eq!(mistake(right), None, "{right}");
        }
        for (wrong, said) in [
            ("warning", "did you mean warn?"),
            ("errors", "did you mean error?"),
            ("switchhook=warning", "did you mean warn?"),
            ("info,swichhook::http=debug", "did you mean switchhook?"),
            ("verbose", "verbose is no level"),
            ("", "empty"),
            ("info,[", ""),
        ] {
            let message = mistake(wrong).unwrap_or_else(|| panic!("{wrong} passed"));
            assert!(message.contains(said), "{wrong}: {message}");
        }
    }
}
