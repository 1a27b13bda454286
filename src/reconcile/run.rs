//! One run: a connection, a window of time, page by page. What was found is kept whatever happens on the next page.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::connections::Candidate;
use super::judge::{self, LeftAlone, Listed};
use super::missing::{Missing, known, may_miss_a_transcript, missing};
use super::{history, lease};
use crate::access::Actor;
use crate::db;
use crate::dispatch::Registry;
use crate::inbox::{self, Accepted, NewEvent};
use crate::integrations::platforms::{self, Listing, Window};
use crate::jobs::{Desk, TenantError};

/// Pages of one run at most: a list without an end is no list.
const PAGES_MAX: u32 = 2_000;
/// Calls that are looked up and stored in one statement at most.
const BATCH_CALLS: usize = 200;
/// Bytes of payload in one statement at most: one message to Postgres must stay far below its limit of 1 GiB.
const STATEMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Missing calls that a report names at most; the rest is counted.
const NAMED_MAX: usize = 100;

/// Asks the platforms what calls there were.
pub struct Reconciler {
    /// Database, time, vendors, settings.
    pub desk: Arc<Desk>,
    /// The handlers that the calls would meet.
    pub registry: Arc<Registry>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When the calls began.
    pub window: Window,
    /// Calls that ended later than this long ago are left to their webhooks.
    pub grace: Duration,
    /// On the schedule: the least time since its last run. `None`: by hand.
    pub every: Option<Duration>,
    /// Count only.
    pub dry_run: bool,
    /// By whom; a run by hand has a line in the operator log.
    pub actor: Actor,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls that the platform listed.
    pub listed: u64,
    /// Those that go on, or are about to begin.
    pub ongoing: u64,
    /// Those that ended a moment ago and are left to their webhooks.
    pub fresh: u64,
    /// Those without any time: nobody could say whether they were before an erasure.
    pub undated: u64,
    /// Those that no handler of ours makes a call of.
    pub unread: u64,
    /// Those that were not there, or not whole.
    pub missing: u64,
    /// Events made of them; an earlier run may have made the same.
    pub inserted: u64,
}

/// A call that was missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingCall {
    /// The platform's id.
    pub call_id: String,
    /// The type of the event that is made of it.
    pub event_type: String,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What of it was missing; the first thing found.
    pub missing: Missing,
}

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The connection, without what is secret of it.
    pub connection: String,
    /// Calls that began then or later.
    pub since: DateTime<Utc>,
    /// Calls that began earlier.
    pub until: DateTime<Utc>,
    /// Whether it only counted.
    pub dry_run: bool,
    #[serde(flatten)]
    #[expect(missing_docs, reason = "the type says what they are")]
    pub counts: Counts,
    /// The first of the missing calls.
    pub calls: Vec<MissingCall>,
    /// Why it ended early; what was found until then is kept.
    pub error: Option<String>,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The tenant's settings are wrong.
    #[error("the tenant's settings: {0}")]
    Settings(String),
    /// There is no key.
    #[error("integrations.{0}.api_key is empty")]
    NotConfigured(&'static str),
    /// Another run is at it, or it is too early.
    #[error("another run is asking about this connection right now")]
    Busy,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("{0}")]
    Platform(#[from] platforms::Error),
    #[error("{}", db::describe(.0))]
    Database(#[from] sqlx::Error),
    #[error("it took so long that another run has taken over")]
    TakenOver,
    #[error("more than {PAGES_MAX} pages: ask for a shorter time")]
    Endless,
}

impl Reconciler {
    /// Asks about one connection, and stores what is missing.
    pub async fn run(&self, candidate: &Candidate, options: &Options) -> Result<Report, Failure> {
        let listing = self.listing(candidate, options).await?;
        let run_id = Uuid::now_v7();
        let pool = &self.desk.pool;
        if !options.dry_run {
            let now = self.desk.now();
            if !lease::take(pool, candidate.connection_id, run_id, options.every, now).await? {
                return Err(Failure::Busy);
            }
            history::begin(pool, run_id, candidate.connection_id, options, now).await?;
        }
        let mut walk = Walk {
            reconciler: self,
            candidate,
            options,
            listing,
            run_id,
            counts: Counts::default(),
            calls: Vec::new(),
        };
        let error = walk.pages().await.err().map(|stop| stop.to_string());
        let Walk { counts, calls, .. } = walk;
        if !options.dry_run {
            history::note(pool, run_id, &counts, error.as_deref(), Some(self.desk.now())).await?;
            lease::end(pool, candidate.connection_id, run_id).await?;
        }
        let Counts { listed, missing, inserted, .. } = counts;
        let connection = candidate.name.clone();
        match &error {
            None => tracing::info!(%connection, listed, missing, inserted, "reconciled"),
            Some(error) => tracing::warn!(%connection, listed, missing, inserted, error, "reconciliation ended early"),
        }
        let Window { since, until } = options.window;
        Ok(Report { connection, since, until, dry_run: options.dry_run, counts, calls, error })
    }

    /// Whether there is a key for this connection.
    pub async fn is_configured(&self, candidate: &Candidate) -> Result<bool, Failure> {
        let settings = self.settings(candidate).await?;
        Ok(settings.is_some_and(|settings| settings.is_configured()))
    }

    async fn listing(&self, candidate: &Candidate, options: &Options) -> Result<Box<dyn Listing>, Failure> {
        let settings = self.settings(candidate).await?.filter(platforms::Settings::is_configured);
        let settings = settings.ok_or(Failure::NotConfigured(candidate.provider))?;
        let Desk { transport, clock, .. } = &*self.desk;
        platforms::list(candidate.provider, &settings, transport, clock, options.window)
            .ok_or(Failure::NotConfigured(candidate.provider))
    }

    async fn settings(&self, candidate: &Candidate) -> Result<Option<platforms::Settings>, Failure> {
        let tenant = self.desk.tenant_or_house(candidate.tenant_id.unwrap_or_default()).await;
        let tenant = tenant.map_err(|error| match error {
            TenantError::Database(error) => Failure::Database(error),
            TenantError::Settings(message) => Failure::Settings(message),
        })?;
        Ok(tenant.settings.integrations.platform(candidate.provider).cloned())
    }
}

/// A run on its way.
struct Walk<'a> {
    reconciler: &'a Reconciler,
    candidate: &'a Candidate,
    options: &'a Options,
    listing: Box<dyn Listing>,
    run_id: Uuid,
    counts: Counts,
    calls: Vec<MissingCall>,
}

