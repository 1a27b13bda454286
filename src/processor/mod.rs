//! The processor: claims batches of events and carries each through translate, resolve, fold, write, settle and commit.

mod batch;
mod fold;
mod forget;
mod handlers;
mod plan;
mod put_off;
mod run;
mod search;
mod settings;
mod trouble;
mod turns;
mod write;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use sqlx::PgPool;

use crate::clock::Clock;
use crate::crypto::Keys;
use crate::db::Link;
use crate::dispatch::Registry;
use crate::domain::OutreachSettings;
use crate::queue::WakeUp;
use crate::telemetry::Metrics;

pub use batch::Report;
pub use settings::Settings;

/// Works off the inbox. Any number may run at once, in one process and in several.
#[derive(Debug)]
pub struct Processor {
    /// The database.
    pub pool: PgPool,
    /// The way to it.
    pub link: Link,
    /// Ids are made with them.
    pub keys: Keys,
    /// What is handled how.
    pub registry: Arc<Registry>,
    /// `[processor]`.
    pub settings: Settings,
    /// `[outreach]`.
    pub outreach: OutreachSettings,
    /// `[phones] default_region`.
    pub default_region: String,
    /// Where counts go.
    pub metrics: Arc<Metrics>,
    /// The time, for the lag.
    pub clock: Clock,
    /// Rung by the door when something came in.
    pub wake_up: Arc<WakeUp>,
    /// Event types that were already logged as unknown.
    pub seen_unknown: Mutex<HashSet<String>>,
}
