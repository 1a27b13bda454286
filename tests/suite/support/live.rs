//! What questions are answered with, in a test.

use std::sync::Arc;

use sqlx::PgPool;
use switchhook::clock::Clock;
use switchhook::config::Config;
use switchhook::db::Link;
use switchhook::dispatch::Registry;
use switchhook::live::Live;
use switchhook::telemetry::Metrics;

use super::keys;

/// Over this database, by this configuration.
pub fn live(
    config: &Config,
    pool: &PgPool,
    link: &Link,
    registry: &Arc<Registry>,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Live {
    let own = config.clone();
    Live::new(
        config.live.clone(),
        pool.clone(),
        link.clone(),
        keys::keys(),
        Arc::new(move |settings| own.spoken_for_tenant(settings, &keys::keys()).map_err(|error| error.to_string())),
        config.phones.default_region.clone(),
        Arc::clone(registry),
        clock.clone(),
        Arc::clone(metrics),
    )
}