impl Walk<'_> {
    async fn pages(&mut self) -> Result<(), Stop> {
        for _ in 0..PAGES_MAX {
            let Some(page) = self.listing.next_page().await? else { return Ok(()) };
            let asked_at = self.reconciler.desk.now();
            for records in page.chunks(BATCH_CALLS) {
                self.batch(records, asked_at).await?;
            }
            self.hold_on().await?;
        }
        Err(Stop::Endless)
    }

    /// Judges some records, and stores what is missing of them.
    async fn batch(&mut self, records: &[Value], asked_at: DateTime<Utc>) -> Result<(), Stop> {
        let listed: Vec<Listed> = records.iter().filter_map(|record| self.read(record, asked_at)).collect();
        self.counts.listed += records.len() as u64;
        let ids: Vec<String> = listed.iter().map(|listed| listed.report.call_id.clone()).collect();
        let (pool, provider) = (&self.reconciler.desk.pool, self.candidate.provider);
        let known = known(pool, provider, self.candidate.tenant_id, &ids).await?;
        let mut events: Vec<NewEvent> = Vec::new();
        for item in listed {
            let known = known.get(&item.report.call_id);
            let mut what = missing(&item.report, known);
            let mut found = Some(item);
            if self.listing.is_short()
                && let Some(item) = &found
            {
                if what.is_none() && !may_miss_a_transcript(&item.report, known) {
                    continue;
                }
                found = self.whole(&item.report.call_id).await?;
                what = found.as_ref().and_then(|whole| missing(&whole.report, known));
            }
            let (Some(Listed { event, report }), Some(missing)) = (found, what) else { continue };
            self.counts.missing += 1;
            if self.calls.len() < NAMED_MAX {
                let (call_id, event_type) = (report.call_id, event.event_type.clone());
                self.calls.push(MissingCall { call_id, event_type, ended_at: report.ended_at, missing });
            }
            events.push(event);
            if events.iter().map(|event| event.payload.len()).sum::<usize>() > STATEMENT_BYTES_MAX {
                self.store(std::mem::take(&mut events)).await?;
            }
        }
        self.store(events).await
    }

    fn read(&mut self, record: &Value, asked_at: DateTime<Utc>) -> Option<Listed> {
        let grace = TimeDelta::from_std(self.options.grace).unwrap_or(TimeDelta::zero());
        let fresh_from = asked_at - grace;
        match judge::read(record, self.candidate, &self.reconciler.registry, asked_at, fresh_from) {
            Ok(listed) => return Some(listed),
            Err(LeftAlone::Ongoing) => self.counts.ongoing += 1,
            Err(LeftAlone::Fresh) => self.counts.fresh += 1,
            Err(LeftAlone::Undated) => self.counts.undated += 1,
            Err(LeftAlone::Unread) => self.counts.unread += 1,
        }
        None
    }

    /// The whole record of a call of which the list has a part.
    async fn whole(&mut self, call_id: &str) -> Result<Option<Listed>, Stop> {
        self.hold_on().await?;
        let Some(body) = self.listing.whole(call_id).await? else { return Ok(None) };
        let asked_at = self.reconciler.desk.now();
        Ok(self.read(&body, asked_at))
    }

    async fn store(&mut self, events: Vec<NewEvent>) -> Result<(), Stop> {
        if events.is_empty() || self.options.dry_run {
            return Ok(());
        }
        let mut connection = self.reconciler.desk.pool.acquire().await?;
        let all: Vec<&NewEvent> = events.iter().collect();
        let accepted = match inbox::accept_reconciled(&mut connection, &all).await {
            // One record that Postgres cannot hold must not keep the others out.
            Err(error) if db::is_data_error(&error) => {
                let mut accepted = Vec::new();
                for event in &all {
                    match inbox::accept_reconciled(&mut connection, &[event]).await {
                        Ok(one) => accepted.extend(one),
                        Err(error) if db::is_data_error(&error) => self.counts.unread += 1,
                        Err(error) => return Err(error.into()),
                    }
                }
                accepted
            }
            result => result?,
        };
        self.counts.inserted += accepted.iter().filter(|accepted| matches!(accepted, Accepted::New(_))).count() as u64;
        Ok(())
    }

    /// Renews the lease, and writes down how far the run is.
    async fn hold_on(&self) -> Result<(), Stop> {
        if self.options.dry_run {
            return Ok(());
        }
        let desk = &self.reconciler.desk;
        if !lease::renew(&desk.pool, self.candidate.connection_id, self.run_id, desk.now()).await? {
            return Err(Stop::TakenOver);
        }
        history::note(&desk.pool, self.run_id, &self.counts, None, None).await?;
        Ok(())
    }
}
