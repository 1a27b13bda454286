//! Where it happens: a Postgres, the program as an endpoint and a worker, a vendor, and webhooks that come all the time.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::bodies::REFUSED_AGENT;
use super::day::Day;
use super::judge::{self, Verdict};
use super::load::Load;
use super::program::{Launcher, Program};
use super::stand::{Stand, free_port};
use super::{PLATFORM, SCHEMA};
use crate::cli::story::Vendors;
use crate::cli::{Output, sender};
use crate::clock::Clock;
use crate::crypto::new_master_key;
use crate::redact::Secret;
use crate::store::directory::unguessable;

/// How often it is asked whether all is well again.
const POLL: Duration = Duration::from_millis(20);
/// How long that may take, and as long as the day once more. What killed workers had in hand counts against the bound of its
/// kind until its leases are over.
const RECOVERY_MAX: Duration = Duration::from_secs(300);
/// The longest that webhooks may wait for their 200 at the end.
const FINISH_MAX: Duration = Duration::from_secs(60);

/// What became of one day.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) day: Day,
    pub(super) lasted_ms: u64,
    /// Webhooks that were stored at once.
    pub(super) stored: u64,
    /// That were kept in files first.
    pub(super) spooled: u64,
    /// That were answered with something else than 200, and came again.
    pub(super) refused: u64,
    /// What the last of these was answered.
    pub(super) last_refusal: Option<u16>,
    /// That were not answered, and came again.
    pub(super) unanswered: u64,
    /// The longest that one waited for its 200.
    pub(super) slowest_ms: u64,
    /// After the cause had ended: until a webhook was stored at once. `None`: it never was.
    pub(super) stored_again_ms: Option<u64>,
    /// Until the files were empty.
    pub(super) drained_ms: Option<u64>,
    /// Until every event that had come before was handled.
    pub(super) handled_ms: Option<u64>,
    /// Until every job that was due before was done.
    pub(super) worked_off_ms: Option<u64>,
}

impl Row {
    /// Whether the day went as it must.
    pub(super) fn is_good(&self) -> bool {
        // An endpoint that has just started refuses until it knows its sources.
        let all_answered = self.day.stops_endpoint() || (self.refused == 0 && self.unanswered == 0);
        all_answered && self.stored_again_ms.is_some() && self.drained_ms.is_some() && self.worked_off_ms.is_some()
    }
}

/// The stage.
pub(super) struct Stage {
    pub(super) stand: Stand,
    launcher: Launcher,
    port: u16,
    endpoint: Program,
    worker: Program,
    vendors: Vendors,
    load: Load,
    client: reqwest::Client,
}

impl Stage {
    /// Starts everything over this Postgres; logs and files go to the folder.
    pub(super) async fn set(stand: Stand, folder: &Path, rate: u32) -> anyhow::Result<Self> {
        stand.execute(&format!("drop schema if exists {SCHEMA} cascade")).await?;
        let vendors = Vendors::start()?;
        let launcher = Launcher {
            executable: std::env::current_exe()?,
            folder: folder.to_owned(),
            environment: environment(&stand.url, folder, &vendors.base_url),
        };
        launcher.run(&["migrate"]).await?;
        let port = free_port()?;
        let endpoint = launcher.endpoint(port, &["--setup"]).await?;
        let worker = launcher.worker(&[])?;
        let secret = unguessable();
        let file = folder.join("secret");
        std::fs::write(&file, &secret)?;
        let path = file.display().to_string();
        launcher
            .run(&["connection", "secret", "--provider", PLATFORM, "--slug", "default", "--secret-file", &path])
            .await?;
        std::fs::remove_file(file)?;
        let constraint = format!("alter table calls add constraint torture check (agent_id <> '{REFUSED_AGENT}')");
        stand.execute(&constraint).await?;
        let began = Instant::now();
        let load = Load::start(&format!("http://127.0.0.1:{port}"), Secret::new(secret), rate)?;
        // The secret is known to the endpoint, so that it can verify what comes while the database is away.
        let is_taken = until(FINISH_MAX, async || load.has_stored_since(began)).await.is_some();
        anyhow::ensure!(is_taken, "no webhook was stored within {FINISH_MAX:?}, before anything was broken");
        Ok(Self { stand, launcher, port, endpoint, worker, vendors, load, client: sender::client()? })
    }

    /// Lets a bad day be, and waits until all is well again.
    pub(super) async fn live_through(&mut self, day: Day, each: Duration, outage: Duration) -> anyhow::Result<Row> {
        // What was refused before the day is not the day's.
        self.load.last_refusal();
        let (before, began) = (self.load.answers(), Instant::now());
        day.pass(self, each, outage).await?;
        let (lasted, ended, ended_at) = (began.elapsed(), Instant::now(), Clock::system().now());
        let longest = RECOVERY_MAX + lasted;
        let stored_again = until(longest, async || self.load.has_stored_since(ended)).await;
        let drained = until(longest, async || self.spooled().await == Some(0)).await.map(|_| ended.elapsed());
        let waiting = async || judge::waiting(&self.stand.pool, ended_at).await;
        let handled = until(longest, async || waiting().await.is_some_and(|waiting| waiting.events == 0));
        let handled = handled.await.map(|_| ended.elapsed());
        let worked_off = until(longest, async || waiting().await.is_some_and(|waiting| waiting.is_nothing()));
        let worked_off = worked_off.await.map(|_| ended.elapsed());
        let after = self.load.answers();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Ok(Row {
            day,
            lasted_ms: ms(lasted),
            stored: after.accepted - before.accepted,
            spooled: after.spooled - before.spooled,
            refused: after.refused - before.refused,
            last_refusal: self.load.last_refusal(),
            unanswered: after.unanswered - before.unanswered,
            slowest_ms: ms(after.slowest),
            stored_again_ms: stored_again.map(ms),
            drained_ms: drained.map(ms),
            handled_ms: handled.map(ms),
            worked_off_ms: worked_off.map(ms),
        })
    }

