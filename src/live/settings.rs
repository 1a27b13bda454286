//! `[live]` of the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// How questions are answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What an answer should take at most: more is counted, written down, and told if it happens often.
    #[serde(with = "crate::duration_text")]
    pub budget: Duration,
    /// When a caller is answered for without the database.
    #[serde(with = "crate::duration_text")]
    pub caller_timeout: Duration,
    /// When a function gives up, and the agent is told so.
    #[serde(with = "crate::duration_text")]
    pub function_timeout: Duration,
    /// Connections for questions about callers, of this process, beside `database.max_connections`.
    pub caller_connections: u32,
    /// Connections for functions.
    pub function_connections: u32,
    /// How many numbers a source may ask about.
    pub lookups: super::LookupSettings,
    /// What one call may write.
    pub writes: super::WriteSettings,
    /// What is said without the database, over what a new caller of the configuration's own tenant hears.
    #[serde(deserialize_with = "crate::domain::texts")]
    pub fallback: BTreeMap<String, String>,
}
