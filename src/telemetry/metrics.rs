//! Every metric, by its name. Units stand in the names; label values come from fixed lists, so that no sender can
//! make the number of series grow.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters = Family<Vec<(&'static str, &'static str)>, Counter>;
type Histograms = Family<Vec<(&'static str, &'static str)>, Histogram, fn() -> Histogram>;

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Counters,
    request_seconds: Histogram,
    commit_rows: Histogram,
    rejections: Counters,
    events: Counters,
    event_failures: Counters,
    jobs: Counters,
    unknown_types: Counters,
    batch_events: Histogram,
    batch_seconds: Histogram,
    batch_splits: Counter,
    batches_rolled_back: Counters,
    events_requeued: Counter,
    lag_seconds: Histogram,
    live_answers: Counters,
    live_seconds: Histograms,
    /// What one looks up in the database when the metrics are read.
    pub backlog: BacklogGauges,
    /// What the spool of this process holds.
    pub spool: SpoolGauges,
    /// What is known of the standby that is read from.
    pub read_standby: ReadStandbyGauges,
}

/// Gauges over the standby that pages and lists are read from.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the help texts below say what each is")]
pub struct ReadStandbyGauges {
    pub is_used: Gauge<i64, AtomicI64>,
    pub lag_seconds: Gauge<f64, AtomicU64>,
    pub read_again: Gauge<i64, AtomicI64>,
}

/// Gauges over the spool of this process, the same numbers as `switchhook spool status`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the help texts below say what each is")]
pub struct SpoolGauges {
    pub is_on: Gauge<i64, AtomicI64>,
    pub records: Gauge<i64, AtomicI64>,
    pub bytes: Gauge<i64, AtomicI64>,
    pub set_aside_bytes: Gauge<i64, AtomicI64>,
    pub oldest_seconds: Gauge<f64, AtomicU64>,
}

