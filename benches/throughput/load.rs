//! The senders: lean HTTP/1.1 over keep-alive connections. They share the cores with what they measure, so requests
//! are made and signed beforehand, and of an answer only its status and its length are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Latencies are kept to three digits, up to a minute, in microseconds.
const LATENCY_MAX_US: u64 = 60_000_000;

/// What the senders saw.
#[derive(Debug)]
pub struct Sent {
    /// From the first request to the last answer.
    pub took: Duration,
    /// From each request to its 200, in microseconds.
    pub latencies_us: Histogram<u64>,
    /// Answers that were no 200.
    pub refused: u64,
    /// Questions that were answered without the database.
    pub fallbacks: u64,
}

impl Sent {
    /// Webhooks answered 200 in a second.
    pub fn per_second(&self) -> f64 {
        self.latencies_us.len() as f64 / self.took.as_secs_f64()
    }

    /// A quantile of the latencies, in milliseconds.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latencies_us.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// How many answers took longer than this.
    pub fn longer_than(&self, limit: Duration) -> u64 {
        let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        self.latencies_us
            .iter_recorded()
            .filter(|at| at.value_iterated_to() > limit)
            .map(|at| at.count_at_value())
            .sum()
    }

    /// Fails if an answer was no 200.
    pub fn all_answered(self) -> anyhow::Result<Self> {
        anyhow::ensure!(self.refused == 0, "{} answers were no 200", self.refused);
        Ok(self)
    }

    fn nothing() -> anyhow::Result<Self> {
        Ok(Self { took: Duration::ZERO, latencies_us: histogram()?, refused: 0, fallbacks: 0 })
    }

    fn add(&mut self, sender: &Sender, since: Instant) {
        match sender.is_ok() {
            true => self.latencies_us.saturating_record(micros(since)),
            false => self.refused += 1,
        }
        self.fallbacks += u64::from(sender.is_fallback());
    }

    fn join(&mut self, other: &Self) -> anyhow::Result<()> {
        self.refused += other.refused;
        self.fallbacks += other.fallbacks;
        Ok(self.latencies_us.add(&other.latencies_us)?)
    }
}

/// An empty histogram of latencies.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?)
}

/// One keep-alive connection.
#[derive(Debug)]
pub struct Sender {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Sender {
    /// Connects.
    pub async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its answer, which must be a 200.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.ask(request).await?;
        anyhow::ensure!(self.is_ok(), "the answer was {}, not 200", self.answer().lines().next().unwrap_or_default());
        Ok(())
    }

    /// Sends a request and reads its answer, whatever it is.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(request)).await.context("no answer in time")?
    }

    fn is_ok(&self) -> bool {
        self.answer.starts_with(b"HTTP/1.1 200")
    }

    fn is_fallback(&self) -> bool {
        let header = b"switchhook-answer: fallback";
        self.answer.windows(header.len()).any(|bytes| bytes.eq_ignore_ascii_case(header))
    }

    /// The last answer, head and body.
    pub fn answer(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }

    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            anyhow::ensure!(read > 0, "the program hung up");
            if let Some(length) = answer_length(&self.answer)
                && self.answer.len() >= length
            {
                break;
            }
        }
        Ok(())
    }
}

/// The length of an answer, once its head is there.
fn answer_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + body.unwrap_or(0))
}

/// Sends all requests over this many connections, each as soon as the answer before it is there.
pub async fn closed_loop(address: &str, connections: usize, requests: Vec<Vec<u8>>) -> anyhow::Result<Sent> {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut senders = JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        let mut sender = Sender::connect(address).await?;
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        senders.spawn(async move {
            let mut sent = Sent::nothing()?;
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let began = Instant::now();
                sender.send(request).await?;
                sent.add(&sender, began);
            }
            anyhow::Ok(sent)
        });
    }
    join(senders, began).await
}

/// Sends all requests at a fixed rate, whatever the answers take and are. Latencies count from when a request was due.
pub async fn open_loop(
    address: &str,
    connections: usize,
    per_second: u32,
    requests: Vec<Vec<u8>>,
) -> anyhow::Result<Sent> {
    let requests = Arc::new(requests);
    let mut senders = JoinSet::new();
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Sender::connect(address).await?);
    }
    let began = Instant::now();
    for (first, mut sender) in open.into_iter().enumerate() {
        let requests = Arc::clone(&requests);
        senders.spawn(async move {
            let mut sent = Sent::nothing()?;
            for (place, request) in requests.iter().enumerate().skip(first).step_by(connections) {
                let due = began + Duration::from_secs_f64(place as f64 / f64::from(per_second));
                tokio::time::sleep_until(due.into()).await;
                sender.ask(request).await?;
                sent.add(&sender, due);
            }
            anyhow::Ok(sent)
        });
    }
    join(senders, began).await
}

async fn join(mut senders: JoinSet<anyhow::Result<Sent>>, began: Instant) -> anyhow::Result<Sent> {
    let mut all = Sent::nothing()?;
    while let Some(sent) = senders.join_next().await {
        all.join(&sent??)?;
    }
    Ok(Sent { took: began.elapsed(), ..all })
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
}
