//! Webhooks at a steady pace, each sent until it is answered 200, as the most patient platform would, and what was answered.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::PLATFORM;
use super::bodies::{body, is_sent_twice};
use crate::cli::sender;
use crate::clock::Clock;
use crate::providers::{self, Provider};
use crate::redact::Secret;

/// How often it is looked which webhooks are due.
const TICK: Duration = Duration::from_millis(5);
/// When a webhook that was not taken is sent again.
const RETRY: Duration = Duration::from_millis(200);
/// Webhooks on their way at most: whoever waits for these sends no more.
const IN_FLIGHT_MAX: usize = 5_000;

/// What was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    /// Stored.
    pub(super) accepted: u64,
    /// Stored before.
    pub(super) duplicates: u64,
    /// Kept in files.
    pub(super) spooled: u64,
    /// Answered with something else than 200.
    pub(super) refused: u64,
    /// Not answered: nobody listens, or the connection ended.
    pub(super) unanswered: u64,
    /// The longest that one waited for its 200.
    pub(super) slowest: Duration,
}

/// Webhooks that are being sent.
pub(super) struct Load {
    shared: Arc<Shared>,
    stop: CancellationToken,
    pacing: JoinHandle<()>,
}

struct Shared {
    client: reqwest::Client,
    platform: &'static dyn Provider,
    url: String,
    secret: Secret,
    began_ms: i64,
    next: AtomicU64,
    state: Mutex<State>,
    /// Stored webhooks may be sent no more: the program is gone for good.
    given_up: CancellationToken,
}

#[derive(Default)]
struct State {
    answers: Answers,
    /// By number: answered 200.
    taken: HashSet<u64>,
    /// What was answered last that was no 200.
    last_refusal: Option<u16>,
    /// When the newest of those that were stored at once was sent.
    stored_at: Option<Instant>,
}

impl Shared {
    /// Nothing panics while this is held; and if something did, it would still be true.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    /// Sends so many webhooks a second to this service.
    pub(super) fn start(base_url: &str, secret: Secret, rate: u32) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            client: sender::client()?,
            platform: providers::find(PLATFORM).context("the platform of the load is known")?,
            url: format!("{base_url}/webhooks/{PLATFORM}"),
            secret,
            began_ms: Clock::system().now().timestamp_millis() - 120_000,
            next: AtomicU64::new(0),
            state: Mutex::default(),
            given_up: CancellationToken::new(),
        });
        let stop = CancellationToken::new();
        let pacing = tokio::spawn(pace(Arc::clone(&shared), rate, stop.clone()));
        Ok(Self { shared, stop, pacing })
    }

    /// What was answered so far; the slowest since this was asked last.
    pub(super) fn answers(&self) -> Answers {
        let mut state = self.shared.state();
        let answers = state.answers;
        state.answers.slowest = Duration::ZERO;
        answers
    }

    /// What was answered last that was no 200, since this was asked last.
    pub(super) fn last_refusal(&self) -> Option<u16> {
        self.shared.state().last_refusal.take()
    }

    /// Whether one that was sent after this moment was stored at once.
    pub(super) fn has_stored_since(&self, moment: Instant) -> bool {
        self.shared.state().stored_at.is_some_and(|at| at >= moment)
    }

    /// Sends no new ones, and waits until all are answered 200, for so long at most. Returns how many there are, and those
    /// that were answered.
    pub(super) async fn finish(mut self, longest: Duration) -> (u64, HashSet<u64>) {
        self.stop.cancel();
        if tokio::time::timeout(longest, &mut self.pacing).await.is_err() {
            self.shared.given_up.cancel();
            self.pacing.abort();
        }
        let taken = std::mem::take(&mut self.shared.state().taken);
        (self.shared.next.load(Ordering::Relaxed), taken)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.given_up.cancel();
        self.pacing.abort();
    }
}

async fn pace(shared: Arc<Shared>, rate: u32, stop: CancellationToken) {
    let (began, mut sending) = (Instant::now(), JoinSet::new());
    let mut missed = 0.0;
    while !stop.is_cancelled() {
        tokio::time::sleep(TICK).await;
        while sending.try_join_next().is_some() {}
        let due = began.elapsed().as_secs_f64() * f64::from(rate) - missed;
        while (shared.next.load(Ordering::Relaxed) as f64) < due {
            if sending.len() >= IN_FLIGHT_MAX {
                missed += due - shared.next.load(Ordering::Relaxed) as f64;
                break;
            }
            let number = shared.next.fetch_add(1, Ordering::Relaxed);
            sending.spawn(deliver(Arc::clone(&shared), number));
        }
    }
    while sending.join_next().await.is_some() {}
}

async fn deliver(shared: Arc<Shared>, number: u64) {
    let body = body(number, shared.began_ms);
    let times = if is_sent_twice(number) { 2 } else { 1 };
    let first = Instant::now();
    for _ in 0..times {
        while !shared.given_up.is_cancelled() && !attempt(&shared, number, &body, first).await {
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Sends it once; whether it was answered 200.
async fn attempt(shared: &Shared, number: u64, body: &str, first: Instant) -> bool {
    let sent_at = Instant::now();
    let now = Clock::system().now();
    let signed = shared.platform.sign(body, Some(&shared.secret), now);
    let mut request = shared.client.post(&shared.url).header("content-type", signed.content_type).body(signed.body);
    for (name, value) in signed.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await;
    let mut state = shared.state();
    let answer = match answer {
        Ok(answer) if answer.status() == reqwest::StatusCode::OK => answer,
        Ok(answer) => {
            state.answers.refused += 1;
            state.last_refusal = Some(answer.status().as_u16());
            return false;
        }
        Err(_) => {
            state.answers.unanswered += 1;
            return false;
        }
    };
    let outcome = answer.headers().get("switchhook-outcome").and_then(|value| value.to_str().ok());
    match outcome {
        Some("spooled") => state.answers.spooled += 1,
        Some("duplicate") => state.answers.duplicates += 1,
        _ => {
            state.answers.accepted += 1;
            state.stored_at = state.stored_at.max(Some(sent_at));
        }
    }
    if state.taken.insert(number) {
        state.answers.slowest = state.answers.slowest.max(first.elapsed());
    }
    true
}