/// Gauges over the whole inbox, the same numbers as `switchhook stats` and sql/ops/lag.sql.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the help texts below say what each is")]
pub struct BacklogGauges {
    pub pending: Gauge<i64, AtomicI64>,
    pub retrying: Gauge<i64, AtomicI64>,
    pub dead: Gauge<i64, AtomicI64>,
    pub oldest_pending_seconds: Gauge<f64, AtomicU64>,
    pub jobs_pending: Gauge<i64, AtomicI64>,
    pub jobs_due: Gauge<i64, AtomicI64>,
    pub jobs_dead: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let counts = || Histogram::new(exponential_buckets(1.0, 2.0, 12));
        let mut metrics = Self {
            registry: Registry::with_prefix("switchhook"),
            requests: Family::default(),
            request_seconds: seconds(),
            commit_rows: counts(),
            rejections: Family::default(),
            events: Family::default(),
            event_failures: Family::default(),
            jobs: Family::default(),
            unknown_types: Family::default(),
            batch_events: counts(),
            batch_seconds: seconds(),
            batch_splits: Counter::default(),
            batches_rolled_back: Family::default(),
            events_requeued: Counter::default(),
            lag_seconds: Histogram::new(exponential_buckets(0.002, 2.0, 20)),
            live_answers: Family::default(),
            live_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 14))),
            backlog: BacklogGauges::default(),
            spool: SpoolGauges::default(),
            read_standby: ReadStandbyGauges::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// A webhook was answered with a 2xx: `accepted` or `duplicate`.
    pub fn answered(&self, provider: &'static str, outcome: &'static str, took: Duration) {
        self.requests.get_or_create(&labels([("provider", provider), ("outcome", outcome)])).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// A request was refused at the door.
    pub fn rejected(&self, provider: &'static str, reason: &'static str) {
        self.rejections.get_or_create(&labels([("provider", provider), ("reason", reason)])).inc();
    }

    /// Rows went to disk in one commit.
    pub fn committed(&self, rows: usize) {
        self.commit_rows.observe(rows as f64);
    }

    /// Events of one batch were settled.
    pub fn settled(&self, provider: &'static str, outcome: &'static str, count: u64) {
        self.events.get_or_create(&labels([("provider", provider), ("outcome", outcome)])).inc_by(count);
    }

    /// An event failed and will be tried again, or is dead.
    pub fn failed(&self, provider: &'static str) {
        self.event_failures.get_or_create(&labels([("provider", provider)])).inc();
    }

    /// An attempt at a job ended: done, skipped, cancelled, dead, postponed or lost.
    pub fn job(&self, kind: &'static str, end: &'static str) {
        self.jobs.get_or_create(&labels([("kind", kind), ("end", end)])).inc();
    }

    /// An event of a type that nobody registered was ignored.
    pub fn unknown_type(&self, provider: &'static str) {
        self.unknown_types.get_or_create(&labels([("provider", provider)])).inc();
    }

    /// A batch is committed.
    pub fn batch(&self, events: usize, took: Duration, splits: u64) {
        self.batch_events.observe(events as f64);
        self.batch_seconds.observe(took.as_secs_f64());
        self.batch_splits.inc_by(splits);
    }

    /// A batch was rolled back: `event`, `busy` or `lost`.
    pub fn rolled_back(&self, cause: &'static str) {
        self.batches_rolled_back.get_or_create(&labels([("cause", cause)])).inc();
    }

    /// Pending events were missing from the queue and were put back.
    pub fn events_requeued(&self, events: u64) {
        self.events_requeued.inc_by(events);
    }

    /// An event waited this long from door to tables.
    pub fn lag(&self, lag: Duration) {
        self.lag_seconds.observe(lag.as_secs_f64());
    }

    /// A question was answered while somebody waited.
    pub fn live_answer(&self, endpoint: &'static str, is_fallback: bool, is_slow: bool, took: Duration) {
        let outcome = match (is_fallback, is_slow) {
            (true, _) => "fallback",
            (false, true) => "slow",
            (false, false) => "in_time",
        };
        self.live_answers.get_or_create(&labels([("endpoint", endpoint), ("outcome", outcome)])).inc();
        self.live_seconds.get_or_create(&labels([("endpoint", endpoint)])).observe(took.as_secs_f64());
    }

    /// Everything, in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("webhooks", "Webhooks answered with 2xx, by platform and outcome", self.requests.clone());
        registry.register(
            "webhook_seconds",
            "Time from the last byte of a webhook to its answer",
            self.request_seconds.clone(),
        );
        registry.register("commit_rows", "Webhooks that shared one commit", self.commit_rows.clone());
        registry.register(
            "rejections",
            "Requests refused at the door, by platform and reason",
            self.rejections.clone(),
        );
        registry.register("events", "Events settled, by platform and outcome", self.events.clone());
        registry.register("jobs", "Attempts at jobs, by kind and end", self.jobs.clone());
        registry.register("event_failures", "Attempts that failed, by platform", self.event_failures.clone());
        registry.register(
            "unknown_types",
            "Events ignored because nobody registered their type, by platform",
            self.unknown_types.clone(),
        );
        registry.register("batch_events", "Events in one batch", self.batch_events.clone());
        registry.register("batch_seconds", "Time from claim to commit of one batch", self.batch_seconds.clone());
        registry.register("batch_splits", "Batches halved to find a culprit", self.batch_splits.clone());
        registry.register(
            "batches_rolled_back",
            "Batches rolled back: for one of their events, because others were in the way, or for want of the database",
            self.batches_rolled_back.clone(),
        );
        registry.register(
            "events_requeued",
            "Pending events that were missing from the queue and were put back",
            self.events_requeued.clone(),
        );
        registry.register("event_lag_seconds", "Time from an event's storing to its commit", self.lag_seconds.clone());
        registry.register("events_pending", "Events not yet processed", self.backlog.pending.clone());
        registry.register("events_retrying", "Pending events that have failed", self.backlog.retrying.clone());
        registry.register("events_dead", "Events that failed for good", self.backlog.dead.clone());
        registry.register(
            "oldest_pending_seconds",
            "Age of the oldest event not yet processed",
            self.backlog.oldest_pending_seconds.clone(),
        );
        registry.register("jobs_pending", "Jobs not yet done", self.backlog.jobs_pending.clone());
        registry.register("jobs_due", "Jobs whose time has come", self.backlog.jobs_due.clone());
        registry.register(
            "live_answers",
            "Questions answered while somebody waited, by endpoint: in time, slow, or without the database",
            self.live_answers.clone(),
        );
        registry.register(
            "live_answer_seconds",
            "Time from a question to its answer, by endpoint",
            self.live_seconds.clone(),
        );
        let spool = &self.spool;
        registry.register("spool_on", "1 while webhooks go to the spool instead of Postgres", spool.is_on.clone());
        registry.register("spool_records", "Webhooks that wait in the spool of this process", spool.records.clone());
        registry.register("spool_bytes", "Bytes of the spool on disk", spool.bytes.clone());
        registry.register(
            "spool_set_aside_bytes",
            "Bytes of the spool that could not be read or stored",
            spool.set_aside_bytes.clone(),
        );
        registry.register(
            "spool_oldest_seconds",
            "Age of the oldest webhook in the spool",
            spool.oldest_seconds.clone(),
        );
        let standby = &self.read_standby;
        registry.register(
            "read_standby_used",
            "1 while pages and lists are read from the standby (database.read_url)",
            standby.is_used.clone(),
        );
        registry.register("read_standby_lag_seconds", "How far that standby is behind", standby.lag_seconds.clone());
        registry.register(
            "read_standby_failed",
            "Reads that the primary answered since the program started because the standby failed them",
            standby.read_again.clone(),
        );
        registry.register("jobs_dead", "Jobs that failed for good", self.backlog.jobs_dead.clone());
    }
}

fn labels<const N: usize>(labels: Labels<N>) -> Vec<(&'static str, &'static str)> {
    labels.to_vec()
}