    pub(super) async fn kill_endpoint(&mut self) -> anyhow::Result<()> {
        self.endpoint.kill().await?;
        self.endpoint = self.launcher.endpoint(self.port, &[]).await?;
        Ok(())
    }

    pub(super) async fn kill_worker(&mut self) -> anyhow::Result<()> {
        self.worker.kill().await?;
        self.worker = self.launcher.worker(&[])?;
        Ok(())
    }

    /// Ends the load, waits until all is worked off, and says what was lost or doubled.
    pub(super) async fn judge(self, output: Output) -> anyhow::Result<Verdict> {
        let Self { stand, launcher, mut endpoint, mut worker, vendors, load, .. } = self;
        let (sent, taken) = load.finish(FINISH_MAX).await;
        output.say("all webhooks are sent; now everything is worked off, and once more in a calm run")?;
        judge::wait_until_idle(&stand.pool).await?;
        endpoint.kill().await?;
        worker.kill().await?;
        let messages = vendors.asked();
        let mut verdict = judge::judge(&stand.pool, sent, &taken, &messages).await?;
        let turbulent = judge::rows(&stand.pool).await?;
        judge::forget(&stand.pool).await?;
        // Nobody is written to again.
        let mut worker = launcher.worker(&[("SWITCHHOOK__OUTREACH__DELAY", "24h")])?;
        judge::wait_until_idle(&stand.pool).await?;
        let calm = judge::rows(&stand.pool).await?;
        worker.kill().await?;
        verdict.compare(&turbulent, &calm);
        vendors.stop().await;
        stand.end().await?;
        Ok(verdict)
    }

    /// Leaves the database as it was found.
    pub(super) async fn give_up(self) {
        // It may be read-only just now; where that fails, the server is gone with everything.
        self.stand.set_read_only(false).await.ok();
        self.vendors.stop().await;
        let Self { stand, endpoint, worker, load, .. } = self;
        drop((endpoint, worker, load));
        stand.end().await.ok();
    }

    /// Webhooks that wait in files.
    async fn spooled(&self) -> Option<u64> {
        let metrics = self.client.get(format!("http://127.0.0.1:{}/metrics", self.port)).send().await.ok()?;
        let text = metrics.text().await.ok()?;
        text.lines().find_map(|line| line.strip_prefix("switchhook_spool_records ")?.trim().parse().ok())
    }
}

/// Asks until the answer is yes; how long that took.
async fn until(longest: Duration, is_so: impl AsyncFn() -> bool) -> Option<Duration> {
    let began = Instant::now();
    while !is_so().await {
        if began.elapsed() > longest {
            return None;
        }
        tokio::time::sleep(POLL).await;
    }
    Some(began.elapsed())
}

/// Everything in the environment of the processes. What is not here is as it comes.
fn environment(url: &str, folder: &Path, vendors: &str) -> Vec<(String, String)> {
    let spool = folder.join("spool").display().to_string();
    let whatsapp = format!("{vendors}/whatsapp");
    [
        ("DATABASE_URL", url),
        ("SWITCHHOOK_MASTER_KEY", new_master_key().expose()),
        ("SWITCHHOOK__DATABASE__SCHEMA", SCHEMA),
        ("SWITCHHOOK__SPOOL__DIR", &spool),
        ("SWITCHHOOK__LOG__LEVEL", "warn"),
        ("SWITCHHOOK__CONSOLE__OPEN_METRICS", "true"),
        // What is bad is dead soon.
        ("SWITCHHOOK__PROCESSOR__RETRY__FIRST", "200ms"),
        ("SWITCHHOOK__PROCESSOR__RETRY__MAX_ATTEMPTS", "3"),
        // Every missed call makes a message, at once.
        ("SWITCHHOOK__OUTREACH__DELAY", "1ms"),
        ("SWITCHHOOK__OUTREACH__QUIET_HOURS", ""),
        ("SWITCHHOOK__OUTREACH__PER_TENANT_PER_DAY", "1000000000"),
        ("SWITCHHOOK__INTEGRATIONS__WHATSAPP__BASE_URL", &whatsapp),
        ("SWITCHHOOK__INTEGRATIONS__WHATSAPP__TOKEN", "token-of-the-torture"),
        ("SWITCHHOOK__INTEGRATIONS__WHATSAPP__PHONE_NUMBER_ID", "100000000000001"),
        ("SWITCHHOOK__INTEGRATIONS__WHATSAPP__TEMPLATE", "missed_call"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
