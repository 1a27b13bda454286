//! Refusals are kept, but a flood of them must not fill the disk: so many rows a minute, and the rest as sums.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Settings;
use super::kept::{Bounds, Keeper, Room, Waiting};
use crate::clock::Clock;
use crate::crypto::Keys;
use crate::db;

/// Refusals that wait to be written at most; beyond it they are in the metrics only.
const QUEUE_MAX: usize = 2_000;
/// Refusals that came within this time share a statement.
const GATHER: Duration = Duration::from_millis(200);
/// How often it is asked whether the minute is over while nobody is refused.
const IDLE: Duration = Duration::from_secs(5);
/// How long the database may be silent; refusals that come meanwhile wait in the queue.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Platforms and reasons that are summed up in a minute at most.
const MAX_SUMS: usize = 1_000;

/// A refused request.
#[derive(Debug)]
pub struct Rejection {
    /// When.
    pub at: DateTime<Utc>,
    /// The platform of the URL, if it is one.
    pub provider: Option<&'static str>,
    /// The connection of the URL; only its beginning where it may be a secret.
    pub connection: Option<String>,
    /// Where it came from.
    pub address: Option<String>,
    /// Why.
    pub reason: String,
    /// What it was answered.
    pub status: u16,
    /// Bytes of its body that were read, or announced.
    pub body_bytes: usize,
    /// The SHA-256 of its body.
    pub body_digest: Option<String>,
    /// The request itself, where it was not verified and is kept.
    pub kept: Option<Waiting>,
}

/// Where refusals are handed in.
#[derive(Clone, Debug)]
pub struct Rejections {
    queue: mpsc::Sender<Rejection>,
    /// For requests that are kept.
    pub(super) room: Room,
}

impl Rejections {
    /// Starts the writer. It ends when the last clone is gone and everything is written.
    pub fn start(pool: PgPool, keys: Keys, clock: Clock, settings: &Settings) -> (Self, JoinHandle<()>) {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let kept = Bounds::of(settings);
        let keeper = Keeper::new(pool.clone(), keys, clock, kept);
        let writer = tokio::spawn(write_all(pool, receiver, settings.rejections_per_minute, keeper));
        (Self { queue, room: Room::new(kept) }, writer)
    }

    /// Hands in a refusal; nobody waits for it.
    pub fn add(&self, rejection: Rejection) {
        self.queue.try_send(rejection).ok();
    }
}

/// The minute that is being filled.
struct Minute {
    number: i64,
    began: Instant,
    rows: u32,
    sums: HashMap<(Option<&'static str>, u16, String), (Rejection, i64)>,
}

impl Minute {
    fn new(number: i64) -> Self {
        Self { number, began: Instant::now(), rows: 0, sums: HashMap::new() }
    }
}

async fn write_all(pool: PgPool, mut receiver: mpsc::Receiver<Rejection>, per_minute: u32, mut keeper: Keeper) {
    let mut minute = Minute::new(0);
    let mut gathered = Vec::new();
    loop {
        let received = tokio::time::timeout(IDLE, receiver.recv_many(&mut gathered, QUEUE_MAX)).await;
        let ended = received == Ok(0);
        let (mut rows, mut kept) = (Vec::new(), Vec::new());
        for mut rejection in gathered.drain(..) {
            // What waited is let go here: its room is free again when the row is made.
            if let (Some(waiting), Some(provider)) = (rejection.kept.take(), rejection.provider) {
                kept.extend(keeper.row(rejection.at, provider, &rejection.reason, &waiting));
            }
            let number = rejection.at.timestamp().div_euclid(60);
            if number != minute.number {
                rows.extend(minute.sums.drain().map(|(_, sum)| sum));
                minute = Minute::new(number);
            }
            if minute.rows < per_minute {
                minute.rows += 1;
                rows.push((rejection, 1));
            } else if minute.sums.len() < MAX_SUMS {
                let key = (rejection.provider, rejection.status, rejection.reason.clone());
                minute.sums.entry(key).or_insert_with(|| (summed_up(rejection), 0)).1 += 1;
            }
        }
        // The last flood's sums are not kept back until somebody is refused again.
        if ended || minute.began.elapsed() > Duration::from_secs(60) {
            rows.extend(minute.sums.drain().map(|(_, sum)| sum));
        }
        if let Err(error) = db::unless_silent(SILENCE_MAX, write(&pool, &rows)).await {
            tracing::warn!(rows = rows.len(), error = %db::describe(&error), "rejections could not be written");
        }
        keeper.write(&kept).await;
        keeper.expire().await;
        if ended {
            return;
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// What a sum says: neither one sender nor one body.
fn summed_up(rejection: Rejection) -> Rejection {
    Rejection { connection: None, address: None, body_digest: None, body_bytes: 0, ..rejection }
}

async fn write(pool: &PgPool, rows: &[(Rejection, i64)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let bytes = |row: &(Rejection, i64)| i64::try_from(row.0.body_bytes).unwrap_or(i64::MAX);
    let status = |row: &(Rejection, i64)| i16::try_from(row.0.status).unwrap_or(0);
    sqlx::query_file!(
        "sql/http/reject.sql",
        rows.iter().map(|row| row.0.at).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.0.provider).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.0.connection.as_deref()).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.0.address.as_deref()).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.0.reason.as_str()).collect::<Vec<_>>() as _,
        rows.iter().map(status).collect::<Vec<_>>() as _,
        rows.iter().map(bytes).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.0.body_digest.as_deref()).collect::<Vec<_>>() as _,
        rows.iter().map(|row| row.1).collect::<Vec<_>>() as _,
    )
    .execute(pool)
    .await?;
    Ok(())
}
