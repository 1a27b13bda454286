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
