//! The tasks of `serve`: processors, jobs, and everything that is done at intervals. What panics is started again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::jobs::Watcher;
use crate::jobs::crm::Feeder as CrmFeeder;
use crate::reconcile::{Reconciler, Schedule};
use crate::spool::Spool;
use crate::store::follow;
use crate::{db, retention};

/// How long the batches and jobs in hand may take when the program stops.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// The wait before a task that has panicked is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// Connections of one processor: events with a handler of the user's own are worked off beside the others.
const PROCESSOR_LANES: u32 = 2;

/// What works, until it is told to stop.
#[derive(Debug, Default)]
pub(super) struct Work {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Work {
    /// Starts everything.
    pub(super) fn start(&mut self, context: &Context, pool: &PgPool) -> anyhow::Result<()> {
        let config = &context.config;
        let workers = config.processor.workers;
        let connections = workers.saturating_mul(PROCESSOR_LANES).saturating_add(1);
        let database = &config.database;
        let own = db::beside(
            pool,
            &context.link,
            "switchhook processor",
            connections,
            database.acquire_timeout,
            database.statement_timeout,
        );
        let processor = Arc::new(context.processor_over(own)?);
        for _ in 0..workers {
            let processor = Arc::clone(&processor);
            self.keep("processor", move |stop| {
                let processor = Arc::clone(&processor);
                async move { processor.run(stop).await }
            });
        }
        let runner = Arc::new(context.runner_over(pool.clone())?);
        self.keep("jobs", move |stop| {
            let runner = Arc::clone(&runner);
            async move { runner.run(stop).await }
        });
        let desk = Arc::new(context.desk_over(pool.clone())?);
        let feeder = Arc::new(CrmFeeder::new(Arc::clone(&desk), config.jobs.poll_interval));
        self.keep("crm", move |stop| {
            let feeder = Arc::clone(&feeder);
            async move { feeder.run(stop).await }
        });
        let reconciler = Reconciler { desk, registry: Arc::new(context.registry()?) };
        let schedule = Arc::new(Schedule::new(Arc::new(reconciler), config.reconcile.clone()));
        self.keep("reconcile", move |stop| {
            let schedule = Arc::clone(&schedule);
            async move { schedule.run(stop).await }
        });
        let (words_pool, link) = (pool.clone(), context.link.clone());
        self.keep("words", move |stop| follow::run(words_pool.clone(), link.clone(), stop));
        let (pool, link, settings) = (pool.clone(), context.link.clone(), config.retention.clone());
        self.keep("retention", move |stop| retention::run(pool.clone(), link.clone(), settings.clone(), stop));
        Ok(())
    }

    /// Starts the watch: every process has one, and they take turns.
    pub(super) fn watch(&mut self, context: &Context, pool: &PgPool, spool: Option<Spool>) -> anyhow::Result<()> {
        let desk = Arc::new(context.desk_over(pool.clone())?);
        let watcher = Arc::new(Watcher::new(desk, context.config.alerts.clone()).over_spool(spool));
        self.keep("watch", move |stop| {
            let watcher = Arc::clone(&watcher);
            async move { watcher.run(stop).await }
        });
        Ok(())
    }

    /// Tells everything to stop, and waits for what is in hand.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            tracing::warn!("not everything in hand was finished: a batch is rolled back, a job is left to its lease");
        }
    }

    /// Runs a task, again after a panic: one mistake must not end for good what everybody waits for.
    pub(super) fn keep<F>(&mut self, name: &'static str, run: impl Fn(CancellationToken) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            while AssertUnwindSafe(run(stop.clone())).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task panicked; it is started again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RESTART_PAUSE) => {}
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_panics_is_started_again_and_what_ends_is_not() {
        let (mut work, times) = (Work::default(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&times);
        work.keep("panics twice", move |stop| {
            let time = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(time >= 2, "panics");
                stop.cancelled().await;
            }
        });
        let began = std::time::Instant::now();
        while times.load(Ordering::Relaxed) < 3 {
            assert!(began.elapsed() < RESTART_PAUSE * 20);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        work.stop().await;
        assert_eq!(times.load(Ordering::Relaxed), 3);
    }
}
