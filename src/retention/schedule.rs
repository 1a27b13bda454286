//! The rules, carried out at intervals.

use std::time::Duration;

use serde::Deserialize;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::run::{Options, run_once};
use crate::db::{self, Link};

/// The wait before the first run: a program that is started again and again carries the rules out all the same.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// How long one statement over a big table may be silent: its time-out is lifted.
const SILENCE_MAX: Duration = Duration::from_secs(1_800);

/// `[retention]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How often; nothing: by hand only.
    #[serde(with = "crate::duration_text")]
    pub interval: Duration,
}

/// Carries the rules out at intervals until told to stop. Where several processes do, the second finds nothing left.
pub async fn run(pool: PgPool, link: Link, settings: Settings, stop: CancellationToken) {
    if settings.interval.is_zero() {
        return;
    }
    let options = Options::default();
    let mut wait = FIRST_WAIT.min(settings.interval);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = settings.interval;
        let result = tokio::select! {
            () = stop.cancelled() => return,
            result = link.watched_for(SILENCE_MAX, run_once(&pool, &options)) => result,
        };
        match result {
            Ok(report) if report.rows() > 0 => tracing::info!(rows = report.rows(), "retention: old data has gone"),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %db::describe(&error), "retention could not be carried out"),
        }
    }
}
